// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * mlx5's DEVX: where a rule allows it, each command is judged by its effect (uverbs/mlx5_command.c). No rule allows a
 * command that is not understood.
 */
#include <rdma/ib_user_ioctl_verbs.h>

#include "judge/judgement_internal.h"
#include "util/text.h"
#include "uverbs/mlx5_command.h"

bool engine_allows_devx(const struct policy_rule *rule)
{
	return rule->allow_devx;
}

bool engine_devx_stops(const struct question *q, struct engine_answer *answer)
{
	const struct request *request = q->request;

	if (!(request->has & UVERBS_HAS_DEVX) || request->kind == REQUEST_CONTEXT_OPEN ||
	    request->kind == REQUEST_QP_DESTROY)
		return false;
	refuse_or_audit(q, engine_allows_devx, REASON_DEVX,
			"driver-private commands (DEVX) are not allowed (devx = refuse)", answer);
	/* an allowed command is judged by its effect; an audited one was reported already */
	return !answer->pass || answer->text[0];
}

/* In MODIFY_QP the kernel demands the AV of every QP that is not a datagram QP (qp_state_table in verbs.c). */
bool engine_ready_lacks_address(const struct request *request)
{
	return request->has & UVERBS_HAS_DEVX && uverbs_qp_is_connected(request->qp_type);
}

void engine_judge_private(const struct question *q, struct engine_answer *answer)
{
	uint32_t opcode = q->request->devx_opcode;
	const char *name = prm_opcode_name(opcode);
	enum reason reason = REASON_DEVX_COMMAND;
	char why[128];

	if (!(q->request->has & UVERBS_HAS_DEVX)) {
		reason = REASON_DRIVER_COMMAND;
		text_format(why, sizeof(why),
			    "a command of the driver's own (object 0x%x, method 0x%x) is not understood",
			    q->request->object_id, q->request->method_id);
	} else if (name) {
		text_format(why, sizeof(why), "what the DEVX command %s asks for is not understood", name);
	} else {
		text_format(why, sizeof(why), "the DEVX command 0x%x is not understood", opcode);
	}
	refuse_or_audit(q, NULL, reason, why, answer);
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
