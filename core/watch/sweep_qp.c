// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* One QP: does what the kernel says of it agree with what we know? */
#include <string.h>

#include "util/clock.h"
#include "watch/internal.h"

static bool has_address(const struct uverbs_qp_facts *facts)
{
	static const uint8_t none[16];

	return memcmp(facts->address.dgid, none, sizeof(none)) != 0;
}

static bool can_send(const struct uverbs_qp_facts *facts)
{
	return facts->state >= UVERBS_QPS_RTR && facts->state != UVERBS_QPS_ERR;
}

/* As if its owner had asked. One that can send and has no address is a datagram QP, or of a kind that is not known. */
static struct uverbs_command question_from_facts(const struct watch_qp *qp, uint32_t driver_id,
						 const struct uverbs_qp_facts *facts)
{
	struct uverbs_command question = {
		.kind = has_address(facts) ? UVERBS_QP_ADDRESS : UVERBS_QP_READY,
		.has = UVERBS_HAS_HANDLE | UVERBS_HAS_STATE | (facts->dest_qpn ? UVERBS_HAS_DEST_QPN : 0) |
		       (qp->devx_created ? UVERBS_HAS_DEVX : 0),
		.driver_id = driver_id,
		.qp_type = qp->question.qp_type,
		.handle = qp->handle,
		.qp_state = facts->state,
		.dest_qpn = facts->dest_qpn,
		.address = facts->address,
		.want = qp->question.want,
	};

	question.address.is_global = has_address(facts);
	return question;
}

static void judge_facts(const struct watch_ufile *ufile, const struct uverbs_command *question,
			const struct rdma_device *device, struct engine_answer *answer)
{
	watch_judge(ufile->watch, ufile->in, &ufile->asker, device, "", question, answer);
	watch_refuse_kept_route(ufile, question, answer);
}

static void adopt(struct watch_ufile *ufile, struct watch_qp *qp, const struct rdma_device *device,
		  const struct uverbs_qp_facts *facts)
{
	struct engine_answer answer;
	struct wire_record record;

	qp->question = question_from_facts(qp, device->driver_id, facts);
	qp->state = WATCH_LIVE;
	qp->check = WATCH_CHECK_AGREED;
	qp->since_ns = clock_realtime_ns();
	judge_facts(ufile, &qp->question, device, &answer);
	watch_keep_answer(qp, &answer);
	watch_qp_record(ufile, qp, device, &answer, &record);
	record.event = WIRE_EVENT_ADOPTED;
	watch_tell(ufile->watch, &record);
	if (!answer.pass)
		watch_queue(ufile, qp);
}

/* ---- one that cannot send, by what is known ---- */

/* Nothing came of what was let pass. */
static bool same_as_known(struct watch_qp *qp, const struct uverbs_qp_facts *facts)
{
	bool same = watch_can_send(qp) && can_send(facts) &&
		    (qp->question.kind == UVERBS_QP_ADDRESS) == has_address(facts) &&
		    (!has_address(facts) ||
		     (!memcmp(qp->question.address.dgid, facts->address.dgid, sizeof(facts->address.dgid)) &&
		      qp->question.address.sgid_index == facts->address.sgid_index));

	qp->check = WATCH_CHECK_AGREED;
	return same;
}

static void find_out(struct watch_ufile *ufile, struct watch_qp *qp, int fd, const struct rdma_device *device)
{
	struct uverbs_qp_facts facts;

	/* what is listed and cannot be asked may send to anybody */
	if (watch_object_query(fd, device->driver_id, qp, &facts))
		facts = (struct uverbs_qp_facts){ .state = UVERBS_QPS_RTS };
	else if (!can_send(&facts))
		facts.state = UVERBS_QPS_RESET;
	if (same_as_known(qp, &facts))
		return;
	if (can_send(&facts))
		adopt(ufile, qp, device, &facts);
	else if (qp->state != WATCH_REVOKED)
		qp->state = WATCH_NO_ADDRESS;
}

/* ---- one that is known ---- */

/* By source ports, only where they have been looked at; some drivers have no port, peer or flow label to tell. */
static bool same_address(const struct watch_qp *qp, const struct uverbs_qp_facts *facts)
{
	const struct uverbs_address *ours = &qp->question.address, *theirs = &facts->address;

	return !memcmp(ours->dgid, theirs->dgid, sizeof(ours->dgid)) && ours->sgid_index == theirs->sgid_index &&
	       (!theirs->port || ours->port == theirs->port) &&
	       (!qp->basis.of_one_qp ||
		(ours->flow_label == theirs->flow_label && qp->question.dest_qpn == facts->dest_qpn));
}

/*
 * Whoever has got the open file can change its QPs, and he may be a process without a door. A driver that tells of no
 * address (irdma) leaves this unseen.
 *
 * One that is protected may be its owner's, whose word that it is done is still under way: at the second look it is
 * not. There the QP's own number is believed, to which the source port may hang; then no more, as it may have become
 * another QP of the same handle.
 */
static void compare(struct watch_ufile *ufile, struct watch_qp *qp, int fd, const struct rdma_device *device)
{
	struct uverbs_qp_facts facts;
	struct uverbs_command question;
	struct engine_answer answer;

	if (watch_object_query(fd, device->driver_id, qp, &facts) || !can_send(&facts) || !has_address(&facts))
		return;
	if (same_address(qp, &facts)) {
		qp->check = WATCH_CHECK_AGREED;
		return;
	}
	if (qp->check != WATCH_CHECK_DISAGREED) {
		question = question_from_facts(qp, device->driver_id, &facts);
		question.has |= qp->question.has & UVERBS_HAS_QPN;
		question.qpn = qp->question.qpn;
		judge_facts(ufile, &question, device, &answer);
		if (answer.pass) {
			qp->check = WATCH_CHECK_DISAGREED;
			return;
		}
	}
	adopt(ufile, qp, device, &facts);
}

static bool has_its_turn(struct watch_qp *qp, struct watch *watch)
{
	if (qp->question.kind != UVERBS_QP_ADDRESS || qp->looked == watch->round || !watch->looks_left)
		return false;
	watch->looks_left--;
	qp->looked = watch->round;
	return true;
}

/* ---- any ---- */

bool watch_is_known(const struct watch_qp *qp)
{
	return qp && watch_can_send(qp) && qp->check != WATCH_CHECK_DUE;
}

void watch_look_at(struct watch_ufile *ufile, uint32_t handle, int fd, const struct rdma_device *device)
{
	struct watch_qp *qp = watch_qp_find(ufile, handle);

	if (watch_is_known(qp)) {
		if (has_its_turn(qp, ufile->watch))
			compare(ufile, qp, fd, device);
		return;
	}
	if (!qp)
		qp = watch_qp_make(ufile, handle);
	if (qp)
		find_out(ufile, qp, fd, device);
}
