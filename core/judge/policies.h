/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_JUDGE_POLICIES_H
#define RDMASEC_JUDGE_POLICIES_H

#include "judge/sa.h"

/*
 * Do the policies and SAs of a direction protect its flow? Else *out has the reason: of several things wrong the first,
 * also where a later one is worse.
 */
enum direction_outcome direction_outcome(const struct xfrm_direction *d, struct verdict *out);

/* Is there a policy that takes the flow, or a part of it? */
bool direction_has_policy(const struct xfrm_direction *d);

/* Says in *out why the nearest policy does not cover the flow, or that there is none. */
void explain_no_policy(const struct xfrm_direction *d, struct verdict *out);

/* A policy that takes packets of the flow into a tunnel or the like, so that they leave by another route; or NULL. */
const struct xfrm_policy_evidence *direction_tunnel(const struct xfrm_direction *outbound);

/* Is there an outbound policy that wants ESP for the flow, or some of it? Then an SA may yet come. */
bool some_policy_wants_esp(const struct xfrm_direction *outbound);

#endif
