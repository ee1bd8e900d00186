/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Matches xfrm selectors against the flow that the kernel would look up. Source: net/xfrm/xfrm_policy.c. */
#ifndef RDMASEC_XFRM_SELECTOR_H
#define RDMASEC_XFRM_SELECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "xfrm/facts.h"

/* The flow that xfrm would look up for this path's packets, in one direction. */
struct xfrm_flow {
	int family;
	const union ip_address *saddr, *daddr; /* NULL: every address (REMOTE_EVERY), or an unknown one (REMOTE_SOME) */
	bool has_ports;                        /* false: both ports are zero in the lookup (rxe's egress) */
	bool has_sport;                        /* with has_ports: the source port is known */
	uint16_t sport, dport;
	int ifindex; /* 0: not known, or the lookup ignores it */
};

/*
 * How much of a flow a selector covers. SELECTS_PART: the flow has a wildcard, and the selector may cover some of it.
 */
enum selector_match { SELECTS_NONE, SELECTS_PART, SELECTS_ALL };

/* Returns how much of the flow the selector covers. */
enum selector_match selector_match(const struct xfrm_selector_evidence *sel, const struct xfrm_flow *flow);
/*
 * The same without ports and interface: explains why a selector that was evidently meant for the flow does not match.
 */
enum selector_match selector_match_addresses(const struct xfrm_selector_evidence *sel, const struct xfrm_flow *flow);
/* Returns whether the ports match, or could match. */
bool selector_ports_match(const struct xfrm_selector_evidence *sel, const struct xfrm_flow *flow);

#endif
