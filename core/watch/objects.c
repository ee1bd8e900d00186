// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What is watched is a QP of the kernel's, or one of the objects that mlx5's DEVX makes without it. */
#include <errno.h>

#include "rdma/devx_call.h"
#include "watch/internal.h"

static struct devx_object object_of(const struct watch_qp *qp)
{
	return (struct devx_object){ .handle = qp->handle, .number = qp->qpn, .created = qp->devx_created };
}

int watch_object_query(int fd, uint32_t driver_id, const struct watch_qp *qp, struct uverbs_qp_facts *out)
{
	const struct devx_object object = object_of(qp);

	return qp->devx_created ? devx_query_qp(fd, &object, out) : uverbs_query_qp(fd, driver_id, qp->handle, out);
}

/* DEVX has no word for a QP in RESET that is not also one for other mistakes: it is destroyed then. */
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

/* Doors do not tell what is destroyed, and a handle comes back: with DEVX as that of a memory key, for one. */
bool watch_object_lives(int fd, uint32_t driver_id, const struct watch_qp *qp)
{
	const struct devx_object object = object_of(qp);

	if (!watch_handle_lives(fd, driver_id, qp->handle, qp->devx_created != 0))
		return false;
	return !qp->devx_created || devx_is_still(fd, &object);
}
