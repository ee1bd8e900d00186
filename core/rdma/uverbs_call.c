// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Sources: drivers/infiniband/core/uverbs_ioctl.c, uverbs_std_types_device.c, uverbs_std_types_qp.c, uverbs_cmd.c. */
#include "rdma/uverbs_call.h"

#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_verbs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "rdma/uverbs_call_internal.h"

/* Never a handle: xa_alloc() gives the lowest free number (rdma_core.c), and memory ends long before. */
enum { NO_HANDLE_OCTET = 0xff };
static const uint32_t no_handle = UINT32_MAX;

/* ---- one ioctl ---- */

static int call_kernel(int fd, struct ib_uverbs_ioctl_hdr *request)
{
	return ioctl(fd, RDMA_VERBS_IOCTL, request) ? -errno : 0;
}

int (*uverbs_call_kernel)(int fd, struct ib_uverbs_ioctl_hdr *request) = call_kernel;

int uverbs_call_do(struct uverbs_call *call, int fd)
{
	size_t count = call->header.num_attrs;
	int err = uverbs_call_kernel(fd, &call->header);

	for (size_t i = 0; !err && i < count; i++) {
		/* uverbs_set_output() */
		bool written = call->header.attrs[i].flags & UVERBS_ATTR_F_VALID_OUTPUT;

		if (call->outputs & UINT32_C(1) << i && !written)
			err = -EPROTO;
	}
	return err;
}

/* ---- commands ---- */

/* The number of handles before the first element that the kernel did not write. */
static size_t handles_written(const uint32_t *handles, size_t room)
{
	size_t count = 0;

	while (count < room && handles[count] != no_handle)
		count++;
	return count;
}

/*
 * The kernel's total is at most the number of handles that it copied, so the caller asks for one too many. The total is
 * a u64 of which four octets are copied (UVERBS_METHOD_INFO_HANDLES), on a big-endian machine the wrong ones. So the
 * list's own end counts, and the total must agree as far as it can.
 */
static int list_into(int fd, uint32_t driver_id, uint16_t object, uint32_t *list, size_t room, size_t *out_count)
{
	struct uverbs_call call;
	uint32_t total = no_handle, expected;
	uint64_t count;
	int err;

	memset(list, NO_HANDLE_OCTET, room * sizeof(*list));
	uverbs_call_begin(&call, driver_id, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INFO_HANDLES);
	uverbs_call_const(&call, UVERBS_ATTR_INFO_OBJECT_ID, object);
	uverbs_call_out(&call, UVERBS_ATTR_INFO_TOTAL_HANDLES, &total, sizeof(total));
	uverbs_call_out(&call, UVERBS_ATTR_INFO_HANDLES_LIST, list, (uint16_t)(room * sizeof(*list)));
	err = uverbs_call_do(&call, fd);
	if (err)
		return err;
	count = handles_written(list, room);
	memcpy(&expected, &count, sizeof(expected));
	if (total != expected)
		return -EPROTO;
	*out_count = count;
	return 0;
}

int uverbs_list_objects(int fd, uint32_t driver_id, uint16_t object, uint32_t *handles, size_t room, size_t *out_count)
{
	size_t asked = room < UVERBS_QPS_LISTED_MAX ? room : UVERBS_QPS_LISTED_MAX;
	uint32_t *list = calloc(asked + 1, sizeof(*list));
	size_t count;
	int err;

	if (!list)
		return -ENOMEM;
	err = list_into(fd, driver_id, object, list, asked + 1, &count);
	if (!err && count > asked)
		err = -ENOSPC;
	if (!err && count)
		memcpy(handles, list, count * sizeof(*list));
	if (!err)
		*out_count = count;
	free(list);
	return err;
}

int uverbs_list_qps(int fd, uint32_t driver_id, uint32_t *handles, size_t room, size_t *out_count)
{
	return uverbs_list_objects(fd, driver_id, UVERBS_OBJECT_QP, handles, room, out_count);
}

