// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Reads qdiscs, classes and filters. Sources: tc_dump_qdisc() and tc_dump_tclass() in net/sched/sch_api.c,
 * tc_dump_tfilter() in net/sched/cls_api.c, bpf_mprog_query() in kernel/bpf/mprog.c.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hazards/filters.h"
#include "netlink/attributes.h"
#include "netlink/dump.h"
#include "util/array.h"
#include "util/text.h"

enum { TCX_EGRESS = 47 }; /* BPF_TCX_EGRESS, of kernel 6.6 */

/* A qdisc or a class, to which filters may be attached. */
struct parent {
	enum traffic_place place;
	uint32_t handle;
	bool has_classes;
};

struct reading {
	struct netlink_channel *channel;
	int ifindex;
	struct parent *parents;
	size_t parent_count;
	size_t qdisc_count; /* of the parents: the first */
	struct traffic *traffic;
	struct traffic_block *block; /* in progress */
};

/* ---- freeing ---- */

static void free_filters(struct traffic_block *block)
{
	for (size_t i = 0; i < block->count; i++)
		free(block->filters[i].options);
	free(block->filters);
	block->filters = NULL;
	block->count = 0;
}

void traffic_free(struct traffic *traffic)
{
	if (!traffic)
		return;
	for (size_t i = 0; i < traffic->block_count; i++)
		free_filters(&traffic->blocks[i]);
	free(traffic->blocks);
	free(traffic);
}

/* ---- qdiscs and classes ---- */

static int add_parent(struct reading *reading, const struct parent *parent)
{
	if (reading->parent_count >= TRAFFIC_FILTERS_MAX)
		return netlink_fail(reading->channel, -E2BIG, "more qdiscs and classes of tc than are looked at");
	if (array_append(&reading->parents, &reading->parent_count, parent, sizeof(*parent)))
		return netlink_fail(reading->channel, -ENOMEM, "no memory for qdiscs of tc");
	return 0;
}

static bool is_any_of(const char *kind, const char *const *kinds)
{
	for (; *kinds; kinds++)
		if (!strcmp(kind, *kinds))
			return true;
	return false;
}

/* Their tcf_block() is missing. */
static bool has_no_filters(const char *kind)
{
	static const char *const kinds[] = { "ingress", "noqueue", "mq",    "pfifo", "bfifo", "pfifo_fast", "fq",
					     "tbf",     "netem",   "codel", "pie",   "red",   NULL };

	return is_any_of(kind, kinds);
}

/* Their tcf_block() knows no classes, or they have none. */
static bool has_no_classes(const char *kind)
{
	static const char *const kinds[] = { "clsact", "fq_codel", "sfq", "cake", "prio", "drr", "qfq", "ets", NULL };

	return is_any_of(kind, kinds);
}

static void restart_qdiscs(void *context)
{
	struct reading *reading = context;

	reading->parent_count = 0;
	free(reading->parents);
	reading->parents = NULL;
}

static const struct nla_policy kind_policy[TCA_MAX + 1] = {
	[TCA_KIND] = { .type = NLA_STRING, .minlen = 1, .maxlen = TRAFFIC_KIND_SIZE },
	[TCA_OPTIONS] = { .type = NLA_NESTED },
	[TCA_CHAIN] = NETLINK_EXACTLY(4),
};

static int take_qdisc(const struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;
	const struct tcmsg *tc = NLMSG_DATA(message);
	struct nlattr *attrs[TCA_MAX + 1];
	struct parent parent = { .place = TRAFFIC_DEEP };
	const char *kind;

	if (message->nlmsg_type != RTM_NEWQDISC ||
	    netlink_attributes(message, sizeof(*tc), TCA_MAX, kind_policy, attrs) || !attrs[TCA_KIND])
		return netlink_fail(reading->channel, -EPROTO, "a qdisc of the kernel's list is not understood");
	kind = nla_get_string(attrs[TCA_KIND]);
	/* handle 0: the kernel's own, to which filters cannot be attached */
	if (tc->tcm_ifindex != reading->ifindex || !tc->tcm_handle || has_no_filters(kind))
		return 0;
	parent.handle = tc->tcm_handle;
	parent.has_classes = !has_no_classes(kind);
	if (!strcmp(kind, "clsact")) {
		parent.place = TRAFFIC_CLSACT;
		parent.handle = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);
	} else if (tc->tcm_parent == TC_H_ROOT) {
		parent.place = TRAFFIC_ROOT;
	}
	return add_parent(reading, &parent);
}

static void restart_classes(void *context)
{
	struct reading *reading = context;

	reading->parent_count = reading->qdisc_count;
}

static int take_class(const struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;
	const struct tcmsg *tc = NLMSG_DATA(message);
	struct parent parent = { .place = TRAFFIC_DEEP };

	if (message->nlmsg_type != RTM_NEWTCLASS || message->nlmsg_len < NLMSG_LENGTH(sizeof(*tc)))
		return netlink_fail(reading->channel, -EPROTO, "a class of the kernel's list is not understood");
	for (size_t i = 0; i < reading->qdisc_count; i++)
		if (reading->parents[i].has_classes && TC_H_MAJ(reading->parents[i].handle) == TC_H_MAJ(tc->tcm_handle))
			parent.handle = tc->tcm_handle;
	return parent.handle && TC_H_MIN(parent.handle) ? add_parent(reading, &parent) : 0;
}

/* ---- filters ---- */

static void restart_filters(void *context)
{
	struct reading *reading = context;

	reading->traffic->filter_count -= reading->block->count;
	free_filters(reading->block);
	reading->block->has_links = false;
}

