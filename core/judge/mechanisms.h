/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The two mechanisms that can protect a path. *out was zeroed; the path is PATH_RESOLVED. */
#ifndef RDMASEC_JUDGE_MECHANISMS_H
#define RDMASEC_JUDGE_MECHANISMS_H

#include "evidence/facts.h"
#include "judge/path.h"
#include "judge/verdict.h"
#include "policy/policy.h"

void decide_macsec(const struct path *path, const struct evidence *ev, const struct requirement *req,
		   struct verdict *out);
void decide_ipsec(const struct path *path, const struct evidence *ev, const struct requirement *req,
		  struct verdict *out);

/*
 * Whether an xfrm policy leads the packets of this path elsewhere; *out then has the reason. For software RoCE only,
 * and as far as policies can be read.
 */
bool ipsec_leads_elsewhere(const struct path *path, const struct evidence *ev, const struct requirement *req,
			   struct verdict *out);

#endif
