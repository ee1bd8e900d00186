// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "messages/request.h"

static const enum request_kind kinds[UVERBS_KIND_COUNT] = {
	[UVERBS_NOTHING] = REQUEST_NOTHING,
	[UVERBS_CONTEXT_OPEN] = REQUEST_CONTEXT_OPEN,
	[UVERBS_QP_CREATE] = REQUEST_QP_CREATE,
	[UVERBS_QP_ADDRESS] = REQUEST_QP_ADDRESS,
	[UVERBS_QP_READY] = REQUEST_QP_READY,
	[UVERBS_QP_OPEN] = REQUEST_QP_OPEN,
	[UVERBS_QP_DESTROY] = REQUEST_QP_DESTROY,
	[UVERBS_AH_CREATE] = REQUEST_AH_CREATE,
	[UVERBS_MCAST_ATTACH] = REQUEST_MCAST_ATTACH,
	[UVERBS_FLOW_CREATE] = REQUEST_FLOW_CREATE,
	[UVERBS_DRIVER_PRIVATE] = REQUEST_DRIVER_PRIVATE,
	[UVERBS_MALFORMED] = REQUEST_MALFORMED,
};

struct request request_from_command(const struct uverbs_command *command)
{
	return (struct request){
		.kind = kinds[command->kind],
		.has = command->has,
		.driver_id = command->driver_id,
		.object_id = command->object_id,
		.method_id = command->method_id,
		.devx_opcode = command->has & UVERBS_HAS_DEVX ? command->write_command : 0,
		.qp_type = command->qp_type,
		.handle = command->handle,
		.qpn = command->qpn,
		.dest_qpn = command->dest_qpn,
		.address = command->address,
	};
}

bool request_is_cm(enum request_kind kind)
{
	return kind >= REQUEST_CM_CONNECT && kind <= REQUEST_CM_ROUTE;
}

const char *request_kind_name(enum request_kind kind)
{
	static const char *const names[REQUEST_KIND_COUNT] = {
		[REQUEST_NOTHING] = "nothing",
		[REQUEST_CONTEXT_OPEN] = "open_device",
		[REQUEST_QP_CREATE] = "create_qp",
		[REQUEST_QP_ADDRESS] = "modify_qp",
		[REQUEST_QP_READY] = "modify_qp",
		[REQUEST_QP_OPEN] = "open_qp",
		[REQUEST_QP_DESTROY] = "destroy_qp",
		[REQUEST_AH_CREATE] = "create_ah",
		[REQUEST_MCAST_ATTACH] = "attach_mcast",
		[REQUEST_FLOW_CREATE] = "create_flow",
		[REQUEST_DRIVER_PRIVATE] = "driver command",
		[REQUEST_MALFORMED] = "malformed command",
		[REQUEST_CM_CONNECT] = "rdma_connect",
		[REQUEST_CM_ACCEPT] = "rdma_accept",
		[REQUEST_CM_REJECT] = "rdma_reject",
		[REQUEST_CM_ESTABLISH] = "rdma_establish",
		[REQUEST_CM_JOIN] = "rdma_join_multicast",
		[REQUEST_CM_ROUTE] = "rdma_create_qp",
		[REQUEST_DOOR_BROKEN] = "unguarded verbs",
	};

	return (unsigned)kind < REQUEST_KIND_COUNT ? names[kind] : "unknown";
}
