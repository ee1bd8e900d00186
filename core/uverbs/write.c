// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * INVOKE_WRITE: the commands of the old write() ABI, carried by an ioctl. MODIFY_QP, CREATE_AH, OPEN_QP, ATTACH_MCAST
 * and CREATE_FLOW exist in no other form (drivers/infiniband/core/uverbs_cmd.c, kernels 6.1 to 7.2).
 */
#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_verbs.h>
#include <stddef.h>
#include <string.h>

#include "uverbs/attrs.h"
#include "uverbs/qp.h"
#include "uverbs/write_commands.h"

/* IB_QP_CREATE_SOURCE_QPN in include/rdma/ib_verbs.h */
enum { QP_CREATE_SOURCE_QPN = 1 << 10 };

/* Reads CORE_IN of a command that must be understood. -EFAULT stays an error; every other fault makes it MALFORMED. */
static int core_in(const struct uverbs_request *request, size_t min, void *to, size_t size, struct uverbs_command *out)
{
	int err = uverbs_attr_copy_in(request, UVERBS_ATTR_CORE_IN, min, to, size);

	if (err && err != -EFAULT)
		uverbs_malformed(out, "the command's input is missing or too short");
	return err;
}

/* After core_in() failed: *out is MALFORMED already, or the memory cannot be read. */
static int core_in_failed(int err)
{
	return err == -EFAULT ? err : 0;
}

static int qp_reply(const struct uverbs_request *request, struct uverbs_command *out)
{
	struct ib_uverbs_create_qp_resp resp;
	int err = uverbs_attr_copy_out(request, UVERBS_ATTR_CORE_OUT, &resp, sizeof(resp));

	if (err == -EFAULT)
		return err;
	if (err)
		return uverbs_malformed(out, "the answer to the QP's creation is missing or too short");
	out->has |= UVERBS_HAS_HANDLE | UVERBS_HAS_QPN;
	out->handle = resp.qp_handle;
	out->qpn = resp.qpn;
	return 0;
}

static int decode_create_qp(const struct uverbs_request *request, enum uverbs_phase phase, struct uverbs_command *out)
{
	struct ib_uverbs_create_qp cmd;
	int err = core_in(request, sizeof(cmd), &cmd, sizeof(cmd), out);

	if (err)
		return core_in_failed(err);
	out->kind = UVERBS_QP_CREATE;
	out->qp_type = cmd.qp_type;
	return phase == UVERBS_REPLY ? qp_reply(request, out) : 0;
}

static int decode_ex_create_qp(const struct uverbs_request *request, enum uverbs_phase phase,
			       struct uverbs_command *out)
{
	struct ib_uverbs_ex_create_qp cmd;
	/* UAPI_DEF_WRITE_IO_EX(..., comp_mask, ...): the fields behind it are optional */
	size_t min = offsetof(struct ib_uverbs_ex_create_qp, comp_mask) + sizeof(cmd.comp_mask);
	int err = core_in(request, min, &cmd, sizeof(cmd), out);

	if (err)
		return core_in_failed(err);
	out->kind = UVERBS_QP_CREATE;
	out->qp_type = cmd.qp_type;
	if (cmd.source_qpn || cmd.create_flags & QP_CREATE_SOURCE_QPN)
		out->has |= UVERBS_HAS_SOURCE_QPN;
	return phase == UVERBS_REPLY ? qp_reply(request, out) : 0;
}

static void copy_dest(struct uverbs_address *to, const struct ib_uverbs_qp_dest *from)
{
	memcpy(to->dgid, from->dgid, sizeof(to->dgid));
	to->flow_label = from->flow_label;
	to->sgid_index = from->sgid_index;
	to->port = from->port_num;
	to->is_global = from->is_global;
}

/*
 * Whether the port changes without an address. In the change to INIT a later address must agree with it; from SQD to
 * SQD it would send to a judged address by another port (uverbs_cmd.c modify_qp(), verbs.c qp_state_table).
 */
