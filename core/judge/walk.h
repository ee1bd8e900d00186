/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Visits the policies and SAs that could match a flow, perhaps with others. */
#ifndef RDMASEC_JUDGE_WALK_H
#define RDMASEC_JUDGE_WALK_H

#include "evidence/facts.h"
#include "judge/path.h"
#include "policy/policy.h"
#include "xfrm/selector.h"
#include "xfrm/table.h"

/* One direction of a path, for decide_ipsec(). */
struct xfrm_direction {
	const struct path *path;
	const struct evidence *ev;
	const struct requirement *req;
	struct xfrm_flow flow;
	uint8_t dir; /* XFRM_POLICY_OUT, XFRM_POLICY_IN */
	bool outer;  /* the packets that a VXLAN netdev sends and receives */
};

/* Returns the reason of this direction. `outbound`: REASON_OUTBOUND_*. */
enum reason of_direction(const struct xfrm_direction *d, enum reason outbound);

void policies_begin(const struct xfrm_direction *d, struct xfrm_walk *walk);
/* Those that could answer this template. */
void sas_begin(const struct xfrm_direction *d, const struct xfrm_template_evidence *tmpl, struct xfrm_walk *walk);
/* All of this reqid. */
void sas_of_reqid_begin(const struct evidence *ev, uint32_t reqid, struct xfrm_walk *walk);

/* The addresses that an SA must have for a template: in transport mode the flow's, else the template's. NULL: any. */
struct sa_addresses {
	int family;
	const union ip_address *saddr, *daddr;
};
struct sa_addresses sa_addresses_wanted(const struct xfrm_template_evidence *tmpl, const struct xfrm_flow *flow);
bool any_reqid_answers(const struct xfrm_direction *d, const struct xfrm_template_evidence *tmpl);

#endif
