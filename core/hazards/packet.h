/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What is known of the headers of a flow's packets. */
#ifndef RDMASEC_HAZARDS_PACKET_H
#define RDMASEC_HAZARDS_PACKET_H

#include "hazards/netfilter.h"
#include "hazards/registers.h"

enum { ROCE_V2_PORT = 4791, PACKET_HEADER_MAX = 40 };

/* Returns the length of the IPv4 (no options) or IPv6 header, in octets. *out was zeroed. */
size_t packet_network_header(const struct netfilter_flow *flow, struct octets *out);

/* Writes what is known of the UDP header, from its octet `at`. */
void packet_transport_header(struct octets *out, size_t at);

/*
 * A part of an address that is not known is not one that a rule could name as a whole: marks such octets among `len`
 * from `offset` in the network header as unknown, unless the whole address is among them.
 */
void packet_blur_parts(const struct netfilter_flow *flow, size_t offset, size_t len, uint8_t *known);

#endif
