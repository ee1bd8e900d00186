// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What lives: the table is made to agree with the kernel's lists, and what nobody told us of is found. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "devx_call.h"
#include "prm.h"
#include "watch_internal.h"

/* After the end of a client its children may still be on their way to the same files. */
enum { SCAN_SOON_MS = 50, SCAN_PAUSE = 10 };

struct handles {
	uint32_t *list;
	size_t count;
};

static int compare_handles(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool handles_have(const struct handles *handles, uint32_t handle)
{
	return bsearch(&handle, handles->list, handles->count, sizeof(handle), compare_handles);
}

static int list(int fd, uint32_t driver_id, bool of_devx, struct handles *handles, size_t room)
{
	return of_devx ? devx_list(fd, handles->list, room, &handles->count)
		       : uverbs_list_qps(fd, driver_id, handles->list, room, &handles->count);
}

static int handles_read(int fd, uint32_t driver_id, bool of_devx, struct handles *out)
{
	struct handles handles = { .list = NULL };
	size_t room = 64, asked;
	int err;

	do {
		free(handles.list);
		handles.list = calloc(room, sizeof(*handles.list));
		err = handles.list ? list(fd, driver_id, of_devx, &handles, room) : -ENOMEM;
		asked = room;
		room = room * 8 < UVERBS_QPS_LISTED_MAX ? room * 8 : UVERBS_QPS_LISTED_MAX;
	} while (err == -ENOSPC && asked < UVERBS_QPS_LISTED_MAX);
	if (err) {
		free(handles.list);
		return err;
	}
	qsort(handles.list, handles.count, sizeof(*handles.list), compare_handles);
	*out = handles;
	return 0;
}

bool watch_handle_lives(int fd, uint32_t driver_id, uint32_t handle, bool of_devx)
{
	struct handles handles;
	bool lives;

	if (handles_read(fd, driver_id, of_devx, &handles))
		return true;
	lives = handles_have(&handles, handle);
	free(handles.list);
	return lives;
}

/* ---- adopting ---- */

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
static void question_from_facts(struct watch_qp *qp, uint32_t driver_id, const struct uverbs_qp_facts *facts)
{
	qp->question = (struct uverbs_command){
		.kind = has_address(facts) ? UVERBS_QP_ADDRESS : UVERBS_QP_READY,
		.has = UVERBS_HAS_HANDLE | UVERBS_HAS_STATE | (facts->dest_qpn ? UVERBS_HAS_DEST_QPN : 0) |
		       (qp->devx_created ? UVERBS_HAS_DEVX : 0),
		.driver_id = driver_id,
		.qp_type = qp->qp_type,
		.handle = qp->handle,
		.qp_state = facts->state,
		.dest_qpn = facts->dest_qpn,
		.address = facts->address,
	};
	qp->question.address.is_global = has_address(facts);
}

static void adopt(struct watch_ufile *ufile, struct watch_qp *qp, const struct rdma_device *device,
		  const struct uverbs_qp_facts *facts)
{
	struct engine_answer answer;
	struct wire_record record;

	question_from_facts(qp, device->driver_id, facts);
	qp->state = WATCH_LIVE;
	qp->since_ns = watch_now_ns();
	watch_judge(ufile->watch, ufile->in, &ufile->asker, device, "", &qp->question, &answer);
	watch_keep_answer(qp, &answer);
	watch_qp_record(ufile, qp, device, &answer, &record);
	record.event = WIRE_EVENT_ADOPTED;
	watch_tell(ufile->watch, &record);
	if (!answer.pass)
		watch_queue(ufile, qp);
}

/* Nothing came of what was let pass. */
static bool same_as_known(struct watch_qp *qp, const struct uverbs_qp_facts *facts)
{
	bool live = qp->state == WATCH_LIVE || qp->state == WATCH_GRACE;
	bool same = live && can_send(facts) && (qp->question.kind == UVERBS_QP_ADDRESS) == has_address(facts) &&
		    (!has_address(facts) ||
		     (!memcmp(qp->question.address.dgid, facts->address.dgid, sizeof(facts->address.dgid)) &&
		      qp->question.address.sgid_index == facts->address.sgid_index));

	qp->unsure = false;
	return same;
}

/* Is nothing to be asked of it? */
static bool is_known(const struct watch_qp *qp)
{
	return qp && (qp->state == WATCH_LIVE || qp->state == WATCH_GRACE) && !qp->unsure;
}

/* A QP that nobody told us of, or one that by what we know cannot send. */
static void look_at(struct watch_ufile *ufile, uint32_t handle, int fd, const struct rdma_device *device)
{
	struct watch_qp *qp = watch_qp_find(ufile, handle);
	struct uverbs_qp_facts facts;

	if (is_known(qp))
		return;
	if (!qp)
		qp = watch_qp_make(ufile, handle);
	if (!qp)
		return;
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

/* ---- one open file ---- */

/* NULL: it has no DEVX, or its list could not be read. A handle is in one list, and tells what it is by that. */
static void forget_dead(struct watch_ufile *ufile, const struct handles *qps, const struct handles *devx)
{
	struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next) {
		if (handles_have(qps, qp->handle))
			qp->devx_created = 0;
		else if (devx && handles_have(devx, qp->handle))
			qp->devx_created = qp->devx_created ? qp->devx_created : PRM_CREATE_QP;
		else if (devx || !qp->devx_created)
			watch_qp_forget(ufile, qp);
	}
}

/* Of DEVX's objects only those that are known to send are looked at: of others nobody says what they are. */
static void look_at_devx(struct watch_ufile *ufile, int fd, const struct rdma_device *device)
{
	struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next) {
		const struct devx_object object = { .handle = qp->handle,
						    .number = qp->qpn,
						    .created = qp->devx_created };

		if (!qp->devx_created || is_known(qp))
			continue;
		if (devx_is_still(fd, &object))
			look_at(ufile, qp->handle, fd, device);
		else
			watch_qp_forget(ufile, qp);
	}
}

