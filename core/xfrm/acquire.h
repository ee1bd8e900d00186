/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Asking for an SA: an XFRM_MSG_ACQUIRE from user space, which makes the kernel's km_query() tell every key manager
 * that listens, as it does for a packet that hits a policy without one. Source: net/xfrm/xfrm_user.c,
 * xfrm_add_acquire().
 */
#ifndef RDMASEC_XFRM_ACQUIRE_H
#define RDMASEC_XFRM_ACQUIRE_H

#include <stddef.h>

#include "util/attributes.h"
#include "xfrm/facts.h"

struct netlink_transport;

/* The flow that the SA is for. */
struct acquire_flow {
	int family;
	union ip_address local, remote;
	bool has_sport; /* of one QP alone */
	uint16_t sport;
};

/*
 * Asks by the templates of `policy`, the outbound one that the flow's packets would hit: a key manager knows its own
 * policies by their reqid. 0: the kernel took it, which says nothing of whether anybody heard it; -EPERM...: -errno and
 * a text. Leaves nothing behind in the kernel. Blocks for as long as the kernel takes, at most two seconds.
 */
RS_MUST_USE int xfrm_acquire_send(const struct netlink_transport *transport, const struct acquire_flow *flow,
				  const struct xfrm_policy_evidence *policy, char *error, size_t error_size);

#endif
