/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Commands in libibverbs' layout, sent in this process through the door to a fake kernel. */
#ifndef RDMASEC_TESTS_VERBS_CALLS_H
#define RDMASEC_TESTS_VERBS_CALLS_H

#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <string.h>

#include "door/door.h"

enum { CALL_ATTRS = 4 };

/* A header with room for its attributes. */
union verbs_call {
	struct ib_uverbs_ioctl_hdr header;
	char room[sizeof(struct ib_uverbs_ioctl_hdr) + CALL_ATTRS * sizeof(struct ib_uverbs_attr)];
};

/* The state of the fake kernel. */
static struct {
	uint32_t next_handle; /* of the next QP */
	int err;              /* the answer to every command, 0: success */
	unsigned calls;
	unsigned long last_request;
} kernel;

static inline int kernel_ioctl(int fd, unsigned long request, void *arg)
{
	union verbs_call *call = arg;

	(void)fd;
	kernel.calls++;
	kernel.last_request = request;
	if (kernel.err) {
		errno = kernel.err;
		return -1;
	}
	if (request == RDMA_VERBS_IOCTL && call->header.object_id == UVERBS_OBJECT_QP &&
	    call->header.method_id == UVERBS_METHOD_QP_CREATE)
		call->header.attrs[0].data = kernel.next_handle;
	return 0;
}

static inline union verbs_call call_of(uint16_t object, uint16_t method)
{
	return (union verbs_call){ .header = { .length = sizeof(struct ib_uverbs_ioctl_hdr),
					       .object_id = object,
					       .method_id = method,
					       .driver_id = RDMA_DRIVER_RXE } };
}

static inline void call_add(union verbs_call *call, uint16_t id, uint16_t len, uint64_t data)
{
	call->header.attrs[call->header.num_attrs++] =
		(struct ib_uverbs_attr){ .attr_id = id, .len = len, .data = data };
	call->header.length += sizeof(struct ib_uverbs_attr);
}

static inline int verbs_create_qp(int fd, uint32_t type)
{
	union verbs_call call = call_of(UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE);
	uint32_t qpn = 17;

	call_add(&call, UVERBS_ATTR_CREATE_QP_HANDLE, 0, 0);
	call_add(&call, UVERBS_ATTR_CREATE_QP_TYPE, 8, type);
	call_add(&call, UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, sizeof(qpn), (uintptr_t)&qpn);
	return door_verbs(fd, &call);
}

static inline int verbs_destroy_qp(int fd, uint32_t handle)
{
	union verbs_call call = call_of(UVERBS_OBJECT_QP, UVERBS_METHOD_QP_DESTROY);

	call_add(&call, UVERBS_ATTR_DESTROY_QP_HANDLE, 0, handle);
	return door_verbs(fd, &call);
}

static inline int verbs_open_context(int fd)
{
	union verbs_call call = call_of(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT);

	return door_verbs(fd, &call);
}

static inline int verbs_write(int fd, uint64_t command, void *in, uint16_t size)
{
	union verbs_call call = call_of(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INVOKE_WRITE);

	call_add(&call, UVERBS_ATTR_WRITE_CMD, 8, command);
	call_add(&call, UVERBS_ATTR_CORE_IN, size, (uintptr_t)in);
	return door_verbs(fd, &call);
}

/* INIT to RTR, with an address. */
static inline int verbs_modify_qp(int fd, uint32_t handle)
{
	struct ib_uverbs_modify_qp in = { .qp_handle = handle,
					  .attr_mask = 1 << 7,
					  .dest = { .is_global = 1, .port_num = 1 } };

	return verbs_write(fd, IB_USER_VERBS_CMD_MODIFY_QP, &in, sizeof(in));
}

static inline int verbs_create_ah(int fd)
{
	struct ib_uverbs_create_ah in = { .attr = { .is_global = 1, .port_num = 1 } };

	return verbs_write(fd, IB_USER_VERBS_CMD_CREATE_AH, &in, sizeof(in));
}

#endif
