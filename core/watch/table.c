// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The tables of the watch: queue pairs by handle, and the queue of open files whose queue pairs wait for re-evaluation.
 */
#include <stdlib.h>

#include "util/clock.h"
#include "watch/internal.h"

/* When a client ends, its children may still be about to open the same files. */
enum { SCAN_SOON_MS = 50, SCAN_PAUSE = 10 };

void watch_report(struct watch *watch, const struct wire_record *record)
{
	watch->listener.record(record, watch->listener.arg);
}

struct watch_qp *watch_qp_find(const struct watch_ufile *ufile, uint32_t handle)
{
	struct watch_qp *qp;

	HASH_FIND(hh, ufile->qps, &handle, sizeof(handle), qp);
	return qp;
}

struct watch_qp *watch_qp_make(struct watch_ufile *ufile, uint32_t handle)
{
	struct watch_qp *qp = calloc(1, sizeof(*qp));

	if (!qp)
		return NULL;
	qp->handle = handle;
	qp->since_ns = clock_realtime_ns();
	HASH_ADD(hh, ufile->qps, handle, sizeof(qp->handle), qp);
	if (qp->hh.tbl)
		return qp;
	free(qp);
	return NULL;
}

void watch_qp_remove(struct watch_ufile *ufile, struct watch_qp *qp)
{
	HASH_DEL(ufile->qps, qp);
	free(qp);
}

uint32_t watch_qp_type(const struct watch_ufile *ufile, uint32_t handle)
{
	const struct watch_qp *qp = watch_qp_find(ufile, handle);

	return qp ? qp->request.qp_type : 0;
}

uint32_t watch_qp_number(const struct watch_ufile *ufile, uint32_t handle)
{
	const struct watch_qp *qp = watch_qp_find(ufile, handle);

	return qp && qp->qpn_source == WATCH_QPN_REPORTED ? qp->qpn : 0;
}

/* The kernel uses a number again once its queue pair is destroyed. */
void watch_qp_take_number(struct watch_ufile *ufile, struct watch_qp *qp, uint32_t qpn)
{
	struct watch_qp *other, *next;

	HASH_ITER (hh, ufile->qps, other, next)
		if (other != qp && other->qpn == qpn)
			other->qpn_source = WATCH_QPN_UNKNOWN;
	qp->qpn = qpn;
	qp->qpn_source = WATCH_QPN_REPORTED;
}

void watch_queue(struct watch_ufile *ufile, struct watch_qp *qp)
{
	struct watch *watch = ufile->watch;

	if (!watch_can_send(qp))
		return;
	qp->work = WATCH_WORK_QUEUED;
	if (!ufile->queued) {
		ufile->queued = true;
		DL_APPEND2(watch->queue, ufile, queue_prev, queue_next);
	}
	watch_set_timer(watch->judge, 0);
}

void watch_set_timer(struct event *timer, int ms)
{
	const struct timeval when = clock_timeval(ms);

	event_add(timer, &when);
}

/* A scan inspects every process of the host: its share of the time is bounded, however often programs end. */
void watch_scan_soon(struct watch *watch)
{
	int64_t pause = watch->scan_took_ms * SCAN_PAUSE;

	if (!watch->scan_is_soon)
		watch_set_timer(watch->scan, pause > SCAN_SOON_MS ? (int)pause : SCAN_SOON_MS);
	watch->scan_is_soon = true;
}

void watch_lost_soon(struct watch *watch, int ms)
{
	int64_t pause = watch->lost_ms - clock_ms();
	const struct timeval when = clock_timeval(pause > ms ? (int)pause : ms);
	struct timeval due, now;

	if (evtimer_pending(watch->lost, &due)) {
		event_base_gettimeofday_cached(watch->base, &now);
		evutil_timersub(&due, &now, &due);
		if (evutil_timercmp(&due, &when, <))
			return;
	}
	event_add(watch->lost, &when);
}
