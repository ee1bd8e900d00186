/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The parts of decide(): one judge for each mechanism, and the matching of xfrm selectors. */
#ifndef RDMASEC_JUDGE_DECIDE_INTERNAL_H
#define RDMASEC_JUDGE_DECIDE_INTERNAL_H

#include "judge/decide.h"
#include "xfrm/parse.h"
#include "xfrm/selector.h"
#include "xfrm/table.h"

/* *out was zeroed by decide(). Each judges a path that is PATH_RESOLVED. */
void decide_macsec(const struct path *path, const struct evidence *ev, const struct requirement *req,
		   struct verdict *out);
void decide_ipsec(const struct path *path, const struct evidence *ev, const struct requirement *req,
		  struct verdict *out);

/* Sets kind, nearness and reason, and takes back what had been found to protect. */
void verdict_set(struct verdict *out, enum verdict_kind kind, int nearness, const char *format, ...) RS_PRINTF(4, 5);

/* One direction of what decide_ipsec() asks. */
struct xfrm_direction {
	const struct path *path;
	const struct evidence *ev;
	const struct requirement *req;
	struct xfrm_flow flow;
	uint8_t dir;      /* XFRM_POLICY_OUT, XFRM_POLICY_IN */
	const char *name; /* "outbound", "inbound" */
};

/* ---- visits of the policies and SAs that could match, and of others (walk.c) ---- */

void policies_begin(const struct xfrm_direction *d, struct xfrm_walk *walk);
/* Those that could answer this template. */
void sas_begin(const struct xfrm_direction *d, const struct xfrm_template_evidence *tmpl, struct xfrm_walk *walk);
/* All of this reqid. */
void sas_of_reqid_begin(const struct evidence *ev, uint32_t reqid, struct xfrm_walk *walk);

/* The addresses an SA itself must have for a template: the flow's in transport mode, else the template's. NULL: any. */
struct sa_addresses {
	int family;
	const union ip_address *saddr, *daddr;
};
struct sa_addresses sa_addresses_wanted(const struct xfrm_template_evidence *tmpl, const struct xfrm_flow *flow);
bool any_reqid_answers(const struct xfrm_direction *d, const struct xfrm_template_evidence *tmpl);

/* Does a NIC send by its own tables, in which only what is packet-offloaded to it counts? */
bool nic_applies_xfrm(const struct path *path);
bool is_packet_offloaded(const struct path *path, const struct xfrm_offload_evidence *offload);

/* What becomes of the packets that hit something; the less, the worse. */
enum direction_outcome {
	OUTCOME_LEAKS = 0, /* they may pass in clear, or nobody knows */
	OUTCOME_LACKS_SA,  /* nothing is wrong but that no live SA answers: software drops them */
	OUTCOME_PROTECTS,
};

/* Which policy the packets that leave would hit: after verdict_set(). */
void remember_policy(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy, struct verdict *out);

/*
 * Do live SAs answer this template of this policy, which the flow (or a part of it) hits? OUTCOME_PROTECTS, and *out
 * has them; else it says why not.
 */
enum direction_outcome template_is_answered(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
					    const struct xfrm_template_evidence *tmpl, struct verdict *out);

/*
 * Do the policies and SAs of a direction protect its flow? Else *out says why not: of several things wrong the first,
 * also where a later one is worse.
 */
enum direction_outcome direction_outcome(const struct xfrm_direction *d, struct verdict *out);

/* Is there a policy that takes the flow, or a part of it? */
bool direction_has_policy(const struct xfrm_direction *d);

/* Says what keeps the nearest policy from covering the flow, or that there is none. */
void explain_no_policy(const struct xfrm_direction *d, struct verdict *out);

/* A policy that takes packets of the flow into a tunnel or the like, so that they leave by another route; NULL: none.
 */
const struct xfrm_policy_evidence *direction_tunnel(const struct xfrm_direction *outbound);

/*
 * Does IPsec lead what leaves by the path's egress elsewhere? Of software RoCE, and as far as policies can be read.
 * Says so in *out.
 */
bool ipsec_leads_elsewhere(const struct path *path, const struct evidence *ev, const struct requirement *req,
			   struct verdict *out);

/* Is there an outbound policy that wants ESP for the flow, or some of it? Then an SA may yet come. */
bool some_policy_wants_esp(const struct xfrm_direction *outbound);

#endif
