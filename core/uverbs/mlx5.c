// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * mlx5's own objects and methods (mlx5_user_ioctl_cmds.h; drivers/infiniband/hw/mlx5/std_types.c, devx.c, fs.c, dm.c,
 * qos.c, main.c, kernel 7.2): which of them can program a QP, or steer its packets.
 */
#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <string.h>

#include "uverbs/attrs.h"
#include "uverbs/mlx5_command.h"

bool uverbs_is_devx_command(const struct uverbs_command *command)
{
	if (command->driver_id != RDMA_DRIVER_MLX5)
		return false;
	if (command->object_id == MLX5_IB_OBJECT_DEVX)
		return command->method_id == MLX5_IB_METHOD_DEVX_OTHER;
	return command->object_id == MLX5_IB_OBJECT_DEVX_OBJ && (command->method_id == MLX5_IB_METHOD_DEVX_OBJ_CREATE ||
								 command->method_id == MLX5_IB_METHOD_DEVX_OBJ_MODIFY ||
								 command->method_id == MLX5_IB_METHOD_DEVX_OBJ_DESTROY);
}

/*
 * Harmless are queries, of which the kernel has a list (devx_is_obj_query_cmd()), memory, doorbells, events and rates.
 * An unknown method may do anything.
 */
enum uverbs_kind uverbs_mlx5_object_kind(uint16_t object, uint16_t method)
{
	switch (object) {
	case MLX5_IB_OBJECT_DEVX:
		return method == MLX5_IB_METHOD_DEVX_QUERY_UAR || method == MLX5_IB_METHOD_DEVX_QUERY_EQN ||
				       method == MLX5_IB_METHOD_DEVX_SUBSCRIBE_EVENT
			       ? UVERBS_NOTHING
			       : UVERBS_DRIVER_PRIVATE;
	case MLX5_IB_OBJECT_DEVX_OBJ:
		return method == MLX5_IB_METHOD_DEVX_OBJ_QUERY || method == MLX5_IB_METHOD_DEVX_OBJ_ASYNC_QUERY
			       ? UVERBS_NOTHING
			       : UVERBS_DRIVER_PRIVATE;
	case MLX5_IB_OBJECT_FLOW_MATCHER:
	case MLX5_IB_OBJECT_STEERING_ANCHOR:
		return UVERBS_FLOW_CREATE;
	case MLX5_IB_OBJECT_DEVX_UMEM:
	case MLX5_IB_OBJECT_DEVX_ASYNC_CMD_FD:
	case MLX5_IB_OBJECT_DEVX_ASYNC_EVENT_FD:
	case MLX5_IB_OBJECT_VAR:
	case MLX5_IB_OBJECT_PP:
	case MLX5_IB_OBJECT_UAR:
		return UVERBS_NOTHING;
	default:
		return UVERBS_DRIVER_PRIVATE;
	}
}

enum uverbs_kind uverbs_mlx5_method_kind(uint16_t object, uint16_t method)
{
	switch (object) {
	case UVERBS_OBJECT_PD: /* its number */
		return method == MLX5_IB_METHOD_PD_QUERY ? UVERBS_NOTHING : UVERBS_DRIVER_PRIVATE;
	case UVERBS_OBJECT_DM: /* the NIC's own memory */
		return method == MLX5_IB_METHOD_DM_MAP_OP_ADDR || method == MLX5_IB_METHOD_DM_QUERY
			       ? UVERBS_NOTHING
			       : UVERBS_DRIVER_PRIVATE;
	case UVERBS_OBJECT_DEVICE: /* QUERY_PORT, and since 6.12 GET_DATA_DIRECT_SYSFS_PATH */
		return method <= MLX5_IB_METHOD_QUERY_PORT + 1 ? UVERBS_NOTHING : UVERBS_DRIVER_PRIVATE;
	default:
		return UVERBS_DRIVER_PRIVATE;
	}
}

