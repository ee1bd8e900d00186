/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Queries and changes objects that another process made by mlx5's DEVX, on a duplicate of its uverbs fd. They belong to
 * the open file and share the handle numbers with QPs, but are no QPs of the kernel. The kernel accepts a command only
 * when handle and command name the same object (devx_is_valid_obj_id() in drivers/infiniband/hw/mlx5/devx.c), else it
 * answers -EINVAL. It checks the uid of the context, not the caller's.
 *
 * Never run on a NIC. Commands have the kernel's layout (core/uverbs/mlx5_prm.h).
 */
#ifndef RDMASEC_RDMA_DEVX_CALL_H
#define RDMASEC_RDMA_DEVX_CALL_H

#include "rdma/uverbs_call.h"

/* The DEVX objects that send. */
struct devx_object {
	uint32_t handle;
	uint32_t number;  /* of the QP, DCT or SQ */
	uint32_t created; /* PRM_CREATE_QP, PRM_CREATE_DCT or PRM_CREATE_SQ */
};

/* As uverbs_list_qps(), for all DEVX objects, including memory keys and the like. */
RS_MUST_USE int devx_list(int fd, uint32_t *handles, size_t room, size_t *out_count);

/* Reads state and address of a QP; address.flow_label gives its source port. -EOPNOTSUPP for a DCT or an SQ. */
RS_MUST_USE int devx_query_qp(int fd, const struct devx_object *object, struct uverbs_qp_facts *out);

/* Whether the handle is still this object's. True when that is unknown. */
bool devx_is_still(int fd, const struct devx_object *object);

/* As uverbs_qp_to_error(). -EOPNOTSUPP for an object that is no QP. */
RS_MUST_USE int devx_to_error(int fd, const struct devx_object *object);

/* As uverbs_qp_destroy(): the NIC sends nothing more from the object. */
RS_MUST_USE int devx_destroy(int fd, const struct devx_object *object);

#endif
