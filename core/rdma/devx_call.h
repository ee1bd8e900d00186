/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What an engine asks of, and does to, what somebody else has made by mlx5's DEVX, on a duplicate of his uverbs fd:
 * objects of the open file like others, with handles from the same numbers as QPs have, but no QPs of the kernel's. The
 * kernel takes a command for an object only where both name the same number (devx_is_valid_obj_id() in
 * drivers/infiniband/hw/mlx5/devx.c): else -EINVAL. The uid of the context is what counts there, not the caller's.
 *
 * Not seen running: no such NIC was at hand. Commands are laid out as the kernel's own (core/uverbs/mlx5_prm.h).
 */
#ifndef RDMASEC_RDMA_DEVX_CALL_H
#define RDMASEC_RDMA_DEVX_CALL_H

#include "rdma/uverbs_call.h"

/* What sends, of all that DEVX can make. */
struct devx_object {
	uint32_t handle;
	uint32_t number;  /* of the QP, DCT or SQ */
	uint32_t created; /* PRM_CREATE_QP, PRM_CREATE_DCT or PRM_CREATE_SQ */
};

/* As uverbs_list_qps(): the handles of all of DEVX's objects, memory keys and the like among them. */
RS_MUST_USE int devx_list(int fd, uint32_t *handles, size_t room, size_t *out_count);

/* State and address of a QP; -EOPNOTSUPP: of a DCT or an SQ. address.flow_label is that of its source port. */
RS_MUST_USE int devx_query_qp(int fd, const struct devx_object *object, struct uverbs_qp_facts *out);

/* Is the handle still that of this object? True when that cannot be told. */
bool devx_is_still(int fd, const struct devx_object *object);

/* As uverbs_qp_to_error(). -EOPNOTSUPP: what is no QP has no such state. */
RS_MUST_USE int devx_to_error(int fd, const struct devx_object *object);

/* As uverbs_qp_destroy(): what it is made of has gone, and the NIC sends nothing more of it. */
RS_MUST_USE int devx_destroy(int fd, const struct devx_object *object);

#endif
