/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* path_resolve() in two halves: the GID (path.c), and the netdev by which the driver sends (path_egress.c). */
#ifndef RDMASEC_JUDGE_PATH_INTERNAL_H
#define RDMASEC_JUDGE_PATH_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "evidence/facts.h"
#include "judge/path.h"
#include "util/attributes.h"

/* A path being resolved. Each step fills its part of *out and returns true, or calls path_stop(). */
struct path_search {
	const struct rdma_device *device;
	const struct rdma_port *port;
	const struct rdma_gid *gid;
	const struct evidence *ev;
	path_route_get_fn route_get;
	void *route_context;
	const struct link_evidence *netdev; /* the GID's */
	struct path *out;
};

/*
 * Whether the GID's netdev is the port's own, or on top of it through known kinds of links. A GID may have any upper
 * netdev of the port's (is_eth_port_of_netdev_filter() in drivers/infiniband/core/roce_gid_mgmt.c).
 */
RS_MUST_USE bool path_check_stack(struct path_search *search);

/* Fills egress_ifindex, egress and stray_*. */
RS_MUST_USE bool path_find_egress(struct path_search *search);

#endif
