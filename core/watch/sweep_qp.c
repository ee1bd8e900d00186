// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Compares one queue pair with what the kernel has. At each sweep, of those that cannot send or have CHECK_DUE:
 *
 *  the kernel              action
 *  cannot be asked         adopt: it may send to anyone
 *  cannot send             NO_ADDRESS; REVOKED stays
 *  sends as known          CHECK_AGREED
 *  sends otherwise         adopt
 *
 * Of the others, CHECKS_PER_SWEEP at each sweep, by check state:
 *
 *  the kernel                        AGREED         DISAGREED
 *  cannot be asked, tells no         -              -
 *  address, or cannot send
 *  has the known address             -              AGREED
 *  has another, which is refused     adopt          adopt
 *  has another, which passes         DISAGREED      adopt
 */
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
static struct request request_from_facts(const struct watch_qp *qp, uint32_t driver_id,
					 const struct uverbs_qp_facts *facts)
{
	struct request request = {
		.kind = has_address(facts) ? REQUEST_QP_ADDRESS : REQUEST_QP_READY,
		.has = UVERBS_HAS_HANDLE | (facts->dest_qpn ? UVERBS_HAS_DEST_QPN : 0) |
		       (qp->devx_created ? UVERBS_HAS_DEVX : 0),
		.driver_id = driver_id,
		.qp_type = qp->request.qp_type,
		.handle = qp->handle,
		.dest_qpn = facts->dest_qpn,
		.address = facts->address,
		.want = qp->request.want,
	};

	request.address.is_global = has_address(facts);
	return request;
}

static void judge_facts(const struct watch_ufile *ufile, const struct request *request,
			const struct rdma_device *device, struct judgement *answer)
{
	watch_judge(ufile->watch, ufile->in, &ufile->asker, device, "", request, answer);
	watch_refuse_kept_route(ufile, request, answer);
}

static void adopt(struct watch_ufile *ufile, struct watch_qp *qp, const struct rdma_device *device,
		  const struct uverbs_qp_facts *facts)
{
	struct judgement answer;
	struct wire_record record;

	qp->request = request_from_facts(qp, device->driver_id, facts);
	qp->state = WATCH_LIVE;
	qp->check = WATCH_CHECK_AGREED;
	qp->stopped_at[0] = '\0';
	qp->since_ns = clock_realtime_ns();
	judge_facts(ufile, &qp->request, device, &answer);
	watch_keep_verdict(qp, &answer);
	watch_qp_record(ufile, qp, device, &answer, &record);
	record.event = WIRE_EVENT_ADOPTED;
	watch_report(ufile->watch, &record);
	if (!answer.pass)
		watch_queue(ufile, qp);
}

/*
 * The source port is compared only where the verdict depends on it. Some drivers report no port, peer or flow label.
 */
static bool same_address(const struct watch_qp *qp, const struct uverbs_qp_facts *facts)
{
	const struct uverbs_address *ours = &qp->request.address, *theirs = &facts->address;

	return !memcmp(ours->dgid, theirs->dgid, sizeof(ours->dgid)) && ours->sgid_index == theirs->sgid_index &&
	       (!theirs->port || ours->port == theirs->port) &&
	       (!qp->judged.has_sport ||
		(ours->flow_label == theirs->flow_label && qp->request.dest_qpn == facts->dest_qpn));
}

/* ---- a queue pair that cannot send as far as is known, or of which a command's outcome is unknown ---- */

static bool sends_as_known(const struct watch_qp *qp, const struct uverbs_qp_facts *facts)
{
	return watch_can_send(qp) && (qp->request.kind == REQUEST_QP_ADDRESS) == has_address(facts) &&
	       (!has_address(facts) || same_address(qp, facts));
}

static void find_out(struct watch_ufile *ufile, struct watch_qp *qp, int fd, const struct rdma_device *device)
{
	struct uverbs_qp_facts facts;

	if (watch_object_query(fd, device->driver_id, qp, &facts))
		facts = (struct uverbs_qp_facts){ .state = UVERBS_QPS_RTS };
	if (!can_send(&facts))
		qp->state = qp->state == WATCH_REVOKED ? WATCH_REVOKED : WATCH_NO_ADDRESS;
	else if (!sends_as_known(qp, &facts))
		adopt(ufile, qp, device, &facts);
	qp->check = WATCH_CHECK_AGREED;
}

/* ---- a queue pair that is known to send ---- */

/*
 * Whether the address would pass. The number of the queue pair, on which its source port may depend, is taken from the
 * last request; after adoption it is not, as the handle may be that of another queue pair.
 */
static bool would_pass(const struct watch_ufile *ufile, const struct watch_qp *qp, const struct rdma_device *device,
		       const struct uverbs_qp_facts *facts)
{
	struct request request = request_from_facts(qp, device->driver_id, facts);
	struct judgement answer;

	request.has |= qp->request.has & UVERBS_HAS_QPN;
	request.qpn = qp->request.qpn;
	judge_facts(ufile, &request, device, &answer);
	return answer.pass;
}

/*
 * Any process that has the open file can change its queue pairs, also one without a door. If a driver reports no
 * address (irdma), this stays unnoticed. A protected address may be one that a door is about to report: at the second
 * look that has happened.
 */
static void compare(struct watch_ufile *ufile, struct watch_qp *qp, int fd, const struct rdma_device *device)
{
	struct uverbs_qp_facts facts;

	if (watch_object_query(fd, device->driver_id, qp, &facts) || !can_send(&facts) || !has_address(&facts))
		return;
	if (same_address(qp, &facts))
		qp->check = WATCH_CHECK_AGREED;
	else if (qp->check == WATCH_CHECK_AGREED && would_pass(ufile, qp, device, &facts))
		qp->check = WATCH_CHECK_DISAGREED;
	else
		adopt(ufile, qp, device, &facts);
}

static bool has_its_turn(struct watch_qp *qp, struct watch *watch)
{
	if (qp->request.kind != REQUEST_QP_ADDRESS || qp->checked_round == watch->round || !watch->checks_left)
		return false;
	watch->checks_left--;
	qp->checked_round = watch->round;
	return true;
}

/* ---- any ---- */

bool watch_has_known_address(const struct watch_qp *qp)
{
	return qp && watch_can_send(qp) && qp->check != WATCH_CHECK_DUE;
}

void watch_check_qp(struct watch_ufile *ufile, uint32_t handle, int fd, const struct rdma_device *device)
{
	struct watch_qp *qp = watch_qp_find(ufile, handle);

	if (watch_has_known_address(qp)) {
		if (has_its_turn(qp, ufile->watch))
			compare(ufile, qp, fd, device);
		return;
	}
	if (!qp)
		qp = watch_qp_make(ufile, handle);
	if (qp)
		find_out(ufile, qp, fd, device);
}
