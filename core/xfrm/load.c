// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Fills an xfrm table from the kernel's dumps, one datagram at a time: the policies, their count as a check, then the
 * SAs. Source: net/xfrm/xfrm_user.c (xfrm_dump_policy, build_spdinfo, xfrm_dump_sa).
 */
#include <errno.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/attributes.h"
#include "netlink/dump.h"
#include "netlink/state.h"
#include "util/clock.h"
#include "util/text.h"
#include "xfrm/parse.h"
#include "xfrm/table_internal.h"

/* Limit of a load: a million SAs took a fifth of a millisecond each on an emulated processor. */
enum { XFRM_LONGEST_MS = 5 * 60 * 1000 };

struct xfrm_load {
	struct xfrm_table *table;
	struct netlink_channel channel;
	struct netlink_dumping dumping; /* the load owns the request */
	struct netlink_reader reader;
	bool is_open;
	bool reads_sas;
	int rounds;
	int rc;                                                   /* result of the last step */
	uint32_t seen[XFRM_POLICY_MAX], counted[XFRM_POLICY_MAX]; /* policies, by direction */
	char error[XFRM_TABLE_ERROR_MAX];
};

static int added(struct xfrm_load *load, int err)
{
	if (err == -EEXIST) /* replaced while the dump was made */
		return netlink_fail(&load->channel, -EAGAIN, "an SA or policy is there twice");
	return err ? netlink_fail(&load->channel, err, "no memory for policies and SAs") : 0;
}

/* ---- policies ---- */

static void restart_policies(void *context)
{
	struct xfrm_load *load = context;

	xfrm_table_drop_policies(load->table);
	memset(load->seen, 0, sizeof(load->seen));
}

static int take_policy(const struct nlmsghdr *message, void *context)
{
	struct xfrm_load *load = context;
	struct netlink_channel *channel = &load->channel;
	struct xfrm_policy_evidence policy;
	int err;

	if (message->nlmsg_type != XFRM_MSG_NEWPOLICY)
		return netlink_fail(channel, -EPROTO, "a policy is not understood");
	err = xfrm_parse_policy(message, &policy, channel->error, channel->error_size);
	if (err || policy.dir >= XFRM_POLICY_MAX)
		return err;
	load->seen[policy.dir]++;
	return added(load, xfrm_table_add_policy(load->table, &policy));
}

static int take_policy_count(const struct nlmsghdr *message, void *context)
{
	static const struct nla_policy policy_of[XFRMA_SPD_MAX + 1] = {
		[XFRMA_SPD_INFO] = NETLINK_AT_LEAST(sizeof(struct xfrmu_spdinfo)),
	};
	struct nlattr *attrs[XFRMA_SPD_MAX + 1];
	struct xfrm_load *load = context;
	struct xfrmu_spdinfo info;

	if (message->nlmsg_type != XFRM_MSG_NEWSPDINFO ||
	    netlink_attributes(message, sizeof(uint32_t), XFRMA_SPD_MAX, policy_of, attrs) || !attrs[XFRMA_SPD_INFO])
		return netlink_fail(&load->channel, -EPROTO, "the number of policies is not understood");
	memcpy(&info, nla_data(attrs[XFRMA_SPD_INFO]), sizeof(info));
	load->counted[XFRM_POLICY_IN] = info.incnt;
	load->counted[XFRM_POLICY_OUT] = info.outcnt;
	load->counted[XFRM_POLICY_FWD] = info.fwdcnt;
	return 0;
}

static int ask_for_policy_count(struct xfrm_load *load)
{
	uint32_t flags = UINT32_MAX; /* requests all counts; the kernel only echoes it */
	struct nl_msg *request = netlink_request(XFRM_MSG_GETSPDINFO, &flags, sizeof(flags));
	int err = netlink_ask(&load->channel, request, take_policy_count, load);

	nlmsg_free(request);
	return err;
}

/* ---- SAs ---- */

static void restart_sas(void *context)
{
	xfrm_table_drop_sas(((struct xfrm_load *)context)->table);
}

/*
 * An SA without an SPI was made by an ACQUIRE. It protects nothing, and no event reports its creation or its
 * replacement by the negotiated SA (xfrm_state_add()), so the table leaves it out.
 */
static int take_sa(const struct nlmsghdr *message, void *context)
{
	struct xfrm_load *load = context;
	struct netlink_channel *channel = &load->channel;
	struct xfrm_sa_evidence sa;
	int err;

	if (message->nlmsg_type != XFRM_MSG_NEWSA)
		return netlink_fail(channel, -EPROTO, "an SA is not understood");
	err = xfrm_parse_sa(message, &sa, channel->error, channel->error_size);
	if (err || !sa.spi)
		return err;
	return added(load, xfrm_table_add_sa(load->table, &sa));
}

/* ---- one dump after the other ---- */

static int begin_dump(struct xfrm_load *load, bool of_sas)
{
	nlmsg_free(load->dumping.request);
	load->dumping.request = nlmsg_alloc_simple(of_sas ? XFRM_MSG_GETSA : XFRM_MSG_GETPOLICY, 0);
	load->reads_sas = of_sas;
	load->reader = of_sas ? (struct netlink_reader){ restart_sas, take_sa, load }
			      : (struct netlink_reader){ restart_policies, take_policy, load };
	load->dumping.reader = &load->reader;
	return netlink_dump_begin(&load->channel, &load->dumping);
}

/*
 * xfrm dumps never set NLM_F_DUMP_INTR, and xfrm_policy_walk() misses entries that are inserted before its position: a
 * policy that is replaced during the dump (xfrm_policy_insert()) can be missing in both forms. The counts show this.
 */
static int policies_are_read(struct xfrm_load *load)
{
	int err = ask_for_policy_count(load);

	if (err)
		return err;
	if (!memcmp(load->seen, load->counted, sizeof(load->seen)))
		return begin_dump(load, true);
	if (++load->rounds == NETLINK_TRIES)
		return netlink_fail(&load->channel, -EAGAIN, "the policies changed while they were read");
	return begin_dump(load, false);
}

static int step(struct xfrm_load *load)
{
	int rc = netlink_dump_step(&load->channel, &load->dumping);

	if (rc || load->reads_sas)
		return rc;
	rc = policies_are_read(load);
	return rc ? rc : NETLINK_MORE;
}

static int begin(struct xfrm_load *load, const struct netlink_transport *transport)
{
	int err = netlink_open(&load->channel, transport, NETLINK_XFRM, load->error, sizeof(load->error));

	if (err)
		return err;
	load->is_open = true;
	netlink_allow(&load->channel, XFRM_LONGEST_MS);
	err = begin_dump(load, false);
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
	load->table->error[0] = '\0'; /* that of an attempt before the one that succeeded */
}

bool xfrm_load_go_on(struct xfrm_load *load, int64_t until_ms)
{
	netlink_resume(&load->channel);
	while (load->rc == NETLINK_MORE) {
		load->rc = step(load);
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
	nlmsg_free(load->dumping.request);
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
