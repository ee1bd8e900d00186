// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Finds the queue pairs that a change of the evidence concerns. */
#include "judge/concerns.h"

#include <string.h>

#include "watch/internal.h"

static bool concerned_by_xfrm(const struct watch_qp *qp, const struct xfrm_change *change)
{
	/* IPsec may protect from now on what it did not; the reason of an audited QP may change */
	return qp->judged.by != BY_LOOPBACK && xfrm_change_concerns(change, &qp->judged);
}

/* Where the gate stands, nothing is looked at: bypass_look(). */
static bool concerned_by_detours(struct namespace *in, const struct watch_qp *qp)
{
	if (watch_has_other_inputs(qp) || qp->judged.verdict != VERDICT_PROTECTED)
		return true;
	return qp->judged.by != BY_LOOPBACK && qp->judged.egress == EGRESS_HOST_STACK &&
	       !namespace_is_gated(in, qp->judged.gid_ifindex);
}

static bool concerned(struct namespace *in, const struct watch_qp *qp, const struct mirror_change *change)
{
	if (!watch_can_send(qp))
		return false;
	switch (change->kind) {
	case MIRROR_CHANGE_XFRM:
		if (change->xfrm->kind == XFRM_CHANGE_EXPIRING)
			return false; /* an expiring SA still protects */
		return watch_has_other_inputs(qp) || concerned_by_xfrm(qp, change->xfrm);
	case MIRROR_CHANGE_SECY:
		return watch_has_other_inputs(qp) || !qp->judged.egress_ifindex || qp->judged.stacked ||
		       qp->judged.egress_ifindex == change->ifindex;
	case MIRROR_CHANGE_DETOURS:
		return concerned_by_detours(in, qp);
	default:
		return true;
	}
}

static bool same_flow(const struct judged_path *judged, const struct acquire_flow *flow)
{
	const struct acquire_flow own = judged_path_flow(judged);

	return !memcmp(&own, flow, sizeof(own));
}

bool watch_needs_sa(const struct watch *watch, const struct namespace *in, const struct acquire_flow *flow)
{
	const struct watch_ufile *ufile;
	const struct watch_qp *qp, *next;

	DL_FOREACH (watch->ufiles, ufile) {
		if (ufile->in != in)
			continue;
		HASH_ITER (hh, ufile->qps, qp, next) {
			if (watch_can_send(qp) && same_flow(&qp->judged, flow))
				return true;
		}
	}
	return false;
}

/* ---- changes ---- */

static bool is_expiring(const struct mirror_change *change)
{
	return change->kind == MIRROR_CHANGE_XFRM && change->xfrm->kind == XFRM_CHANGE_EXPIRING;
}

void watch_on_change(struct namespace *in, const struct mirror_change *change, void *arg)
{
	struct watch *watch = arg;
	struct watch_ufile *ufile;
	struct watch_qp *qp, *next;

	DL_FOREACH (watch->ufiles, ufile) {
		if (ufile->in != in)
			continue;
		HASH_ITER (hh, ufile->qps, qp, next) {
			if (is_expiring(change) && qp->state == WATCH_LIVE && concerned_by_xfrm(qp, change->xfrm))
				watch_report_missing_sa(ufile, qp, 0);
			else if (qp->work == WATCH_WORK_RETRY ||
				 (qp->work == WATCH_WORK_NONE && concerned(in, qp, change)))
				watch_queue(ufile, qp);
		}
	}
	if (watch->listener.changed)
		watch->listener.changed(in, change, watch->listener.arg);
}

/* ---- MACsec, of which the kernel sends no events ---- */

static bool relies_on_macsec(const struct watch_ufile *ufile)
{
	const struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next)
		if (watch_can_send(qp) && (qp->judged.by == BY_MACSEC || watch_has_other_inputs(qp)))
			return true;
	return false;
}

static void set_poll(struct namespace *in, void *arg)
{
	const struct watch *watch = arg;
	const struct watch_ufile *ufile;
	bool fast = false;

	DL_FOREACH (watch->ufiles, ufile)
		fast = fast || (ufile->in == in && relies_on_macsec(ufile));
	mirror_poll_fast(namespace_mirror(in), fast);
}

void watch_set_macsec_polling(struct watch *watch)
{
	namespaces_each(watch->namespaces, set_poll, watch);
}
