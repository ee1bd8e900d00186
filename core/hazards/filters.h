/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The filters of a netdev, as traffic_read.c reads them and traffic_judge() follows them, in three files. */
#ifndef RDMASEC_HAZARDS_FILTERS_H
#define RDMASEC_HAZARDS_FILTERS_H

#include <netlink/attr.h>

#include "hazards/packet.h"
#include "hazards/registers.h"
#include "hazards/traffic.h"

enum { TRAFFIC_KIND_SIZE = 16 }; /* IFNAMSIZ: struct tcf_proto_ops */

struct traffic_filter {
	char kind[TRAFFIC_KIND_SIZE];
	struct nlattr *options; /* TCA_OPTIONS, a copy; NULL: none */
	uint32_t handle, chain, priority;
	uint16_t protocol; /* host order */
};

/* Where filters are, in the order in which a packet meets them. */
enum traffic_place {
	TRAFFIC_DEEP = 0, /* of a class, or of a qdisc below another: reached by some packets */
	TRAFFIC_CLSACT,
	TRAFFIC_ROOT,
};

struct traffic_block {
	enum traffic_place place;
	uint32_t parent;
	struct traffic_filter *filters; /* in the order of the kernel: by chain and priority */
	size_t count;
	bool has_links; /* u32: tables that only some packets reach */
};

struct traffic {
	struct traffic_block *blocks;
	size_t block_count, filter_count;
	unsigned int programs; /* of tcx */
};

/* A packet on its way. */
struct traffic_walk {
	const struct traffic *traffic;
	const struct traffic_block *block;
	const struct netfilter_flow *flow;
	enum traffic_frame frame;
	traffic_target_fn target;
	const void *context;
	struct octets packet; /* its network and UDP header */
	enum netfilter_verdict verdict;
	char *name; /* of the first finding; TRAFFIC_FILTER_MAX octets */
	unsigned int steps_left;
};

/* Where packets may go from a filter: a set. */
enum {
	TRAFFIC_CONTINUES = 1, /* to the next filter */
	TRAFFIC_PASSES = 2,    /* to whatever comes after the filters */
	TRAFFIC_ENDS = 4,      /* dropped, or led elsewhere */
	TRAFFIC_ANYWHERE = 7,
};

/* Whether the filter matches the packet. `filter` may be of any kind. */
enum answer traffic_match(const struct traffic_walk *walk, const struct traffic_filter *filter);

/* Counts the programs of tcx at egress of a netdev of the calling thread's network namespace: 0 if it may not. */
unsigned int traffic_count_programs(int ifindex);

/* The list of actions of a filter, or NULL; *out_program: it is BPF that acts by itself. */
const struct nlattr *traffic_actions(const struct traffic_filter *filter, bool *out_program);

/* What one action (an item of the list) does. */
struct traffic_action {
	enum netfilter_verdict leads; /* elsewhere, or changes the packet; CANNOT_HIT: neither */
	bool is_chance;               /* its verdict is not known */
	int32_t verdict;              /* TC_ACT_* */
};
void traffic_action_read(const struct traffic_walk *walk, const struct nlattr *item, struct traffic_action *out);

#endif
