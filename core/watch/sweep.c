// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Makes the table agree with the lists of the kernel. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rdma/devx_call.h"
#include "util/clock.h"
#include "util/text.h"
#include "uverbs/mlx5_prm.h"
#include "watch/internal.h"

/* ---- one open file ---- */

/* `devx` NULL: without DEVX, or the list could not be read. The list that has a handle tells its kind. */
static void remove_dead(struct watch_ufile *ufile, const struct watch_handles *qps, const struct watch_handles *devx)
{
	struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next) {
		if (watch_handles_contain(qps, qp->handle))
			qp->devx_created = 0;
		else if (devx && watch_handles_contain(devx, qp->handle))
			qp->devx_created = qp->devx_created ? qp->devx_created : PRM_CREATE_QP;
		else if (devx || !qp->devx_created)
			watch_qp_remove(ufile, qp);
	}
}

static bool lacks_reported(const struct watch_ufile *ufile, const struct watch_handles *qps)
{
	const struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next)
		if (qp->qpn_source == WATCH_QPN_REPORTED && !qp->devx_created &&
		    !watch_handles_contain(qps, qp->handle))
			return true;
	return false;
}

/* Of DEVX objects, only those that can send are in the table; the kernel does not list of which kind they are. */
static void check_devx(struct watch_ufile *ufile, int fd, const struct rdma_device *device)
{
	struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next) {
		const struct devx_object object = { .handle = qp->handle,
						    .number = qp->qpn,
						    .created = qp->devx_created };

		if (!qp->devx_created)
			continue;
		if (watch_has_known_address(qp) || devx_is_still(fd, &object))
			watch_check_qp(ufile, qp->handle, fd, device);
		else
			watch_qp_remove(ufile, qp);
	}
}

static bool uses_devx(const struct watch_ufile *ufile)
{
	const struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next)
		if (qp->devx_created || qp->request.has & UVERBS_HAS_DEVX)
			return true;
	return false;
}

/* Rules match the name. Some kernels (6.12) send no event when it changes. */
static void follow_name(struct watch_ufile *ufile, const char *name)
{
	struct watch_qp *qp, *next;

	if (ufile->device[0] && strcmp(ufile->device, name))
		HASH_ITER (hh, ufile->qps, qp, next)
			watch_queue(ufile, qp);
	text_copy(ufile->device, sizeof(ufile->device), name);
}

/* One that is not known protects nothing. The first time, it may have been read during a change. */
static void cannot_identify(struct watch_ufile *ufile)
{
	struct watch_qp *qp, *next;

	if (++ufile->unidentified >= 2)
		HASH_ITER (hh, ufile->qps, qp, next)
			watch_queue(ufile, qp);
}

/* Checks those that are known. A device that was taken away has none (-EIO): the kernel's list decides. */
static void cannot_list(struct watch_ufile *ufile, int fd, const struct rdma_device *device, int err)
{
	struct watch_living living = { 0 };
	struct watch_qp *qp, *next;

	watch_forget_destroyed(ufile, &living);
	watch_living_free(&living);
	HASH_ITER (hh, ufile->qps, qp, next)
		watch_check_qp(ufile, qp->handle, fd, device);
	watch_cannot_list(ufile, err);
}

void watch_sweep_with(struct watch_ufile *ufile, int fd)
{
	char error[192];
	const struct rdma_device *device = watch_device(ufile, fd, error, sizeof(error));
	struct watch_handles handles, devx = { .list = NULL };
	bool has_devx;
	int err;

	if (!device) {
		cannot_identify(ufile);
		return;
	}
	ufile->unidentified = 0;
	follow_name(ufile, device->name);
	err = watch_handles_read(fd, device->driver_id, false, &handles);
	if (err) {
		cannot_list(ufile, fd, device, err);
		return;
	}
	if (lacks_reported(ufile, &handles) && watch_is_other_file(ufile, fd, device->driver_id)) {
		/* once, a door may be about to report that the number is that of another queue pair by now */
		if (++ufile->strange >= 2)
			watch_take_back(ufile);
		free(handles.list);
		return;
	}
	ufile->strange = 0;
	has_devx = uses_devx(ufile) && !watch_handles_read(fd, device->driver_id, true, &devx);
	remove_dead(ufile, &handles, has_devx ? &devx : NULL);
	for (size_t i = 0; i < handles.count; i++)
		watch_check_qp(ufile, handles.list[i], fd, device);
	if (has_devx)
		check_devx(ufile, fd, device);
	free(devx.list);
	free(handles.list);
}

