// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Whether MACsec protects a path: SecYs protect its egress (stack.c), and its packets leave by that. */
#include "judge/mechanisms.h"
#include "judge/stack.h"

bool path_leaves_egress(const struct path *path, const struct evidence *ev, const struct requirement *req,
			struct verdict *out)
{
	int secy_ifindex = out->secy_ifindex;

	if (ipsec_leads_elsewhere(path, ev, req, out)) {
		/* the SecY is in order, and may yet turn out to protect */
		out->secy_ifindex = out->kind == VERDICT_UNKNOWN ? secy_ifindex : 0;
		return true;
	}
	if (path->scope != REMOTE_EVERY || !path->stray_ifindex)
		return false;
	verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_ROUTE_STRAYS);
	out->secy_ifindex = 0;
	return true;
}

void decide_macsec(const struct path *path, const struct evidence *ev, const struct requirement *req,
		   struct verdict *out)
{
	struct verdict elsewhere = { 0 };

	if (ev->macsec_state != EVIDENCE_READ && ev->macsec_state != EVIDENCE_ABSENT) {
		verdict_set_unread(out, REASON_MACSEC_UNREADABLE, ev->macsec_error);
		return;
	}
	decide_stack(path, ev, req, out);
	if (out->kind == VERDICT_PROTECTED)
		(void)path_leaves_egress(path, ev, req, out);
	else if ((out->kernel_drops || out->missing_macsec_sa) && path_leaves_egress(path, ev, req, &elsewhere))
		out->kernel_drops = out->missing_macsec_sa = false;
}
