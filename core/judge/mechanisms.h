/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The mechanisms that can protect a path. *out was zeroed; the path is PATH_RESOLVED. */
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
 * The packets that the VXLAN netdev of a tunnelled path sends. Replaces *out, the verdict on the packets inside, if
 * these protect or have the nearer reason. For software RoCE only, and as far as policies can be read.
 */
void decide_outer(const struct path *path, const struct evidence *ev, const struct requirement *req,
		  struct verdict *out);

/*
 * Whether some packets of the path do not leave by its egress, for an xfrm policy or an IPv6 route; *out, the verdict
 * on the egress, then has the reason.
 */
bool path_leaves_egress(const struct path *path, const struct evidence *ev, const struct requirement *req,
			struct verdict *out);

/*
 * Whether an xfrm policy leads the packets of this path elsewhere; *out then has the reason. For software RoCE only,
 * and as far as policies can be read.
 */
bool ipsec_leads_elsewhere(const struct path *path, const struct evidence *ev, const struct requirement *req,
			   struct verdict *out);

#endif
