// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Sources: drivers/infiniband/hw/mlx5/devx.c, include/linux/mlx5/mlx5_ifc.h and qp.h. */
#include "rdma/devx_call.h"

#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <string.h>

#include "rdma/uverbs_call_internal.h"
#include "uverbs/mlx5_command.h"

enum {
	QUERY_DCT = 0x713,
	QUERY_QP = 0x50b,
	QUERY_SQ = 0x907,
	SHORT_IN_SIZE = 16,        /* struct mlx5_ifc_query_qp_in_bits, mlx5_ifc_qp_2err_in_bits: opcode and number */
	SHORT_OUT_SIZE = 16,       /* struct mlx5_ifc_qp_2err_out_bits */
	QUERY_OUT_QPC = 24,        /* struct mlx5_ifc_query_qp_out_bits: 0xc0 bits */
	QUERY_QP_OUT_SIZE = 0x110, /* 0x880 bits, without a list of pages */
	QUERY_DCT_OUT_SIZE = 0x80, /* struct mlx5_ifc_query_dct_out_bits: 0x400 bits */
	QUERY_SQ_OUT_SIZE = 0x20 + 0xf0, /* struct mlx5_ifc_query_sq_out_bits: 0x100 bits and an SQ context */
};

int devx_list(int fd, uint32_t *handles, size_t room, size_t *out_count)
{
	return uverbs_list_objects(fd, RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_OBJ, handles, room, out_count);
}

static void put_command(uint8_t in[SHORT_IN_SIZE], uint32_t opcode, uint32_t number)
{
	memset(in, 0, SHORT_IN_SIZE);
	in[PRM_OPCODE] = (uint8_t)(opcode >> 8);
	in[PRM_OPCODE + 1] = (uint8_t)opcode;
	in[PRM_QPN] = (uint8_t)(number >> 16);
	in[PRM_QPN + 1] = (uint8_t)(number >> 8);
	in[PRM_QPN + 2] = (uint8_t)number;
}

/* On older kernels the ioctl succeeds although the NIC refused: its status is in the answer. */
static int status_of(const uint8_t *out)
{
	return out[PRM_OUT_STATUS] ? -EREMOTEIO : 0;
}

static int query(int fd, const struct devx_object *object, uint32_t opcode, uint8_t *out, uint16_t out_len)
{
	uint8_t in[SHORT_IN_SIZE];
	struct uverbs_call call;
	int err;

	put_command(in, opcode, object->number);
	memset(out, 0, out_len);
	uverbs_call_begin(&call, RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_OBJ, MLX5_IB_METHOD_DEVX_OBJ_QUERY);
	uverbs_call_handle(&call, MLX5_IB_ATTR_DEVX_OBJ_QUERY_HANDLE, object->handle);
	uverbs_call_in(&call, MLX5_IB_ATTR_DEVX_OBJ_QUERY_CMD_IN, in, sizeof(in));
	uverbs_call_out(&call, MLX5_IB_ATTR_DEVX_OBJ_QUERY_CMD_OUT, out, out_len);
	err = uverbs_call_do(&call, fd);
	return err ? err : status_of(out);
}

/* MLX5_QP_STATE_*: as the verbs' states, with SQE and SQD exchanged; one more leads to SQD */
static int state_of(uint8_t state, enum uverbs_qp_state *out)
{
	static const enum uverbs_qp_state states[] = { UVERBS_QPS_RESET, UVERBS_QPS_INIT, UVERBS_QPS_RTR,
						       UVERBS_QPS_RTS,   UVERBS_QPS_SQE,  UVERBS_QPS_SQD,
						       UVERBS_QPS_ERR,   UVERBS_QPS_SQD };

	if (state >= sizeof(states) / sizeof(states[0]))
		return -EPROTO;
	*out = states[state];
	return 0;
}

int devx_query_qp(int fd, const struct devx_object *object, struct uverbs_qp_facts *out)
{
	uint8_t answer[QUERY_QP_OUT_SIZE];
	struct uverbs_qp_facts facts = { 0 };
	int err;

	if (object->created != PRM_CREATE_QP)
		return -EOPNOTSUPP;
	err = query(fd, object, QUERY_QP, answer, sizeof(answer));
	if (!err)
		err = state_of(answer[QUERY_OUT_QPC] >> 4, &facts.state);
	if (err)
		return err;
	/* without the peer's number, the source port is unknown */
	if (prm_read_address(answer + QUERY_OUT_QPC, &facts.address, &facts.dest_qpn))
		facts.dest_qpn = 0;
	facts.port = facts.address.port;
	*out = facts;
	return 0;
}

bool devx_is_still(int fd, const struct devx_object *object)
{
	uint8_t answer[QUERY_QP_OUT_SIZE];

	switch (object->created) {
	case PRM_CREATE_DCT:
		return query(fd, object, QUERY_DCT, answer, QUERY_DCT_OUT_SIZE) != -EINVAL;
	case PRM_CREATE_SQ:
		return query(fd, object, QUERY_SQ, answer, QUERY_SQ_OUT_SIZE) != -EINVAL;
	default:
		return query(fd, object, QUERY_QP, answer, QUERY_QP_OUT_SIZE) != -EINVAL;
	}
}

int devx_to_error(int fd, const struct devx_object *object)
{
	uint8_t in[SHORT_IN_SIZE], out[SHORT_OUT_SIZE] = { 0 };
	struct uverbs_call call;
	int err;

	if (object->created != PRM_CREATE_QP)
		return -EOPNOTSUPP;
	put_command(in, PRM_2ERR_QP, object->number);
	uverbs_call_begin(&call, RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_OBJ, MLX5_IB_METHOD_DEVX_OBJ_MODIFY);
	uverbs_call_handle(&call, MLX5_IB_ATTR_DEVX_OBJ_MODIFY_HANDLE, object->handle);
	uverbs_call_in(&call, MLX5_IB_ATTR_DEVX_OBJ_MODIFY_CMD_IN, in, sizeof(in));
	uverbs_call_out(&call, MLX5_IB_ATTR_DEVX_OBJ_MODIFY_CMD_OUT, out, sizeof(out));
	err = uverbs_call_do(&call, fd);
	return err ? err : status_of(out);
}

int devx_destroy(int fd, const struct devx_object *object)
{
	struct uverbs_call call;

	uverbs_call_begin(&call, RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_OBJ, MLX5_IB_METHOD_DEVX_OBJ_DESTROY);
	uverbs_call_handle(&call, MLX5_IB_ATTR_DEVX_OBJ_DESTROY_HANDLE, object->handle);
	return uverbs_call_do(&call, fd);
}
