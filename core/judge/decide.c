// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "judge/decide.h"

#include <string.h>

#include "judge/mechanisms.h"
#include "util/text.h"

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
	out->missing_sa = ipsec->missing_sa;
	out->policy_out = ipsec->policy_out;
	/* xfrm drops before a frame reaches the SecY, and the SecY drops every frame: either suffices */
	out->kernel_drops = out->kind == VERDICT_UNPROTECTED && (macsec->kernel_drops || ipsec->kernel_drops);
	if (!both)
		return;
	out->reasons[0] = macsec->reasons[0];
	out->reasons[1] = ipsec->reasons[0];
	text_format(out->text, sizeof(out->text), "%s; %s", macsec->text, ipsec->text);
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
	if (ipsec.kind == VERDICT_PROTECTED || req->require == REQUIRE_IPSEC)
		*out = ipsec;
	else
		merge_refusals(&macsec, &ipsec, out);
}

void decide(const struct path *path, const struct evidence *ev, const struct requirement *req, struct verdict *out)
{
	memset(out, 0, sizeof(*out));
	if (req->require == REQUIRE_NONE) {
		out->kind = VERDICT_PROTECTED;
		out->by = BY_POLICY_NONE;
		text_copy(out->details, sizeof(out->details), "the policy asks for nothing here");
		return;
	}
	switch (path->state) {
	case PATH_LOOPBACK:
		out->kind = VERDICT_PROTECTED;
		out->by = BY_LOOPBACK;
		text_copy(out->details, sizeof(out->details), "stays inside the port");
		return;
	case PATH_CLEAR:
		verdict_set(out, VERDICT_UNPROTECTED, path->reason, "%s", path->problem);
		return;
	case PATH_RESOLVED:
		if (path->scope == REMOTE_UNKNOWN)
			break;
		if (path->driver->egress == EGRESS_HOST_STACK || path->driver->egress == EGRESS_NIC_MACSEC_IPSEC) {
			decide_resolved(path, ev, req, out);
			return;
		}
		verdict_set(out, VERDICT_UNKNOWN, REASON_DRIVER_UNKNOWN, "it is not known what driver %s does",
			    path->driver->name);
		return;
	default:
		break;
	}
	if (path->problem[0])
		verdict_set(out, VERDICT_UNKNOWN, path->reason, "%s", path->problem);
	else
		verdict_set(out, VERDICT_UNKNOWN, REASON_PATH_UNKNOWN, "the path is not known");
}