static bool uses_devx(const struct watch_ufile *ufile)
{
	const struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next)
		if (qp->devx_created || qp->question.has & UVERBS_HAS_DEVX)
			return true;
	return false;
}

static void sweep_with(struct watch_ufile *ufile, int fd)
{
	char error[192];
	const struct rdma_device *device = watch_device(ufile, fd, error, sizeof(error));
	struct handles handles, devx = { .list = NULL };
	bool has_devx;

	if (!device || handles_read(fd, device->driver_id, false, &handles))
		return;
	has_devx = uses_devx(ufile) && !handles_read(fd, device->driver_id, true, &devx);
	forget_dead(ufile, &handles, has_devx ? &devx : NULL);
	for (size_t i = 0; i < handles.count; i++)
		look_at(ufile, handles.list[i], fd, device);
	if (has_devx)
		look_at_devx(ufile, fd, device);
	free(devx.list);
	free(handles.list);
}

/* What could not be judged, or taken down, when it should have been. */
static void queue_again(struct watch_ufile *ufile)
{
	struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next)
		if (qp->dirty || qp->retry) {
			qp->retry = false;
			watch_queue(ufile, qp);
		}
}

void watch_sweep_ufile(struct watch_ufile *ufile)
{
	int fd, err;

	queue_again(ufile);
	err = watch_borrow(ufile, &fd);
	if (err)
		return;
	sweep_with(ufile, fd);
	close(fd);
}

static void sweep_all(struct watch *watch)
{
	struct watch_ufile *ufile;

	DL_FOREACH (watch->ufiles, ufile)
		watch_sweep_ufile(ufile);
	watch_forget_idle(watch);
	watch_set_polls(watch);
}

/* ---- all processes ---- */

/* Then what a scan did not see may be there all the same. */
static bool is_shortage(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM;
}

static int found(void *arg, const struct process *process, int number, int fd, dev_t rdev)
{
	struct watch_ufile *ufile;

	(void)rdev;
	int err = watch_ufile_get(arg, process, number, fd, &ufile);

	if (!err)
		watch_sweep_ufile(ufile);
	return is_shortage(err) ? err : 0;
}

void watch_adopt(struct watch *watch)
{
	int64_t began = clock_ms();
	/* a process that cannot be looked into is one that could not have been asked for its fds either */
	int err = watch->whole_host ? process_scan("/sys", found, watch) : 0;

	watch->scan_took_ms = clock_ms() - began;
	if (is_shortage(err))
		watch_scan_soon(watch);
	else
		watch_forget_unheld(watch);
	watch_name_adopted(watch);
	watch_set_polls(watch);
}

static void again(struct event *timer, int ms)
{
	const struct timeval when = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(timer, &when);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	(void)fd;
	(void)what;
	sweep_all(watch);
	again(watch->sweep, SWEEP_MS);
}

static void on_scan(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	(void)fd;
	(void)what;
	watch->scan_is_soon = false;
	watch_adopt(watch);
	if (!watch->scan_is_soon)
		again(watch->scan, SCAN_MS);
}

/* However often programs end, most of the time is left for others: a scan looks at every process of the host. */
void watch_scan_soon(struct watch *watch)
{
	int64_t pause = watch->scan_took_ms * SCAN_PAUSE;

	if (!watch->scan_is_soon)
		again(watch->scan, pause > SCAN_SOON_MS ? (int)pause : SCAN_SOON_MS);
	watch->scan_is_soon = true;
}

int watch_sweep_init(struct watch *watch)
{
	watch->sweep = evtimer_new(watch->base, on_sweep, watch);
	watch->scan = evtimer_new(watch->base, on_scan, watch);
	if (!watch->sweep || !watch->scan)
		return -ENOMEM;
	again(watch->sweep, SWEEP_MS);
	again(watch->scan, SCAN_MS);
	return 0;
}

static void list_ufile(struct watch_ufile *ufile, void (*row)(const struct wire_record *record, void *arg), void *arg)
{
	const struct rdma_device *device;
	struct wire_record record;
	struct watch_qp *qp, *next;
	char error[192];
	int fd;

	if (watch_borrow(ufile, &fd))
		return;
	device = watch_device(ufile, fd, error, sizeof(error));
	HASH_ITER (hh, ufile->qps, qp, next) {
		watch_list_qp(ufile, qp, device, &record);
		row(&record, arg);
	}
	close(fd);
}

void watch_list(struct watch *watch, uid_t uid, void (*row)(const struct wire_record *record, void *arg), void *arg)
{
	struct watch_ufile *ufile;

	sweep_all(watch);
	watch_name_adopted(watch);
	DL_FOREACH (watch->ufiles, ufile)
		if (uid == (uid_t)-1 || (ufile->holders && ufile->holders->client->process.uid == uid))
			list_ufile(ufile, row, arg);
}
