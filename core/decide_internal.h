/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The parts of decide(): one judge for each mechanism, and the matching of xfrm selectors. */
#ifndef RDMASEC_CORE_DECIDE_INTERNAL_H
#define RDMASEC_CORE_DECIDE_INTERNAL_H

#include "decide.h"

enum { ROCE_UDP_PORT = 4791 }; /* IANA; InfiniBand Architecture annex A17 */

/* *out was zeroed by decide(). Each judges a path that is PATH_RESOLVED. */
void decide_macsec(const struct path *path, const struct evidence *ev, const struct requirement *req,
		   struct verdict *out);
void decide_ipsec(const struct path *path, const struct evidence *ev, const struct requirement *req,
		  struct verdict *out);

/* Sets kind, nearness and reason, and takes back what had been found to protect. */
void verdict_set(struct verdict *out, enum verdict_kind kind, int nearness, const char *format, ...) RS_PRINTF(4, 5);

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

size_t address_bits(int family);
bool address_equal(int family, const union ip_address *a, const union ip_address *b);
bool address_is_zero(int family, const union ip_address *a);

/* One direction of what decide_ipsec() asks. */
struct xfrm_direction {
	const struct path *path;
	const struct evidence *ev;
	const struct requirement *req;
	struct xfrm_flow flow;
	uint8_t dir;      /* XFRM_POLICY_OUT, XFRM_POLICY_IN */
	const char *name; /* "outbound", "inbound" */
};

/* Does a NIC send by its own tables, in which only what is packet-offloaded to it counts? */
bool nic_applies_xfrm(const struct path *path);
bool is_packet_offloaded(const struct path *path, const struct xfrm_offload_evidence *offload);

/*
 * Do live SAs answer this template of this policy, which the flow (or a part of it) hits? Then *out has them; else it
 * says why not.
 */
bool template_is_answered(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
			  const struct xfrm_template_evidence *tmpl, struct verdict *out);

#endif
