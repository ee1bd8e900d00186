/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_JUDGE_SECY_H
#define RDMASEC_JUDGE_SECY_H

#include "evidence/facts.h"
#include "judge/path.h"
#include "judge/verdict.h"
#include "policy/policy.h"

/*
 * The SecY of one netdev on the way; `link` NULL: the path's egress, which is not listed. Returns the SecY, NULL if
 * there is none; *out has the verdict in either case.
 */
const struct macsec_evidence *decide_secy(const struct path *path, const struct evidence *ev,
					  const struct requirement *req, const struct link_evidence *link,
					  struct verdict *out);

#endif
