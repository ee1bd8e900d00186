/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* xfrm selectors against the flow that the kernel would look up. */
#ifndef RDMASEC_XFRM_SELECTOR_H
#define RDMASEC_XFRM_SELECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "xfrm/facts.h"

/* What xfrm would be asked to look up for this path's packets, in one direction. */
struct xfrm_flow {
	int family;
	const union ip_address *saddr, *daddr; /* NULL: every address (REMOTE_EVERY), or some (REMOTE_SOME) */
	bool has_ports;                        /* false: both ports are zero in the lookup (rxe's egress) */
	bool has_sport;                        /* with has_ports: the source port is known */
	uint16_t sport, dport;
	int ifindex; /* 0: not known, or the one who looks up does not ask for it */
};

/* How much of a flow a selector takes: with a wildcard in the flow, it may take a part of it. */
enum selector_match { SELECTS_NONE, SELECTS_PART, SELECTS_ALL };

enum selector_match selector_match(const struct xfrm_selector_evidence *sel, const struct xfrm_flow *flow);
/* The same but for its ports and interface: for telling why a selector that was surely meant does not match. */
enum selector_match selector_match_addresses(const struct xfrm_selector_evidence *sel, const struct xfrm_flow *flow);
bool selector_ports_match(const struct xfrm_selector_evidence *sel, const struct xfrm_flow *flow);

#endif
