// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Filling an xfrm table with all that the kernel has. */
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>

#include "netlink/state.h"
#include "util/clock.h"
#include "util/text.h"
#include "xfrm/parse.h"
#include "xfrm/reading.h"
#include "xfrm/table_internal.h"

struct xfrm_load {
	struct xfrm_table *table;
	struct netlink_channel channel;
	struct xfrm_sink sink;
	struct xfrm_reading reading;
	char error[sizeof(((struct xfrm_table *)NULL)->error)];
	bool is_open;
	int rc; /* of the last step */
};

static void restart_policies(void *context)
{
	xfrm_table_drop_policies(context);
}

static void restart_sas(void *context)
{
	xfrm_table_drop_sas(context);
}

static int add_policy(const struct xfrm_policy_evidence *policy, void *context)
{
	return xfrm_table_add_policy(context, policy);
}

/*
 * Without SPI: an SA that an ACQUIRE has made, of which no event tells, neither when it comes nor when the negotiated
 * one takes its place (xfrm_state_add()). It protects nothing.
 */
static int add_sa(const struct xfrm_sa_evidence *sa, void *context)
{
	return sa->spi ? xfrm_table_add_sa(context, sa) : 0;
}

static int begin(struct xfrm_load *load, const struct netlink_transport *transport)
{
	int err = netlink_open(&load->channel, transport, NETLINK_XFRM, load->error, sizeof(load->error));

	if (err)
		return err;
	load->is_open = true;
	err = xfrm_reading_begin(&load->reading, &load->channel, &load->sink);
	return err ? err : NETLINK_MORE;
}

struct xfrm_load *xfrm_load_begin(struct xfrm_table *table, const struct netlink_transport *transport)
{
	struct xfrm_load *load = calloc(1, sizeof(*load));

	xfrm_table_reset(table, EVIDENCE_BROKEN,
			 load ? "the IPsec policies and SAs are still being read" : "no memory for policies and SAs");
	if (!load)
		return NULL;
	load->table = table;
	load->sink = (struct xfrm_sink){ restart_policies, restart_sas, add_policy, add_sa, table };
	load->rc = begin(load, transport);
	return load;
}

static void finish(struct xfrm_load *load)
{
	enum evidence_state state = netlink_state_after(load->rc, NETLINK_XFRM);

	if (state != EVIDENCE_READ) {
		xfrm_table_reset(load->table, state, state == EVIDENCE_BROKEN ? load->error : "");
		return;
	}
	load->table->state = EVIDENCE_READ;
	load->table->error[0] = '\0'; /* of a try that a later one made good */
}

bool xfrm_load_go_on(struct xfrm_load *load, int64_t until_ms)
{
	netlink_resume(&load->channel);
	while (load->rc == NETLINK_MORE) {
		load->rc = xfrm_reading_step(&load->reading);
		if (load->rc == NETLINK_MORE && clock_ms() >= until_ms)
			return false;
	}
	finish(load);
	return true;
}

void xfrm_load_end(struct xfrm_load *load)
{
	if (load->rc == NETLINK_MORE)
		xfrm_table_reset(load->table, EVIDENCE_BROKEN, "the IPsec policies and SAs were not read to the end");
	xfrm_reading_end(&load->reading);
	if (load->is_open)
		netlink_close(&load->channel);
	free(load);
}

enum evidence_state xfrm_table_load(struct xfrm_table *table, const struct netlink_transport *transport, char *error,
				    size_t error_size)
{
	struct xfrm_load *load = xfrm_load_begin(table, transport);

	if (load) {
		while (!xfrm_load_go_on(load, INT64_MAX))
			;
		xfrm_load_end(load);
	}
	text_copy(error, error_size, table->error);
	return table->state;
}
