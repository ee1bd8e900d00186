/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Filters of traffic control (tc) that lead a packet elsewhere, or change it, where it leaves by a netdev: those of
 * clsact at egress, those of queueing disciplines and their classes, and BPF programs of tcx.
 *
 * Any user can read filters. Counting programs of tcx takes CAP_NET_ADMIN. Sources: net/sched/cls_api.c, sch_api.c,
 * cls_{matchall,flower,u32}.c, act_api.c, act_mirred.c.
 */
#ifndef RDMASEC_HAZARDS_TRAFFIC_H
#define RDMASEC_HAZARDS_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>

#include "hazards/netfilter.h"
#include "util/attributes.h"

struct traffic;

/*
 * Reads the filters at egress of a netdev. `programs`: counts those of tcx, too, which needs the netdev to be in the
 * calling thread's network namespace; without the privilege, and on kernels without tcx, there are none. Returns 0 and
 * *out, freed with traffic_free(). Else -errno and a text in `error`: -E2BIG for more than TRAFFIC_FILTERS_MAX filters,
 * or qdiscs and classes. Blocks like netlink_dump(), once for each qdisc and class that may have filters.
 */
enum { TRAFFIC_FILTERS_MAX = 4096 };
RS_MUST_USE int traffic_read(const struct netlink_transport *transport, int ifindex, bool programs,
			     struct traffic **out, char *error, size_t error_size);
void traffic_free(struct traffic *traffic);

/* What the netdev is given to send. */
enum traffic_frame {
	TRAFFIC_FRAME_OTHER = 0, /* the flow's packets in frames of another kind, such as a VLAN's */
	TRAFFIC_FRAME_IP,        /* the flow's packets */
};

/* Whether a packet that is led to this netdev has left its protection: every packet, perhaps, or not. */
typedef enum netfilter_verdict (*traffic_target_fn)(const void *context, int ifindex);

enum { TRAFFIC_FILTER_MAX = 64 };

/*
 * Returns whether filters lead such packets elsewhere. `filter` gets the kind and priority of the first such filter
 * ("matchall pref 10"), printable and cut off; "" with NETFILTER_CANNOT_HIT. The gate's own filters do not. Of the flow
 * it looks at the addresses. Does not block.
 */
enum netfilter_verdict traffic_judge(const struct traffic *traffic, const struct netfilter_flow *flow,
				     enum traffic_frame frame, traffic_target_fn target, const void *context,
				     char filter[TRAFFIC_FILTER_MAX]);

#endif
