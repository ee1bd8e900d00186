// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "judge/decide.h"

#include <string.h>

#include "judge/mechanisms.h"

/* Neither protects: the operator reads the nearer reason, or both. */
static void merge_refusals(const struct verdict *macsec, const struct verdict *ipsec, struct verdict *out)
{
	const struct verdict *nearer = macsec->nearness > ipsec->nearness ? macsec : ipsec;
	bool both = macsec->nearness == ipsec->nearness || macsec->kind != ipsec->kind;

	*out = *nearer;
	/* one unknown mechanism makes the whole unknown */
	if (macsec->kind == VERDICT_UNKNOWN || ipsec->kind == VERDICT_UNKNOWN)
		out->kind = VERDICT_UNKNOWN;
	out->could_be = ipsec->could_be;
	out->missing_macsec_sa = macsec->missing_macsec_sa;
	out->missing_sa = ipsec->missing_sa;
	out->policy_out = ipsec->policy_out;
	/* xfrm drops before a frame reaches the SecY, and the SecY drops every frame: either suffices */
	out->kernel_drops = out->kind == VERDICT_UNPROTECTED && (macsec->kernel_drops || ipsec->kernel_drops);
	if (!both)
		return;
	out->why[0] = macsec->why[0];
	out->why[1] = ipsec->why[0];
}

static void decide_resolved(const struct path *path, const struct evidence *ev, const struct requirement *req,
			    struct verdict *out)
{
	struct verdict macsec = { 0 }, ipsec = { 0 };

	if (req->require != REQUIRE_IPSEC) {
		decide_macsec(path, ev, req, &macsec);
		*out = macsec;
		if (macsec.kind == VERDICT_PROTECTED || req->require == REQUIRE_MACSEC)
			return;
	}
	decide_ipsec(path, ev, req, &ipsec);
	decide_outer(path, ev, req, &ipsec);
	if (ipsec.kind == VERDICT_PROTECTED || req->require == REQUIRE_IPSEC)
		*out = ipsec;
	else
		merge_refusals(&macsec, &ipsec, out);
}

static void refuse_path(const struct path *path, enum verdict_kind kind, struct verdict *out)
{
	const struct why *why = &path->why;

	verdict_set(out, kind, why->reason ? why->reason : REASON_PATH_UNKNOWN);
	if (why->reason)
		out->why[0] = *why;
}

void decide(const struct path *path, const struct evidence *ev, const struct requirement *req, struct verdict *out)
{
	memset(out, 0, sizeof(*out));
	if (req->require == REQUIRE_NONE) {
		out->kind = VERDICT_PROTECTED;
		out->by = BY_POLICY_NONE;
		return;
	}
	switch (path->state) {
	case PATH_LOOPBACK:
		out->kind = VERDICT_PROTECTED;
		out->by = BY_LOOPBACK;
		return;
	case PATH_CLEAR:
		refuse_path(path, VERDICT_UNPROTECTED, out);
		return;
	case PATH_RESOLVED:
		if (path->scope == REMOTE_UNKNOWN)
			break;
		if (path->driver->egress == EGRESS_HOST_STACK || path->driver->egress == EGRESS_NIC_MACSEC_IPSEC)
			decide_resolved(path, ev, req, out);
		else
			verdict_set(out, VERDICT_UNKNOWN, REASON_DRIVER_UNKNOWN);
		return;
	default:
		break;
	}
	refuse_path(path, VERDICT_UNKNOWN, out);
}
