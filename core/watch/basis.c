// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Keeps what a verdict depends on. */
#include "watch/internal.h"

void watch_keep_verdict(struct watch_qp *qp, const struct engine_answer *answer)
{
	const struct path *path = &answer->path;
	const struct verdict *verdict = &answer->verdict;

	qp->basis = (struct watch_basis){
		.state = path->state,
		.scope = path->scope,
		.family = path->family,
		.local = path->local,
		.remote = path->remote,
		.gid_ifindex = path->gid_ifindex,
		.egress_ifindex = path->egress_ifindex,
		.secy_ifindex = verdict->secy_ifindex,
		.spi_out = verdict->spi_out,
		.spi_in = verdict->spi_in,
		.reqid = verdict->reqid,
		.policy_out = verdict->policy_out,
		.of_one_qp = path->has_sport,
		.sport = path->sport,
		.egress = path->driver ? path->driver->egress : EGRESS_UNKNOWN,
		.verdict = verdict->kind,
		.by = verdict->by,
	};
	watch_remember_route(qp, answer);
}

bool watch_has_other_inputs(const struct watch_qp *qp)
{
	return qp->request.kind != REQUEST_QP_ADDRESS || qp->basis.by == BY_POLICY_NONE;
}

/* Its flow has to have an SA asked for. Of those that stand on more than one flow it is not known which. */
void watch_report_missing_sa(const struct watch_ufile *ufile, const struct watch_qp *qp, uint32_t grace_ms)
{
	const struct watch_listener *listener = &ufile->watch->listener;
	const struct acquire_flow flow = {
		.family = qp->basis.family,
		.local = qp->basis.local,
		.remote = qp->basis.remote,
		.has_sport = qp->basis.of_one_qp,
		.sport = qp->basis.sport,
	};

	if (listener->missing_sa && !watch_has_other_inputs(qp))
		listener->missing_sa(ufile->in, &flow, qp->basis.policy_out, ufile->asker.uid, grace_ms, listener->arg);
}
