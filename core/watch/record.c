// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Records of QPs and requests, for the log and for lists. */
#include "judge/words.h"
#include "util/address.h"
#include "util/clock.h"
#include "util/text.h"
#include "watch/internal.h"

static void describe_path(const struct path *path, struct wire_record *record)
{
	record->port = path->port;
	if (!path->device[0])
		return;
	record->has |= WIRE_RECORD_HAS_GID;
	record->gid_index = path->sgid_index;
	text_copy(record->netdev, sizeof(record->netdev), path->netdev);
	if (!path->family)
		return;
	ip_text(path->family, &path->local, record->local);
	if (path->scope == REMOTE_ONE)
		ip_text(path->family, &path->remote, record->remote);
}

void watch_describe(const struct process *process, const struct request *request, const char *device,
		    const struct judgement *answer, struct wire_record *record)
{
	bool creates = request->kind == REQUEST_QP_CREATE || request->kind == REQUEST_QP_OPEN;

	wire_make(record, WIRE_RECORD);
	record->time_ns = clock_realtime_ns();
	if (process) {
		record->pid = process->pid;
		record->uid = process->uid;
		text_copy(record->executable, sizeof(record->executable),
			  process->executable_known ? process->executable : "");
	}
	text_copy(record->command, sizeof(record->command), request_kind_name(request->kind));
	if (request->qp_type || creates)
		text_copy(record->qp_type, sizeof(record->qp_type), uverbs_qp_type_name(request->qp_type));
	text_copy(record->device, sizeof(record->device), device ? device : "");
	describe_path(&answer->path, record);
	if (request->kind == REQUEST_QP_ADDRESS || request->kind == REQUEST_AH_CREATE)
		gid_text(request->address.dgid, record->remote);
	else if (record->has & WIRE_RECORD_HAS_GID)
		text_copy(record->remote, sizeof(record->remote), "any");
	if (request->has & UVERBS_HAS_QPN) {
		record->has |= WIRE_RECORD_HAS_QPN;
		record->qpn = request->qpn;
	}
	if (request->has & UVERBS_HAS_DEST_QPN) {
		record->has |= WIRE_RECORD_HAS_DEST_QPN;
		record->dest_qpn = request->dest_qpn;
	}
	record->outcome = !answer->pass     ? WIRE_OUTCOME_REFUSED
			  : answer->audited ? WIRE_OUTCOME_AUDITED
					    : WIRE_OUTCOME_PASSED;
	record->err = answer->pass ? 0 : (uint32_t)answer->err;
	record->verdict = answer->verdict.kind;
	record->by = answer->verdict.by;
	text_copy(record->rule, sizeof(record->rule), answer->rule ? answer->rule->name : "");
	verdict_details(&answer->verdict, &answer->path, record->details, sizeof(record->details));
	judgement_text(answer, record->text, sizeof(record->text));
	judgement_reasons(answer, record->reasons);
	text_printable(record->executable);
	text_printable(record->device);
	text_printable(record->netdev);
}

void watch_qp_record(const struct watch_ufile *ufile, const struct watch_qp *qp, const struct rdma_device *device,
		     const struct judgement *answer, struct wire_record *record)
{
	const struct watch_holder *holder = ufile->holders;

	watch_describe(holder ? &holder->client->process : NULL, &qp->request, device ? device->name : "", answer,
		       record);
	if (qp->qpn_source != WATCH_QPN_UNKNOWN) {
		record->has |= WIRE_RECORD_HAS_QPN;
		record->qpn = qp->qpn;
	}
}

static void explain_state(const struct watch_qp *qp, struct verdict *out)
{
	*out = (struct verdict){ 0 };
	switch (qp->state) {
	case WATCH_NO_ADDRESS:
		verdict_set(out, VERDICT_UNPROTECTED, REASON_NO_ADDRESS);
		return;
	case WATCH_REVOKED:
		verdict_set(out, VERDICT_UNPROTECTED, REASON_REVOKED);
		return;
	default:
		verdict_set(out, VERDICT_UNPROTECTED, REASON_STATE_UNKNOWN);
	}
}

void watch_explain_reach(const struct watch_ufile *ufile, struct verdict *out)
{
	bool denied = ufile->reach.err != -ENOENT;

	*out = (struct verdict){ 0 };
	verdict_set(out, VERDICT_UNKNOWN, denied ? REASON_UNREACHABLE_DENIED : REASON_UNREACHABLE)->err =
		-ufile->reach.err;
}

/* Reasons are made again for each list, not kept for each QP. */
void watch_list_qp(const struct watch_ufile *ufile, const struct watch_qp *qp, const struct rdma_device *device,
		   struct wire_record *record)
{
	struct rdma_device named = { 0 };
	struct judgement answer;

	text_copy(named.name, sizeof(named.name), ufile->device);
	watch_judge(ufile->watch, ufile->in, &ufile->asker, device, "", &qp->request, &answer);
	watch_heed_gate(qp, &answer);
	if (ufile->reach.err)
		watch_explain_reach(ufile, &answer.verdict);
	else if (!watch_can_send(qp))
		explain_state(qp, &answer.verdict);
	watch_qp_record(ufile, qp, device ? device : &named, &answer, record);
	record->time_ns = qp->since_ns;
}
