// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Judges queued QPs again and acts on the verdict: grace, revocation. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/text.h"
#include "watch/internal.h"

/* A QP that is being judged again, with a borrowed fd. */
struct judged {
	struct watch_ufile *ufile;
	struct watch_qp *qp;
	int fd;
	const struct rdma_device *device; /* NULL: not identified, see `error` */
	const char *error;
};

static void report(const struct judged *j, const struct judgement *answer, enum wire_event event)
{
	struct wire_record record;

	watch_qp_record(j->ufile, j->qp, j->device, answer, &record);
	record.event = event;
	watch_report(j->ufile->watch, &record);
}

static void on_grace(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;
	int64_t now = clock_ms();
	struct watch_ufile *ufile;
	struct watch_qp *qp, *next;
	bool more = false;

	(void)fd;
	(void)what;
	DL_FOREACH (watch->ufiles, ufile)
		HASH_ITER (hh, ufile->qps, qp, next) {
			if (qp->state != WATCH_GRACE)
				continue;
			more = true;
			if (now >= qp->grace_end_ms)
				watch_queue(ufile, qp);
		}
	if (more)
		watch_set_timer(watch->grace, GRACE_STEP_MS);
}

static uint32_t driver_of(const struct judged *j)
{
	return j->device ? j->device->driver_id : j->qp->request.driver_id;
}

/* The application has destroyed it, unless the kernel lists it: then the fd is of another file. */
static void not_in_file(const struct judged *j)
{
	bool is_reported = j->qp->qpn_source == WATCH_QPN_REPORTED && !j->qp->devx_created;

	if (is_reported && watch_is_listed(j->ufile, j->qp)) {
		j->qp->work = WATCH_WORK_RETRY;
		watch_take_back(j->ufile);
		return;
	}
	watch_qp_remove(j->ufile, j->qp);
}

/* A QP in ERR sends nothing, and what was posted is flushed (InfiniBand Architecture 10.3.1). */
static void revoke_qp(const struct judged *j, struct judgement *answer)
{
	uint32_t driver_id = driver_of(j);
	int err = watch_object_to_error(j->fd, driver_id, j->qp);

	/* in RESET it sends nothing, and a door must ask before it leaves RESET */
	if (err == -ENOTCONN)
		err = 0;
	if (err && !watch_object_lives(j->fd, driver_id, j->qp)) {
		not_in_file(j);
		return;
	}
	if (err)
		err = watch_object_destroy(j->fd, driver_id, j->qp);
	j->qp->since_ns = clock_realtime_ns();
	if (!err) {
		j->qp->state = WATCH_REVOKED;
		report(j, answer, WIRE_EVENT_REVOKED);
		return;
	}
	answer->since = (struct why){ .reason = REASON_REVOKE_FAILED, .err = -err };
	report(j, answer, WIRE_EVENT_NOT_REVOKED);
	if (watch_end_owner(j->ufile, &j->qp->request, &answer->since))
		report(j, answer, WIRE_EVENT_NOT_REVOKED);
	j->qp->work = WATCH_WORK_RETRY;
}

static void begin_grace(const struct judged *j, struct judgement *answer)
{
	j->qp->state = WATCH_GRACE;
	j->qp->grace_end_ms = clock_ms() + answer->grace_ms;
	report(j, answer, WIRE_EVENT_GRACE);
	if (answer->setup_ms && answer->verdict.missing_sa) {
		/* by the xfrm policy that its packets hit now */
		watch_keep_verdict(j->qp, answer);
		watch_report_missing_sa(j->ufile, j->qp, answer->grace_ms);
	}
	watch_set_timer(j->ufile->watch->grace, GRACE_STEP_MS);
}

static void on_refused(const struct judged *j, struct judgement *answer)
{
	if (answer->grace_ms && j->qp->state != WATCH_GRACE)
		begin_grace(j, answer);
	else if (!answer->grace_ms || clock_ms() >= j->qp->grace_end_ms)
		revoke_qp(j, answer);
}

static bool same_protection(const struct judged_path *a, const struct judged_path *b)
{
	return a->verdict == b->verdict && a->by == b->by && a->spi_out == b->spi_out && a->spi_in == b->spi_in &&
	       a->secy_ifindex == b->secy_ifindex;
}

