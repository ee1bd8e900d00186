// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* rdma_set_option() with RDMASEC_LEVEL. */
#include <errno.h>

#include "cm.h"
#include "door/door.h"
#include "door/qp_options.h"
#include "id_options.h"

static int protection_read(const struct rdma_cm_id *id, void *value, size_t size)
{
	struct rdmasec_protection protection;
	int err;

	if (!value || size != sizeof(protection))
		return -EINVAL;
	if (!id->qp)
		return -ENOTCONN;
	err = door_protection(id->qp->context->cmd_fd, id->qp->handle, &protection);
	return err ? err : door_write((uintptr_t)value, &protection, sizeof(protection));
}

/* Sets the option for the id, and for its QP if it has one. */
static int option_set(const struct rdma_cm_id *id, int option, const void *value, size_t size)
{
	uint32_t number;
	int err;

	if (!value || size != sizeof(number))
		return -EINVAL;
	err = door_read((uintptr_t)value, &number, sizeof(number));
	if (!err)
		err = id_options_set(id, option, &number, sizeof(number));
	if (!err && id->qp)
		err = qp_options_set(id->qp->context->cmd_fd, id->qp->handle, id->qp->qp_type, option, &number,
				     sizeof(number));
	return err;
}

CM_EXPORT int rdma_set_option(struct rdma_cm_id *id, int level, int optname, void *optval, size_t optlen)
{
	__typeof__(rdma_set_option) *real;
	int saved = errno, err;

	if (level != RDMASEC_LEVEL) {
		real = CM_REAL(rdma_set_option);
		return real ? real(id, level, optname, optval, optlen) : -1;
	}
	err = optname == RDMASEC_PROTECTION ? protection_read(id, optval, optlen)
					    : option_set(id, optname, optval, optlen);
	errno = err ? -err : saved;
	return err ? -1 : 0;
}
