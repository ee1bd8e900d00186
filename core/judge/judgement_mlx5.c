// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * mlx5's DEVX: where a rule allows it, each command is judged by its effect (uverbs/mlx5_command.c). No rule allows a
 * command that is not understood.
 */
#include <rdma/ib_user_ioctl_verbs.h>

#include "judge/judgement_internal.h"
#include "uverbs/mlx5_command.h"

bool engine_allows_devx(const struct policy_rule *rule)
{
	return rule->allow_devx;
}

bool engine_devx_stops(const struct question *q, struct judgement *out)
{
	const struct request *request = q->request;

	if (!(request->has & UVERBS_HAS_DEVX) || request->kind == REQUEST_CONTEXT_OPEN ||
	    request->kind == REQUEST_QP_DESTROY)
		return false;
	refuse_or_audit(q, engine_allows_devx, REASON_DEVX, out);
	/* an allowed command is judged by its effect; an audited one was reported already */
	return !out->pass || out->reported;
}

/* In MODIFY_QP the kernel demands the AV of every QP that is not a datagram QP (qp_state_table in verbs.c). */
bool engine_ready_lacks_address(const struct request *request)
{
	return request->has & UVERBS_HAS_DEVX && uverbs_qp_is_connected(request->qp_type);
}

void engine_judge_private(const struct question *q, struct judgement *out)
{
	bool devx = q->request->has & UVERBS_HAS_DEVX, named = prm_opcode_name(q->request->devx_opcode);
	struct why *why = refuse_or_audit(q, NULL,
					  !devx   ? REASON_DRIVER_COMMAND
					  : named ? REASON_DEVX_COMMAND
						  : REASON_DEVX_COMMAND_UNNAMED,
					  out);

	why->number = devx ? q->request->devx_opcode : q->request->object_id;
	why->other = q->request->method_id;
}

/*
 * A DCT's address is its own, from which it answers any peer (mlx5_ib_modify_dct() in hw/mlx5/qp.c). DEVX lets every QP
 * have one.
 */
void engine_take_type(struct request *request, uint32_t qp_type)
{
	bool by_devx = request->has & UVERBS_HAS_DEVX;

	if (request->kind == REQUEST_QP_ADDRESS &&
	    (qp_type == IB_UVERBS_QPT_DRIVER || (by_devx && !uverbs_qp_is_connected(qp_type))))
		request->kind = REQUEST_QP_READY;
	if (request->kind == REQUEST_QP_READY)
		request->qp_type = qp_type;
}