/*
 * Policies and SAs are being read and may still protect the QP; the end of the reading queues it again. That holds for
 * QPs that IPsec protected, that were never judged, or whose SecY is unchanged. Any other has lost its protection.
 */
static bool awaits_reading(const struct judged *j, const struct judgement *answer)
{
	const struct judged_path *judged = &j->qp->judged;

	if (answer->verdict.kind != VERDICT_UNKNOWN || !mirror_is_reading(namespace_mirror(j->ufile->in)))
		return false;
	if (judged->by == BY_MACSEC)
		return answer->verdict.secy_ifindex == judged->secy_ifindex;
	return judged->by != BY_LOOPBACK;
}

static void judge_qp(const struct judged *j)
{
	struct watch_ufile *ufile = j->ufile;
	struct judged_path before = j->qp->judged;
	struct judgement answer;

	j->qp->work = WATCH_WORK_NONE;
	if (!watch_can_send(j->qp))
		return;
	watch_judge(ufile->watch, ufile->in, &ufile->asker, j->device, j->error, &j->qp->request, &answer);
	watch_refuse_kept_route(ufile, &j->qp->request, &answer);
	watch_heed_gate(j->qp, &answer);
	if (awaits_reading(j, &answer)) {
		j->qp->work = WATCH_WORK_RETRY;
		return;
	}
	if (!answer.pass) {
		on_refused(j, &answer);
		return;
	}
	watch_keep_verdict(j->qp, &answer);
	if (j->qp->state == WATCH_LIVE && same_protection(&before, &j->qp->judged))
		return;
	j->qp->state = WATCH_LIVE;
	j->qp->since_ns = clock_realtime_ns();
	report(j, &answer, WIRE_EVENT_CHANGED);
}

/* Judges queued QPs until *judged is JUDGED_AT_ONCE. False: more are left. */
static bool judge_queued(struct watch_ufile *ufile, int fd, unsigned *judged)
{
	char error[192];
	struct judged j = { .ufile = ufile, .fd = fd, .error = error };
	const struct watch_holder *lent_by = ufile->lent_by;
	struct watch_qp *qp, *next;

	j.device = watch_device(ufile, fd, error, sizeof(error));
	HASH_ITER (hh, ufile->qps, qp, next) {
		if (ufile->lent_by != lent_by)
			return true; /* the fd is of another file */
		if (qp->work != WATCH_WORK_QUEUED)
			continue;
		if (*judged == JUDGED_AT_ONCE)
			return false;
		++*judged;
		j.qp = qp;
		judge_qp(&j);
	}
	return true;
}

static void unqueue(struct watch_ufile *ufile)
{
	ufile->queued = false;
	DL_DELETE2(ufile->watch->queue, ufile, queue_prev, queue_next);
}

void watch_judge_with(struct watch_ufile *ufile, int fd)
{
	unsigned judged = 0;

	if (ufile->queued && judge_queued(ufile, fd, &judged))
		unqueue(ufile);
}

static void judge_ufile(struct watch_ufile *ufile, unsigned *judged)
{
	int fd, err = watch_borrow_fd(ufile, &fd);

	++*judged;
	if (err) {
		/* lost.c decides, or, if it is for a shortage of fds, the next sweep queues it again */
		unqueue(ufile);
		return;
	}
	if (judge_queued(ufile, fd, judged))
		unqueue(ufile);
	watch_return_fd(ufile, fd);
}

static void on_judge(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;
	unsigned judged = 0;

	(void)fd;
	(void)what;
	while (watch->queue && judged < JUDGED_AT_ONCE)
		judge_ufile(watch->queue, &judged);
	if (watch->queue)
		watch_set_timer(watch->judge, 0);
}

int watch_reevaluate_init(struct watch *watch)
{
	watch->judge = evtimer_new(watch->base, on_judge, watch);
	watch->grace = evtimer_new(watch->base, on_grace, watch);
	if (!watch->judge || !watch->grace)
		return -ENOMEM;
	(void)event_priority_set(watch->judge, WATCH_PRIORITY);
	(void)event_priority_set(watch->grace, WATCH_PRIORITY);
	return 0;
}