/* Copies the command once. Its length is the attribute's: the kernel passes all octets to the NIC. */
static int decode_command(const struct uverbs_request *request, uint16_t id, enum prm_method method,
			  struct uverbs_command *out)
{
	const struct ib_uverbs_attr *attr = uverbs_attr_find(request, id);
	uint8_t in[PRM_LOOKED_AT];
	int err = uverbs_attr_copy_in(request, id, PRM_HEADER_SIZE, in, sizeof(in));

	if (err == -EFAULT)
		return err;
	if (err)
		return uverbs_malformed(out, "a DEVX request whose command is missing or too short");
	prm_decode(method, in, attr->len, out);
	return 0;
}

static int handle_of(const struct uverbs_request *request, uint16_t id, struct uverbs_command *out)
{
	uint64_t handle;

	/* every kernel refuses a missing handle or one beyond 32 bits (rdma_core.c, idr_add_uobj()) */
	if (uverbs_attr_const(request, id, &handle) || handle > UINT32_MAX)
		return -ENOENT;
	out->has |= UVERBS_HAS_HANDLE;
	out->handle = (uint32_t)handle;
	return 0;
}

/* CMD_OUT holds the NIC's answer, with the number of the new object. */
static int create_reply(const struct uverbs_request *request, struct uverbs_command *out)
{
	uint8_t answer[PRM_OUT_SIZE];
	int err = uverbs_attr_copy_out(request, MLX5_IB_ATTR_DEVX_OBJ_CREATE_CMD_OUT, answer, sizeof(answer));

	if (err == -EFAULT)
		return err;
	if (err || handle_of(request, MLX5_IB_ATTR_DEVX_OBJ_CREATE_HANDLE, out))
		return uverbs_malformed(out, "the answer to a DEVX object's creation lacks its handle or number");
	out->has |= UVERBS_HAS_QPN;
	out->qpn = (uint32_t)answer[PRM_OUT_NUMBER] << 16 | (uint32_t)answer[PRM_OUT_NUMBER + 1] << 8 |
		   answer[PRM_OUT_NUMBER + 2];
	return 0;
}

static int decode_create(const struct uverbs_request *request, enum uverbs_phase phase, struct uverbs_command *out)
{
	int err = decode_command(request, MLX5_IB_ATTR_DEVX_OBJ_CREATE_CMD_IN, PRM_CREATES, out);

	return !err && phase == UVERBS_REPLY && out->kind == UVERBS_QP_CREATE ? create_reply(request, out) : err;
}

/* The handle may be that of any object, also of a QP made by CREATE_QP. */
static int decode_modify(const struct uverbs_request *request, struct uverbs_command *out)
{
	int err = decode_command(request, MLX5_IB_ATTR_DEVX_OBJ_MODIFY_CMD_IN, PRM_MODIFIES, out);

	if (err || out->kind == UVERBS_MALFORMED)
		return err;
	if (handle_of(request, MLX5_IB_ATTR_DEVX_OBJ_MODIFY_HANDLE, out) && out->kind != UVERBS_NOTHING)
		return uverbs_malformed(out, "a change of a DEVX object without its handle");
	return 0;
}

int uverbs_decode_devx(const struct uverbs_request *request, enum uverbs_phase phase, struct uverbs_command *out)
{
	if (out->object_id == MLX5_IB_OBJECT_DEVX)
		return decode_command(request, MLX5_IB_ATTR_DEVX_OTHER_CMD_IN, PRM_GENERAL, out);
	switch (out->method_id) {
	case MLX5_IB_METHOD_DEVX_OBJ_CREATE:
		return decode_create(request, phase, out);
	case MLX5_IB_METHOD_DEVX_OBJ_MODIFY:
		return decode_modify(request, out);
	default:
		if (!handle_of(request, MLX5_IB_ATTR_DEVX_OBJ_DESTROY_HANDLE, out)) {
			out->kind = UVERBS_QP_DESTROY; /* any object: it sends nothing after this */
			out->has |= UVERBS_HAS_DEVX;
		}
		return 0;
	}
}
