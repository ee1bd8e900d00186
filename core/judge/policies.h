/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_JUDGE_POLICIES_H
#define RDMASEC_JUDGE_POLICIES_H

#include "judge/sa.h"

/*
 * Whether policies and SAs of a direction protect its flow; if not, *out has the first reason, even if a later one is
 * worse.
 */
enum direction_outcome direction_outcome(const struct xfrm_direction *d, struct verdict *out);

/* Whether a policy takes the flow, or a part of it. */
bool direction_has_policy(const struct xfrm_direction *d);

/* Writes to *out why the nearest policy does not cover the flow, or that there is none. */
void explain_no_policy(const struct xfrm_direction *d, struct verdict *out);

/* Returns a policy that takes packets of the flow into a tunnel or the like, and so to another route; or NULL. */
const struct xfrm_policy_evidence *direction_tunnel(const struct xfrm_direction *outbound);

/*
 * Whether a policy of XFRM_POLICY_TYPE_SUB takes the flow, or a part of it; *out then has the reason. The kernel looks
 * it up before the main policies and combines both, which is not judged. Sub-policies of other flows change nothing.
 */
bool sub_policy_takes(const struct xfrm_direction *d, struct verdict *out);

/* Whether an outbound policy wants ESP for the flow, or a part of it: an SA may yet come. */
bool some_policy_wants_esp(const struct xfrm_direction *outbound);

#endif
