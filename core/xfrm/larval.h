/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * SAs that are being negotiated. They have no events, so a table (table.h) does not contain them. The kernel is asked
 * instead, with a filter for two addresses.
 */
#ifndef RDMASEC_XFRM_LARVAL_H
#define RDMASEC_XFRM_LARVAL_H

#include <stddef.h>

#include "util/attributes.h"
#include "xfrm/facts.h"

struct netlink_transport;

/*
 * A key manager creates the inbound SA when it begins to negotiate (ALLOCSPI). The kernel creates an outbound one for a
 * packet that lacks its SA, if a key manager listens. They end with the negotiation, or after net.core.xfrm_acq_expires
 * seconds.
 */
struct xfrm_larval {
	size_t out, in;
};

/*
 * Counts the larval ESP SAs between two addresses, those of the tunnel in tunnel mode. Returns 0; or -errno and a text,
 * and *out is untouched. The kernel walks all its SAs twice for it, so call it at most once a second, not for every
 * packet. Blocks like netlink_dump(), for at most NETLINK_LONGEST_MS.
 */
RS_MUST_USE int xfrm_census(const struct netlink_transport *transport, int family, const union ip_address *local,
			    const union ip_address *remote, struct xfrm_larval *out, char *error, size_t error_size);

#endif
