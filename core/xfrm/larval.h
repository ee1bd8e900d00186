/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * SAs that are being negotiated. No event tells of one, so a table (table.h) does not know them: the kernel is
 * asked, and leaves out all but those of two addresses.
 */
#ifndef RDMASEC_XFRM_LARVAL_H
#define RDMASEC_XFRM_LARVAL_H

#include <stddef.h>

#include "util/attributes.h"
#include "xfrm/facts.h"

struct netlink_transport;

/*
 * A key manager makes the inbound one when it begins to negotiate (ALLOCSPI); the kernel makes an outbound one for a
 * packet that lacks its SA, if a key manager listens. They go with the negotiation, or after net.core.xfrm_acq_expires
 * seconds.
 */
struct xfrm_larval {
	size_t out, in;
};

/*
 * Counts the larval ESP SAs between two addresses: those that SAs have, in tunnel mode the tunnel's. 0; or -errno and a
 * text, and *out is untouched. The kernel walks all its SAs for it, twice: once a second is fine, for every packet is
 * not. Blocks as xfrm_table_load().
 */
RS_MUST_USE int xfrm_census(const struct netlink_transport *transport, int family, const union ip_address *local,
			    const union ip_address *remote, struct xfrm_larval *out, char *error, size_t error_size);

#endif
