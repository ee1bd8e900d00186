/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_JUDGE_CONCERNS_H
#define RDMASEC_JUDGE_CONCERNS_H

#include "judge/judged_path.h"
#include "xfrm/table.h"

/*
 * Could decide() say something else of this path after the change? May be true without need, never false wrongly, as
 * long as path, requirement and all other evidence are the same. Of an expiring SA, for which decide() says the same:
 * does the verdict depend on it?
 */
bool xfrm_change_concerns(const struct xfrm_change *change, const struct judged_path *judged);

#endif