/* Those that could not be judged, or not be revoked. */
static void queue_again(struct watch_ufile *ufile)
{
	struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next)
		if (qp->work != WATCH_WORK_NONE)
			watch_queue(ufile, qp);
}

void watch_sweep_ufile(struct watch_ufile *ufile)
{
	int fd, err;

	queue_again(ufile);
	err = watch_borrow_fd(ufile, &fd);
	if (err)
		return;
	watch_sweep_with(ufile, fd);
	watch_return_fd(ufile, fd);
}

/* Sweeps files that have not had their turn in this round, until `end_ms`. True: all have. */
static bool sweep_some(struct watch *watch, int64_t end_ms)
{
	struct watch_ufile *ufile;

	DL_FOREACH (watch->ufiles, ufile) {
		if (ufile->swept == watch->sweep_round)
			continue;
		if (clock_ms() >= end_ms)
			return false;
		ufile->swept = watch->sweep_round;
		watch_sweep_ufile(ufile);
	}
	return true;
}

static void sweep_ends(struct watch *watch)
{
	watch->sweep_round++;
	/* each QP has been checked_round at */
	if (watch->checks_left)
		watch->round++;
	watch->checks_left = CHECKS_PER_SWEEP;
	watch_settle_lost(watch);
	watch_free_idle(watch);
	watch_set_macsec_polling(watch);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	(void)fd;
	(void)what;
	if (sweep_some(watch, clock_ms() + SWEEP_AT_ONCE_MS)) {
		sweep_ends(watch);
		watch_set_timer(watch->sweep, SWEEP_MS);
	} else {
		watch_set_timer(watch->sweep, SWEEP_AT_ONCE_MS);
	}
}

int watch_sweep_init(struct watch *watch)
{
	watch->sweep = evtimer_new(watch->base, on_sweep, watch);
	if (!watch->sweep)
		return -ENOMEM;
	(void)event_priority_set(watch->sweep, WATCH_PRIORITY);
	watch_set_timer(watch->sweep, SWEEP_MS);
	return 0;
}

static void list_ufile(struct watch_ufile *ufile, void (*row)(const struct wire_record *record, void *arg), void *arg)
{
	const struct rdma_device *device = NULL;
	struct wire_record record;
	struct watch_qp *qp, *next;
	char error[192];
	int fd, err = watch_borrow_fd(ufile, &fd);

	if (!err)
		device = watch_device(ufile, fd, error, sizeof(error));
	HASH_ITER (hh, ufile->qps, qp, next) {
		watch_list_qp(ufile, qp, device, &record);
		row(&record, arg);
	}
	if (!err)
		watch_return_fd(ufile, fd);
}

/* A user's own: by a process that has the file, else by that of the last request. */
static bool is_of_user(const struct watch_ufile *ufile, uid_t uid)
{
	return uid == (uid_t)-1 || (ufile->holders ? ufile->holders->client->process.uid : ufile->asker.uid) == uid;
}

void watch_list(struct watch *watch, uid_t uid, void (*row)(const struct wire_record *record, void *arg), void *arg)
{
	struct watch_ufile *ufile;

	DL_FOREACH (watch->ufiles, ufile)
		if (is_of_user(ufile, uid))
			watch_sweep_ufile(ufile);
	watch_identify_adopted(watch);
	DL_FOREACH (watch->ufiles, ufile)
		if (is_of_user(ufile, uid))
			list_ufile(ufile, row, arg);
}
