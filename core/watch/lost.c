// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Files of which no fd can be had. Nothing is dropped because it was not found: what lives is what the kernel lists.
 *
 *  no fd, because                      its queue pairs, by the kernel    action, at each step
 *  any                                 cannot be listed, or live         see below
 *  any                                 are destroyed                     remove them; free the file if it is not held
 *  of a shortage of fds or memory      live                              wait
 *  a helper hangs for its account      live for LOST_HANGS_MS            report them, and end the process
 *  a helper hangs for another account  live                              wait
 *  a process denies it (EPERM)         live                              report them, and end the process
 *  another error                       live for the time to close        the same
 *  no known number names it (ENOENT)   live, all processes not yet       search all processes, at most for
 *                                      searched                          LOST_HANGS_MS
 *  the same                            live, and became fewer less       wait: close(2) may still destroy them
 *                                      than the time to close ago
 *  the same                            live                              report them, and end the process
 *  -                                   (an fd was had after all)         judge them as ever
 *
 * The time to close is LOST_CONFIRM_MS, and LOST_CLOSING_MS while nothing is to be taken down: a program that gets a
 * hundredth of a processor needs seconds in close(2), and looks like one that hides its file.
 *
 * A step comes LOST_STEP_MS after the last one while a file waits, and at each sweep. "End": ending.c, if the rule says
 * so. Each process gets LOST_CONFIRM_MS to end before the next one that held the file is ended.
 */
#include <errno.h>

#include "util/clock.h"
#include "util/text.h"
#include "watch/internal.h"

static bool is_shortage(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM || err == -ECONNRESET;
}

/* Has a helper hung that should take the file, or is one hanging for a process that has it? */
static bool is_of_hanging(int err)
{
	return err == -EBUSY || err == -ETIMEDOUT;
}

static bool hangs(const struct watch_ufile *ufile)
{
	const struct watch_holder *holder;

	DL_FOREACH (ufile->holders, holder)
		if (!holder->lost && foreign_hangs(ufile->watch->foreign, holder->client->process.account))
			return true;
	return false;
}

/* ---- reports ---- */

static void report(struct watch_ufile *ufile, const struct watch_qp *qp, const struct judgement *answer)
{
	struct rdma_device device = { 0 };
	struct wire_record record;

	text_copy(device.name, sizeof(device.name), ufile->device);
	watch_qp_record(ufile, qp, &device, answer, &record);
	record.event = WIRE_EVENT_NOT_REVOKED;
	watch_report(ufile->watch, &record);
}

/* No process is ended for queue pairs that nothing but the table of the watch has. */
static bool is_seen_alive(const struct watch_ufile *ufile, const struct watch_living *living)
{
	return ufile->index_known && living->count && !living->reads[0].err;
}

static void report_all(struct watch_ufile *ufile, const struct watch_living *living)
{
	struct judgement answer = { .err = EPERM };
	pid_t ended_before = ufile->reach.ended;
	struct watch_qp *qp, *next;

	watch_explain_reach(ufile, &answer.verdict);
	/* one of them decides for all, which share the process: the rule does not depend on their addresses */
	if (is_seen_alive(ufile, living))
		answer.rule = watch_end_owner(ufile, &ufile->qps->request, &answer.since);
	else
		answer.since.reason = REASON_PROCESS_UNSURE;
	HASH_ITER (hh, ufile->qps, qp, next) {
		if (!qp->reported_lost || ufile->reach.ended != ended_before)
			report(ufile, qp, &answer);
		qp->reported_lost = true;
	}
	if (ufile->reach.ended) {
		ufile->reach.since_ms = clock_ms();
		ufile->reach.is_searched = ufile->reach.is_searching = false;
	}
}

void watch_cannot_list(struct watch_ufile *ufile, int err)
{
	const struct watch_qp none = { .request = { .kind = REQUEST_NOTHING } };
	struct judgement answer = { .err = EPERM };

	if (err != -ENOSPC || ufile->is_overfull)
		return;
	ufile->is_overfull = true;
	verdict_set(&answer.verdict, VERDICT_UNKNOWN, REASON_FILE_FULL)->number = UVERBS_QPS_LISTED_MAX;
	answer.rule = watch_end_owner(ufile, &none.request, &answer.since);
	report(ufile, &none, &answer);
}

