// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Calls on a QP of the kernel, or on an object of mlx5 DEVX that sends without one. */
#include <errno.h>
#include <stdlib.h>

#include "rdma/devx_call.h"
#include "watch/internal.h"

static int compare_handles(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

bool watch_handles_contain(const struct watch_handles *handles, uint32_t handle)
{
	return bsearch(&handle, handles->list, handles->count, sizeof(handle), compare_handles);
}

static int list(int fd, uint32_t driver_id, bool of_devx, struct watch_handles *handles, size_t room)
{
	return of_devx ? devx_list(fd, handles->list, room, &handles->count)
		       : uverbs_list_qps(fd, driver_id, handles->list, room, &handles->count);
}

int watch_handles_read(int fd, uint32_t driver_id, bool of_devx, struct watch_handles *out)
{
	struct watch_handles handles = { .list = NULL };
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
	struct watch_handles handles;
	bool lives;

	if (watch_handles_read(fd, driver_id, of_devx, &handles))
		return true;
	lives = watch_handles_contain(&handles, handle);
	free(handles.list);
	return lives;
}

static struct devx_object object_of(const struct watch_qp *qp)
{
	return (struct devx_object){ .handle = qp->handle, .number = qp->qpn, .created = qp->devx_created };
}

int watch_object_query(int fd, uint32_t driver_id, const struct watch_qp *qp, struct uverbs_qp_facts *out)
{
	const struct devx_object object = object_of(qp);

	return qp->devx_created ? devx_query_qp(fd, &object, out) : uverbs_query_qp(fd, driver_id, qp->handle, out);
}

/* DEVX reports a QP in RESET with the same errno as other mistakes; the caller destroys it then. */
int watch_object_to_error(int fd, uint32_t driver_id, const struct watch_qp *qp)
{
	const struct devx_object object = object_of(qp);

	return qp->devx_created ? devx_to_error(fd, &object) : uverbs_qp_to_error(fd, driver_id, qp->handle);
}

int watch_object_destroy(int fd, uint32_t driver_id, const struct watch_qp *qp)
{
	const struct devx_object object = object_of(qp);

	return qp->devx_created ? devx_destroy(fd, &object) : uverbs_qp_destroy(fd, driver_id, qp->handle);
}

/* Doors do not report destroyed objects, and handles are reused: with DEVX also for other kinds of objects. */
bool watch_object_lives(int fd, uint32_t driver_id, const struct watch_qp *qp)
{
	const struct devx_object object = object_of(qp);

	if (!watch_handle_lives(fd, driver_id, qp->handle, qp->devx_created != 0))
		return false;
	return !qp->devx_created || devx_is_still(fd, &object);
}