static int invoke_write(int fd, uint32_t driver_id, uint32_t command, const void *in, uint16_t in_len, void *out,
			uint16_t out_len)
{
	struct uverbs_call call;

	uverbs_call_write_command(&call, driver_id, command, in, in_len, out, out_len);
	return uverbs_call_do(&call, fd);
}

static void fill_facts(const struct ib_uverbs_query_qp_resp *resp, struct uverbs_qp_facts *out)
{
	*out = (struct uverbs_qp_facts){
		.state = resp->qp_state,
		.port = resp->port_num,
		.address = { .flow_label = resp->dest.flow_label,
			     .sgid_index = resp->dest.sgid_index,
			     .port = resp->dest.port_num,
			     .is_global = resp->dest.is_global },
		.dest_qpn = resp->dest_qp_num,
	};
	memcpy(out->address.dgid, resp->dest.dgid, sizeof(out->address.dgid));
}

/*
 * Asks for needed attributes only: a driver may refuse the whole query for one that it does not support. mlx5 does so
 * for the peer's number of a DCT, which has none (mlx5_ib_dct_query_qp() in hw/mlx5/qp.c).
 */
int uverbs_query_qp(int fd, uint32_t driver_id, uint32_t handle, struct uverbs_qp_facts *out)
{
	static const uint32_t masks[] = { UVERBS_QP_ATTR_STATE | UVERBS_QP_ATTR_PORT | UVERBS_QP_ATTR_AV |
						  UVERBS_QP_ATTR_DEST_QPN,
					  UVERBS_QP_ATTR_STATE | UVERBS_QP_ATTR_PORT | UVERBS_QP_ATTR_AV };
	struct ib_uverbs_query_qp command = { .qp_handle = handle };
	struct ib_uverbs_query_qp_resp resp;
	int err = -EINVAL;

	for (size_t i = 0; err == -EINVAL && i < sizeof(masks) / sizeof(masks[0]); i++) {
		command.attr_mask = masks[i];
		memset(&resp, 0, sizeof(resp));
		err = invoke_write(fd, driver_id, IB_USER_VERBS_CMD_QUERY_QP, &command, sizeof(command), &resp,
				   sizeof(resp));
	}
	if (err)
		return err;
	if (resp.qp_state > UVERBS_QPS_ERR)
		return -EPROTO;
	fill_facts(&resp, out);
	return 0;
}

static bool is_in_reset(int fd, uint32_t driver_id, uint32_t handle)
{
	struct uverbs_qp_facts facts;

	return !uverbs_query_qp(fd, driver_id, handle, &facts) && facts.state == UVERBS_QPS_RESET;
}

/* qp_state_table in verbs.c: ERR needs no attribute but the state, and is reachable from every state but RESET. */
int uverbs_qp_to_error(int fd, uint32_t driver_id, uint32_t handle)
{
	const struct ib_uverbs_modify_qp command = {
		.qp_handle = handle,
		.attr_mask = UVERBS_QP_ATTR_STATE,
		.qp_state = UVERBS_QPS_ERR,
	};
	int err = invoke_write(fd, driver_id, IB_USER_VERBS_CMD_MODIFY_QP, &command, sizeof(command), NULL, 0);

	return err == -EINVAL && is_in_reset(fd, driver_id, handle) ? -ENOTCONN : err;
}

int uverbs_qp_destroy(int fd, uint32_t driver_id, uint32_t handle)
{
	struct ib_uverbs_destroy_qp_resp resp;
	struct uverbs_call call;

	uverbs_call_begin(&call, driver_id, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_DESTROY);
	uverbs_call_handle(&call, UVERBS_ATTR_DESTROY_QP_HANDLE, handle);
	uverbs_call_out(&call, UVERBS_ATTR_DESTROY_QP_RESP, &resp, sizeof(resp));
	return uverbs_call_do(&call, fd);
}
