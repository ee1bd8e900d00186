// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Keeps what a verdict depends on. */
#include "watch/internal.h"

void watch_keep_verdict(struct watch_qp *qp, const struct judgement *answer)
{
	qp->judged = judged_path_from(&answer->path, &answer->verdict);
	watch_remember_route(qp, answer);
}

bool watch_has_other_inputs(const struct watch_qp *qp)
{
	return qp->request.kind != REQUEST_QP_ADDRESS || qp->judged.by == BY_POLICY_NONE;
}

/* Reports the flow that needs an SA. Which flow of several needs it is unknown, so nothing is reported then. */
void watch_report_missing_sa(const struct watch_ufile *ufile, const struct watch_qp *qp, uint32_t grace_ms)
{
	const struct watch_listener *listener = &ufile->watch->listener;
	const struct acquire_flow flow = judged_path_flow(&qp->judged);

	if (listener->missing_sa && !watch_has_other_inputs(qp))
		listener->missing_sa(ufile->in, &flow, qp->judged.policy_out, ufile->asker.uid, grace_ms,
				     listener->arg);
}
