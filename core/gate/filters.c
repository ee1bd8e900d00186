// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Source: net/sched/cls_api.c (tc_dump_tfilter), net/sched/cls_bpf.c (cls_bpf_dump). */
#include "gate/filters.h"

#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "netlink/attributes.h"
#include "netlink/dump.h"
#include "util/text.h"

struct filters_reading {
	struct netlink_channel *channel;
	struct gate_filters *out;
	uint32_t handle;
};

static void restart(void *context)
{
	struct filters_reading *reading = context;

	*reading->out = (struct gate_filters){ .place = GATE_ABSENT };
}

static bool is_of_gate(const struct nlattr *options, const char *kind)
{
	static const struct nla_policy policy[TCA_BPF_MAX + 1] = { [TCA_BPF_NAME] = { .type = NLA_STRING } };
	struct nlattr *attrs[TCA_BPF_MAX + 1];

	return !strcmp(kind, "bpf") && options && !netlink_nested(options, TCA_BPF_MAX, policy, attrs) &&
	       attrs[TCA_BPF_NAME] && !strncmp(nla_get_string(attrs[TCA_BPF_NAME]), "gate_", strlen("gate_"));
}

/* A classifier without filters, and the end of a chain, are listed with handle 0. */
static int take_filter(const struct nlmsghdr *message, void *context)
{
	static const struct nla_policy policy[TCA_MAX + 1] = {
		[TCA_KIND] = { .type = NLA_STRING },
		[TCA_OPTIONS] = { .type = NLA_NESTED },
	};
	struct filters_reading *reading = context;
	const struct tcmsg *tc = NLMSG_DATA(message);
	struct nlattr *attrs[TCA_MAX + 1];

	if (message->nlmsg_type != RTM_NEWTFILTER || netlink_attributes(message, sizeof(*tc), TCA_MAX, policy, attrs) ||
	    !attrs[TCA_KIND])
		return netlink_fail(reading->channel, -EPROTO, "a filter of the kernel's list is not understood");
	if (!tc->tcm_handle)
		return 0;
	if (tc->tcm_handle == reading->handle && is_of_gate(attrs[TCA_OPTIONS], nla_get_string(attrs[TCA_KIND])))
		reading->out->place = reading->out->others ? GATE_BEHIND_OTHERS : GATE_FIRST;
	else
		reading->out->others++;
	return 0;
}

static int read_filters(struct netlink_channel *channel, const struct tcmsg *header, struct filters_reading *reading)
{
	struct netlink_reader reader = { .restart = restart, .message = take_filter, .context = reading };
	struct nl_msg *request = nlmsg_alloc_simple(RTM_GETTFILTER, NLM_F_DUMP);
	int err;

	if (!request || nlmsg_append(request, (void *)header, sizeof(*header), NLMSG_ALIGNTO))
		err = netlink_fail(channel, -ENOMEM, "no memory");
	else
		err = netlink_dump(channel, request, &reader);
	nlmsg_free(request);
	return err;
}

int gate_read_filters(int ifindex, enum bpf_tc_attach_point point, uint32_t handle, struct gate_filters *out,
		      char *error, size_t error_size)
{
	const struct tcmsg header = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ifindex,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, point == BPF_TC_EGRESS ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS),
	};
	struct netlink_channel channel;
	struct filters_reading reading = { .channel = &channel, .out = out, .handle = handle };
	int err = netlink_open(&channel, &netlink_kernel, NETLINK_ROUTE, error, error_size);

	*out = (struct gate_filters){ .place = GATE_PLACE_UNKNOWN };
	if (err)
		return err;
	err = read_filters(&channel, &header, &reading);
	netlink_close(&channel);
	if (err)
		out->place = GATE_PLACE_UNKNOWN;
	return err;
}
