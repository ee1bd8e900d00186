/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_JUDGE_SA_H
#define RDMASEC_JUDGE_SA_H

#include "judge/verdict.h"
#include "judge/walk.h"

/* What becomes of the packets that hit a policy; a lower value is worse. */
enum direction_outcome {
	OUTCOME_LEAKS = 0, /* they may pass in clear, or it is not known */
	OUTCOME_LACKS_SA,  /* nothing is wrong but that no live SA answers: software drops them */
	OUTCOME_PROTECTS,
};

/* Records which policy the packets that leave would hit: after verdict_set(). */
void remember_policy(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy, struct verdict *out);

/*
 * Do live SAs answer this template of this policy, which the flow (or a part of it) hits? OUTCOME_PROTECTS, and *out
 * has them; else *out has the reason.
 */
enum direction_outcome template_is_answered(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
					    const struct xfrm_template_evidence *tmpl, struct verdict *out);

#endif
