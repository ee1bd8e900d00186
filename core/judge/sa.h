/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_JUDGE_SA_H
#define RDMASEC_JUDGE_SA_H

#include "judge/verdict.h"
#include "judge/walk.h"

/* The outcome for packets that hit a policy; a lower value is worse. */
enum direction_outcome {
	OUTCOME_LEAKS = 0, /* they may pass in clear, or it is not known */
	OUTCOME_LACKS_SA,  /* only a live SA is missing: software drops them */
	OUTCOME_PROTECTS,
};

/* Makes *out UNPROTECTED for the reason of this direction. Returns the reason, for further facts. */
struct why *refuse_by_policy(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
			     enum reason outbound, struct verdict *out);

/* Records the policy that outbound packets hit; call it after verdict_set(). */
void remember_policy(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy, struct verdict *out);

/*
 * Whether live SAs answer this template of a policy that the flow, or a part of it, hits. OUTCOME_PROTECTS: *out has
 * the SAs; else *out has the reason.
 */
enum direction_outcome template_is_answered(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
					    const struct xfrm_template_evidence *tmpl, struct verdict *out);

#endif