static bool changes_port_of_address(const struct ib_uverbs_modify_qp *cmd)
{
	bool to_init = cmd->attr_mask & UVERBS_QP_ATTR_STATE && cmd->qp_state == UVERBS_QPS_INIT;

	return cmd->attr_mask & UVERBS_QP_ATTR_PORT && !(cmd->attr_mask & UVERBS_QP_ATTR_AV) && !to_init;
}

/*
 * Whether the command can bring an alternate path into use. PATH_MIG_STATE = MIGRATED without ALT_PATH does not: it is
 * the state of a QP that has no alternate path, and mlx4 and mlx5 write it with every command that lacks the attribute
 * (drivers/infiniband/hw/mlx4/qp.c and mlx5/qp.c, __mlx4_ib_modify_qp(), __mlx5_ib_modify_qp()). It migrates a QP only
 * from the state ARMED (IBTA volume 1, 17.2.8), which takes the two commands that are refused here: one that loads an
 * alternate path, and one that asks for REARM.
 */
static bool uses_alternate_path(const struct ib_uverbs_modify_qp *cmd)
{
	return cmd->attr_mask & UVERBS_QP_ATTR_ALT_PATH ||
	       (cmd->attr_mask & UVERBS_QP_ATTR_PATH_MIG_STATE && cmd->path_mig_state != UVERBS_MIG_MIGRATED);
}

static void fill_modify_qp(const struct ib_uverbs_modify_qp *cmd, enum uverbs_kind kind, struct uverbs_command *out)
{
	out->kind = kind;
	out->has |= UVERBS_HAS_HANDLE;
	out->handle = cmd->qp_handle;
	out->attr_mask = cmd->attr_mask;
	copy_dest(&out->address, &cmd->dest);
	if (uses_alternate_path(cmd))
		out->has |= UVERBS_HAS_ALT_PATH;
	if (cmd->attr_mask & UVERBS_QP_ATTR_STATE) {
		out->has |= UVERBS_HAS_STATE;
		out->qp_state = cmd->qp_state;
	}
	if (cmd->attr_mask & UVERBS_QP_ATTR_DEST_QPN) {
		out->has |= UVERBS_HAS_DEST_QPN;
		out->dest_qpn = cmd->dest_qp_num;
	}
}

/*
 * Standard and extended form begin with the same struct. The AV bit decides, not the state: SQD to SQD takes an address
 * as well (verbs.c, qp_state_table).
 */
static int decode_modify_qp(const struct uverbs_request *request, struct uverbs_command *out)
{
	struct ib_uverbs_modify_qp cmd;
	int err = core_in(request, sizeof(cmd), &cmd, sizeof(cmd), out);

	if (err)
		return core_in_failed(err);
	if (cmd.attr_mask & UVERBS_QP_ATTR_AV || uses_alternate_path(&cmd))
		fill_modify_qp(&cmd, UVERBS_QP_ADDRESS, out);
	else if (changes_port_of_address(&cmd))
		return uverbs_malformed(out, "a change of a QP's port without a new address");
	else if (cmd.attr_mask & UVERBS_QP_ATTR_STATE && cmd.qp_state == UVERBS_QPS_RTR)
		fill_modify_qp(&cmd, UVERBS_QP_READY, out);
	return 0;
}

static int decode_create_ah(const struct uverbs_request *request, enum uverbs_phase phase, struct uverbs_command *out)
{
	struct ib_uverbs_create_ah cmd;
	struct ib_uverbs_create_ah_resp resp;
	int err = core_in(request, sizeof(cmd), &cmd, sizeof(cmd), out);

	if (err)
		return core_in_failed(err);
	out->kind = UVERBS_AH_CREATE;
	memcpy(out->address.dgid, cmd.attr.grh.dgid, sizeof(out->address.dgid));
	out->address.flow_label = cmd.attr.grh.flow_label;
	out->address.sgid_index = cmd.attr.grh.sgid_index;
	out->address.port = cmd.attr.port_num;
	out->address.is_global = cmd.attr.is_global;
	if (phase == UVERBS_REQUEST)
		return 0;
	err = uverbs_attr_copy_out(request, UVERBS_ATTR_CORE_OUT, &resp, sizeof(resp));
	if (err)
		return err == -EFAULT ? err : uverbs_malformed(out, "the answer to create_ah is missing or too short");
	out->has |= UVERBS_HAS_HANDLE;
	out->handle = resp.ah_handle;
	return 0;
}