/* ---- steps ---- */

/* Has a queue pair lost its protection, or may it have lost it? It cannot be judged again without its file. */
static bool is_to_be_judged(const struct watch_ufile *ufile)
{
	struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next)
		if (qp->state == WATCH_UNKNOWN || qp->state == WATCH_GRACE ||
		    (qp->state == WATCH_LIVE && (qp->work || qp->check != WATCH_CHECK_AGREED)))
			return true;
	return false;
}

static bool is_confirmed(const struct watch_ufile *ufile, int64_t now)
{
	const struct watch_reach *reach = &ufile->reach;

	if (is_shortage(reach->err))
		return false;
	if (is_of_hanging(reach->err))
		return now - reach->since_ms >= LOST_HANGS_MS && hangs(ufile);
	/* nothing else makes the kernel deny a file that a process has; any other error may be that of its end */
	if ((reach->err == -EPERM || reach->err == -EACCES) && !reach->ended)
		return true;
	return now - reach->since_ms >= (is_to_be_judged(ufile) ? LOST_CONFIRM_MS : LOST_CLOSING_MS) &&
	       (reach->err != -ENOENT || reach->is_searched || now - reach->since_ms >= LOST_HANGS_MS);
}

static void queue_all(struct watch_ufile *ufile)
{
	struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next) {
		qp->check = WATCH_CHECK_DUE;
		watch_queue(ufile, qp);
	}
}

/* False: nothing is to come for this file. It may have been freed. */
static bool settle(struct watch_ufile *ufile, struct watch_living *living)
{
	int64_t now = clock_ms();
	unsigned left;
	int fd;

	if (!watch_borrow_fd(ufile, &fd)) {
		watch_return_fd(ufile, fd);
		queue_all(ufile);
		return false;
	}
	left = watch_forget_destroyed(ufile, living);
	if (!left) {
		if (!watch_is_held(ufile))
			watch_ufile_free(ufile);
		return false;
	}
	if (left < ufile->reach.qps)
		ufile->reach.since_ms = now;
	ufile->reach.qps = left;
	if (!is_confirmed(ufile, now))
		return true;
	report_all(ufile, living);
	return ufile->reach.ended != 0;
}

/* Those that have not had their turn in this step, until `end_ms`. True: all have. */
static bool settle_some(struct watch *watch, int64_t end_ms)
{
	struct watch_living living = { 0 };
	struct watch_ufile *ufile, *next;
	bool is_complete = true;

	DL_FOREACH_SAFE (watch->ufiles, ufile, next) {
		if (ufile->settled == watch->lost_round || (!ufile->reach.err && watch_is_held(ufile)))
			continue;
		is_complete = clock_ms() < end_ms;
		if (!is_complete)
			break;
		ufile->settled = watch->lost_round;
		watch->lost_waits |= settle(ufile, &living);
	}
	watch_living_free(&living);
	return is_complete;
}

static bool needs_search(const struct watch *watch)
{
	const struct watch_ufile *ufile;

	DL_FOREACH (watch->ufiles, ufile)
		if (ufile->reach.err == -ENOENT && !ufile->reach.is_searched && !ufile->reach.is_searching &&
		    !watch_is_held(ufile))
			return true;
	return false;
}

void watch_settle_lost(struct watch *watch)
{
	int64_t began = clock_ms(), now;
	bool waits, is_complete = settle_some(watch, began + LOST_AT_ONCE_MS);

	/* the lists of the kernel and searches take as long as other users like: see LOST_PAUSE */
	now = clock_ms();
	watch->lost_ms = now + (now - began) * LOST_PAUSE;
	if (!is_complete) {
		watch_lost_soon(watch, LOST_AT_ONCE_MS);
		return;
	}
	waits = watch->lost_waits;
	watch->lost_waits = false;
	watch->lost_round++;
	if (waits && needs_search(watch))
		watch_scan_soon(watch);
	if (waits)
		watch_lost_soon(watch, LOST_STEP_MS);
}

static void on_lost(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	watch_settle_lost(arg);
}

int watch_lost_init(struct watch *watch)
{
	watch->lost = evtimer_new(watch->base, on_lost, watch);
	return watch->lost ? 0 : -ENOMEM;
}
