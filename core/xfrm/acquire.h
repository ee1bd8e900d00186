/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Requests an SA with an XFRM_MSG_ACQUIRE from user space. km_query() in the kernel then notifies every key manager
 * that listens, as it does for a packet that hits a policy without an SA. Source: net/xfrm/xfrm_user.c,
 * xfrm_add_acquire().
 */
#ifndef RDMASEC_XFRM_ACQUIRE_H
#define RDMASEC_XFRM_ACQUIRE_H

#include <stddef.h>

#include "util/attributes.h"
#include "xfrm/facts.h"

struct netlink_transport;

/* The flow that the SA is for. Unused octets are zero. */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded" /* hashed, and compared with memcmp() */
struct acquire_flow {
	int family;
	uint16_t sport; /* with has_sport */
	bool has_sport; /* the SA is for one QP only */
	uint8_t reserved;
	union ip_address local, remote;
};
#pragma GCC diagnostic pop

/*
 * Sends the request with the templates of `policy`, the outbound policy that the flow's packets would hit, because a
 * key manager finds its own policies by their reqid. Returns 0 if the kernel accepted the request, whether or not a key
 * manager received it. Returns -EINVAL: `policy` is not outbound or has no template; -ENOMEM; else -errno and a text.
 * Leaves no state in the kernel. Blocks until the kernel answers, for at most two seconds.
 */
RS_MUST_USE int xfrm_acquire_send(const struct netlink_transport *transport, const struct acquire_flow *flow,
				  const struct xfrm_policy_evidence *policy, char *error, size_t error_size);

#endif
