// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The SPD and the SAD as arrays. */
#include <errno.h>
#include <stdlib.h>

#include "evidence/private.h"
#include "util/array.h"
#include "xfrm/reading.h"

void evidence_free_policies(struct evidence *ev)
{
	free(ev->policies);
	ev->policies = NULL;
	ev->policy_count = 0;
}

void evidence_free_sas(struct evidence *ev)
{
	free(ev->sas);
	ev->sas = NULL;
	ev->sa_count = 0;
}

static void restart_policies(void *context)
{
	evidence_free_policies(context);
}

static void restart_sas(void *context)
{
	evidence_free_sas(context);
}

static int add_policy(const struct xfrm_policy_evidence *policy, void *context)
{
	struct evidence *ev = context;
	struct xfrm_policy_evidence *all = array_room(ev->policies, ev->policy_count, sizeof(*all));

	if (!all)
		return -ENOMEM;
	ev->policies = all;
	all[ev->policy_count++] = *policy;
	return 0;
}

static int add_sa(const struct xfrm_sa_evidence *sa, void *context)
{
	struct evidence *ev = context;
	struct xfrm_sa_evidence *all = array_room(ev->sas, ev->sa_count, sizeof(*all));

	if (!all)
		return -ENOMEM;
	ev->sas = all;
	all[ev->sa_count++] = *sa;
	return 0;
}

static void set_default(bool block, void *context)
{
	((struct evidence *)context)->xfrm_default_block_out = block;
}

int evidence_read_xfrm(struct netlink_channel *channel, struct evidence *ev)
{
	const struct xfrm_sink sink = { restart_policies, restart_sas, add_policy, add_sa, set_default, ev };
	struct xfrm_reading reading;
	int rc = xfrm_reading_begin(&reading, channel, &sink);

	if (!rc)
		do
			rc = xfrm_reading_step(&reading);
		while (rc == NETLINK_MORE);
	xfrm_reading_end(&reading);
	return rc;
}
