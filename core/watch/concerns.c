// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Finds the queue pairs that a change of the evidence concerns. */
#include "judge/concerns.h"
#include "util/address.h"
#include "watch/internal.h"

static bool concerned_by_xfrm(const struct watch_qp *qp, const struct xfrm_change *change)
{
	const struct watch_basis *basis = &qp->basis;
	const struct driver_traits driver = { .egress = basis->egress };
	const struct path path = {
		.driver = &driver,
		.state = basis->state,
		.scope = basis->scope,
		.family = basis->family,
		.local = basis->local,
		.remote = basis->remote,
		.gid_ifindex = basis->gid_ifindex,
		.egress_ifindex = basis->egress_ifindex,
	};
	const struct verdict verdict = {
		.kind = basis->verdict,
		.by = basis->by,
		.spi_out = basis->spi_out,
		.spi_in = basis->spi_in,
		.reqid = basis->reqid,
	};

	/* IPsec may protect from now on what it did not; the reason of an audited QP may change */
	return basis->by != BY_LOOPBACK && xfrm_change_concerns(change, &path, &verdict);
}

static bool concerned(const struct watch_qp *qp, const struct mirror_change *change)
{
	if (!watch_can_send(qp))
		return false;
	switch (change->kind) {
	case MIRROR_CHANGE_XFRM:
		if (change->xfrm->kind == XFRM_CHANGE_EXPIRING)
			return false; /* an expiring SA still protects */
		return watch_has_other_inputs(qp) || concerned_by_xfrm(qp, change->xfrm);
	case MIRROR_CHANGE_SECY:
		return watch_has_other_inputs(qp) || !qp->basis.egress_ifindex ||
		       qp->basis.egress_ifindex == change->ifindex;
	default:
		return true;
	}
}

static bool same_flow(const struct watch_basis *basis, const struct acquire_flow *flow)
{
	return basis->family == flow->family && address_equal(flow->family, &basis->local, &flow->local) &&
	       address_equal(flow->family, &basis->remote, &flow->remote) && basis->of_one_qp == flow->has_sport &&
	       (!flow->has_sport || basis->sport == flow->sport);
}

bool watch_needs_sa(const struct watch *watch, const struct namespace *in, const struct acquire_flow *flow)
{
	const struct watch_ufile *ufile;
	const struct watch_qp *qp, *next;

	DL_FOREACH (watch->ufiles, ufile) {
		if (ufile->in != in)
			continue;
		HASH_ITER (hh, ufile->qps, qp, next) {
			if (watch_can_send(qp) && same_flow(&qp->basis, flow))
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
			else if (qp->work == WATCH_WORK_RETRY || (qp->work == WATCH_WORK_NONE && concerned(qp, change)))
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
		if (watch_can_send(qp) && (qp->basis.by == BY_MACSEC || watch_has_other_inputs(qp)))
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
