/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_JUDGE_CONCERNS_H
#define RDMASEC_JUDGE_CONCERNS_H

#include "judge/decide.h"
#include "xfrm/table.h"

/*
 * Might decide() say anything else of this path than `verdict`, now that this has changed? Yes too often, never wrongly
 * no. Good for a verdict whose path, requirement and other evidence are still the same. Of an expiring SA: does the
 * verdict stand on it? decide() would say the same.
 */
bool xfrm_change_concerns(const struct xfrm_change *change, const struct path *path, const struct verdict *verdict);

#endif