static bool links_tables(const struct nlattr *options, const char *kind)
{
	static const struct nla_policy policy[TCA_U32_MAX + 1] = { [TCA_U32_LINK] = NETLINK_EXACTLY(4) };
	struct nlattr *attrs[TCA_U32_MAX + 1];

	return !strcmp(kind, "u32") && options &&
	       (netlink_nested(options, TCA_U32_MAX, policy, attrs) || attrs[TCA_U32_LINK]);
}

static int add_filter(struct reading *reading, const struct tcmsg *tc, struct nlattr **attrs)
{
	struct traffic_block *block = reading->block;
	const struct nlattr *options = attrs[TCA_OPTIONS];
	struct traffic_filter filter = {
		.handle = tc->tcm_handle,
		.chain = attrs[TCA_CHAIN] ? nla_get_u32(attrs[TCA_CHAIN]) : 0,
		.priority = TC_H_MAJ(tc->tcm_info) >> 16,
		.protocol = ntohs((uint16_t)TC_H_MIN(tc->tcm_info)),
	};

	text_copy(filter.kind, sizeof(filter.kind), nla_get_string(attrs[TCA_KIND]));
	if (options) {
		filter.options = malloc(options->nla_len);
		if (!filter.options)
			return -ENOMEM;
		memcpy(filter.options, options, options->nla_len);
	}
	if (array_append(&block->filters, &block->count, &filter, sizeof(filter))) {
		free(filter.options);
		return -ENOMEM;
	}
	block->has_links |= links_tables(options, filter.kind);
	reading->traffic->filter_count++;
	return 0;
}

/* A classifier without filters, and the end of a chain, are listed with handle 0. */
static int take_filter(const struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;
	const struct tcmsg *tc = NLMSG_DATA(message);
	struct nlattr *attrs[TCA_MAX + 1];

	if (message->nlmsg_type != RTM_NEWTFILTER ||
	    netlink_attributes(message, sizeof(*tc), TCA_MAX, kind_policy, attrs) || !attrs[TCA_KIND])
		return netlink_fail(reading->channel, -EPROTO, "a filter of the kernel's list is not understood");
	if (!tc->tcm_handle)
		return 0;
	if (reading->traffic->filter_count >= TRAFFIC_FILTERS_MAX)
		return netlink_fail(reading->channel, -E2BIG, "more filters of tc than are looked at");
	if (add_filter(reading, tc, attrs))
		return netlink_fail(reading->channel, -ENOMEM, "no memory for filters of tc");
	return 0;
}

static int dump(struct reading *reading, int type, uint32_t parent, const struct netlink_reader *reader)
{
	const struct tcmsg header = { .tcm_family = AF_UNSPEC, .tcm_ifindex = reading->ifindex, .tcm_parent = parent };
	struct nl_msg *request = netlink_request(type, &header, sizeof(header));
	int err = netlink_dump(reading->channel, request, reader);

	nlmsg_free(request);
	return err;
}

static int read_filters_of(struct reading *reading, const struct parent *parent)
{
	const struct netlink_reader reader = { restart_filters, take_filter, reading };
	struct traffic_block block = { .place = parent->place, .parent = parent->handle };
	int err;

	reading->block = &block;
	err = dump(reading, RTM_GETTFILTER, parent->handle, &reader);
	if (!err && block.count &&
	    array_append(&reading->traffic->blocks, &reading->traffic->block_count, &block, sizeof(block)))
		err = netlink_fail(reading->channel, -ENOMEM, "no memory for filters of tc");
	if (err || !block.count)
		free_filters(&block);
	return err;
}

static int read_all(struct reading *reading)
{
	const struct netlink_reader qdiscs = { restart_qdiscs, take_qdisc, reading };
	const struct netlink_reader classes = { restart_classes, take_class, reading };
	bool has_classes = false;
	int err = dump(reading, RTM_GETQDISC, 0, &qdiscs);

	if (err)
		return err;
	reading->qdisc_count = reading->parent_count;
	for (size_t i = 0; i < reading->qdisc_count; i++)
		has_classes |= reading->parents[i].has_classes;
	if (has_classes)
		err = dump(reading, RTM_GETTCLASS, 0, &classes);
	for (size_t i = 0; !err && i < reading->parent_count; i++)
		err = read_filters_of(reading, &reading->parents[i]);
	return err;
}

/* ---- */

/* Kernels before 6.6 know no such attachment, and answer EINVAL. */
unsigned int traffic_count_programs(int ifindex)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)ifindex; /* target_ifindex */
	attr.query.attach_type = TCX_EGRESS;
	return syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) ? 0 : attr.query.prog_cnt;
}

int traffic_read(const struct netlink_transport *transport, int ifindex, bool programs, struct traffic **out,
		 char *error, size_t error_size)
{
	struct netlink_channel channel;
	struct reading reading = { .channel = &channel,
				   .ifindex = ifindex,
				   .traffic = calloc(1, sizeof(*reading.traffic)) };
	int err;

	if (!reading.traffic)
		return -ENOMEM;
	err = netlink_open(&channel, transport, NETLINK_ROUTE, error, error_size);
	if (!err) {
		err = read_all(&reading);
		netlink_close(&channel);
		free(reading.parents);
	}
	if (err) {
		traffic_free(reading.traffic);
		return err;
	}
	if (programs)
		reading.traffic->programs = traffic_count_programs(ifindex);
	*out = reading.traffic;
	return 0;
}