static int decode_open_qp(const struct uverbs_request *request, enum uverbs_phase phase, struct uverbs_command *out)
{
	struct ib_uverbs_open_qp cmd;
	int err = core_in(request, sizeof(cmd), &cmd, sizeof(cmd), out);

	if (err)
		return core_in_failed(err);
	out->kind = UVERBS_QP_OPEN;
	out->qp_type = cmd.qp_type;
	out->has |= UVERBS_HAS_QPN;
	out->qpn = cmd.qpn;
	return phase == UVERBS_REPLY ? qp_reply(request, out) : 0;
}

static int decode_attach_mcast(const struct uverbs_request *request, struct uverbs_command *out)
{
	struct ib_uverbs_attach_mcast cmd;
	int err = core_in(request, sizeof(cmd), &cmd, sizeof(cmd), out);

	if (err)
		return core_in_failed(err);
	out->kind = UVERBS_MCAST_ATTACH;
	out->has |= UVERBS_HAS_HANDLE;
	out->handle = cmd.qp_handle;
	memcpy(out->address.dgid, cmd.gid, sizeof(out->address.dgid));
	return 0;
}

static int decode_destroy_qp(const struct uverbs_request *request, struct uverbs_command *out)
{
	struct ib_uverbs_destroy_qp cmd;
	int err = core_in(request, sizeof(cmd), &cmd, sizeof(cmd), out);

	if (err)
		return core_in_failed(err);
	out->kind = UVERBS_QP_DESTROY;
	out->has |= UVERBS_HAS_HANDLE;
	out->handle = cmd.qp_handle;
	return 0;
}

int uverbs_decode_write(const struct uverbs_request *request, enum uverbs_phase phase, struct uverbs_command *out)
{
	uint64_t command;

	if (uverbs_attr_const(request, UVERBS_ATTR_WRITE_CMD, &command))
		return 0; /* mandatory: every kernel answers EINVAL */
	if (command > UINT32_MAX)
		return uverbs_malformed(out, "a write command beyond 32 bits");
	out->write_command = command;
	if (uverbs_write_properties((uint32_t)command) & UVERBS_WRITE_HAS_NO_ADDRESS)
		return 0;
	switch ((uint32_t)command) {
	case IB_USER_VERBS_CMD_GET_CONTEXT:
		return uverbs_decode_context(request, out);
	case IB_USER_VERBS_CMD_CREATE_QP:
		return decode_create_qp(request, phase, out);
	case IB_USER_VERBS_EX_CMD_CREATE_QP | IB_USER_VERBS_CMD_FLAG_EXTENDED:
		return decode_ex_create_qp(request, phase, out);
	case IB_USER_VERBS_CMD_MODIFY_QP:
	case IB_USER_VERBS_EX_CMD_MODIFY_QP | IB_USER_VERBS_CMD_FLAG_EXTENDED:
		return decode_modify_qp(request, out);
	case IB_USER_VERBS_CMD_CREATE_AH:
		return decode_create_ah(request, phase, out);
	case IB_USER_VERBS_CMD_OPEN_QP:
		return decode_open_qp(request, phase, out);
	case IB_USER_VERBS_CMD_ATTACH_MCAST:
		return decode_attach_mcast(request, out);
	case IB_USER_VERBS_CMD_DESTROY_QP:
		return decode_destroy_qp(request, out);
	case IB_USER_VERBS_EX_CMD_CREATE_FLOW | IB_USER_VERBS_CMD_FLAG_EXTENDED:
		out->kind = UVERBS_FLOW_CREATE;
		return 0;
	default:
		return uverbs_malformed(out, "a write command that this release of rdmasec does not know");
	}
}
