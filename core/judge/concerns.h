/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_JUDGE_CONCERNS_H
#define RDMASEC_JUDGE_CONCERNS_H

#include "judge/judged_path.h"
#include "xfrm/table.h"

/*
 * Whether decide() could give this path another verdict after the change. May be true without need, but is never
 * wrongly false, as long as path, requirement and all other evidence are the same. For an expiring SA, which changes no
 * verdict yet: whether the verdict depends on it.
 */
bool xfrm_change_concerns(const struct xfrm_change *change, const struct judged_path *judged);

#endif
