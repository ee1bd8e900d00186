// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "uverbs/decode.h"

#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>

#include "uverbs/attrs.h"

/*
 * Newer than the headers of kernel 6.1. DMAH (6.17), DMABUF and COMP_CNTR (7.2 and later) are objects that cannot make
 * a QP; a completion counter can be attached to one. The newest attribute of QP_CREATE is the memory of its queues.
 */
enum {
	OBJECT_DMAH = UVERBS_OBJECT_ASYNC_EVENT + 1,
	OBJECT_DMABUF,
	OBJECT_COMP_CNTR,
	METHOD_QP_ATTACH_COMP_CNTR = UVERBS_METHOD_QP_DESTROY + 1,
	ATTR_CREATE_QP_SQ_BUF_UMEM = UVERBS_ATTR_CREATE_QP_RESP_QP_NUM + 3,
	ATTR_CREATE_QP_DRIVERS_OWN = UVERBS_ATTR_UHW_OUT + 1, /* mlx5 and bnxt_re: the place of its doorbell */
	DRIVER_NAMESPACE = 1 << UVERBS_ID_NS_SHIFT,
	NEWEST_BNXT_RE_OBJECT = DRIVER_NAMESPACE + 4, /* DEFAULT_DBR, with the newest method GET_DEFAULT_DBR */
	NEWEST_BNXT_RE_METHOD = DRIVER_NAMESPACE + 2,
};

static int qp_create_reply(const struct uverbs_request *request, struct uverbs_command *out)
{
	uint64_t handle;
	uint32_t qpn;
	int err = uverbs_attr_const(request, UVERBS_ATTR_CREATE_QP_HANDLE, &handle);

	if (!err)
		err = uverbs_attr_copy_out(request, UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, &qpn, sizeof(qpn));
	if (err == -EFAULT)
		return err;
	if (err)
		return uverbs_malformed(out, "the answer to the QP's creation lacks its handle or number");
	out->has |= UVERBS_HAS_HANDLE | UVERBS_HAS_QPN;
	out->handle = handle;
	out->qpn = qpn;
	return 0;
}

/* An unknown attribute could be the address itself. */
static bool has_unknown_attribute(const struct uverbs_request *request, uint32_t driver_id)
{
	uint16_t newest_own = driver_id == RDMA_DRIVER_MLX5 || driver_id == RDMA_DRIVER_BNXT_RE
				      ? ATTR_CREATE_QP_DRIVERS_OWN
				      : UVERBS_ATTR_UHW_OUT;

	for (size_t i = 0; i < request->attr_count; i++) {
		uint16_t id = request->header.attrs[i].attr_id;

		if (id > newest_own || (id > ATTR_CREATE_QP_SQ_BUF_UMEM && id < DRIVER_NAMESPACE))
			return true;
	}
	return false;
}

static int decode_qp_create(const struct uverbs_request *request, enum uverbs_phase phase, struct uverbs_command *out)
{
	uint64_t type;

	if (has_unknown_attribute(request, out->driver_id))
		return uverbs_malformed(out, "a QP with an attribute that this release of rdmasec does not know");
	if (uverbs_attr_const(request, UVERBS_ATTR_CREATE_QP_TYPE, &type))
		return uverbs_malformed(out, "a QP without a type");
	if (type > UINT32_MAX)
		return uverbs_malformed(out, "a QP type beyond 32 bits");
	out->kind = UVERBS_QP_CREATE;
	out->qp_type = type;
	/* The native method does not check CAP_NET_RAW (uverbs_std_types_qp.c): the attribute's presence counts. */
	if (uverbs_attr_find(request, UVERBS_ATTR_CREATE_QP_SOURCE_QPN))
		out->has |= UVERBS_HAS_SOURCE_QPN;
	return phase == UVERBS_REPLY ? qp_create_reply(request, out) : 0;
}

static int decode_qp_destroy(const struct uverbs_request *request, struct uverbs_command *out)
{
	uint64_t handle;

	/* every kernel refuses a missing handle or one beyond 32 bits (rdma_core.c, idr_add_uobj()) */
	if (uverbs_attr_const(request, UVERBS_ATTR_DESTROY_QP_HANDLE, &handle) || handle > UINT32_MAX)
		return 0;
	out->kind = UVERBS_QP_DESTROY;
	out->has |= UVERBS_HAS_HANDLE;
	out->handle = handle;
	return 0;
}

static int decode_qp_method(const struct uverbs_request *request, enum uverbs_phase phase, struct uverbs_command *out)
{
	switch (out->method_id) {
	case UVERBS_METHOD_QP_CREATE:
		return decode_qp_create(request, phase, out);
	case UVERBS_METHOD_QP_DESTROY:
		return decode_qp_destroy(request, out);
	case METHOD_QP_ATTACH_COMP_CNTR:
		return 0; /* it counts what is completed */
	default:
		return uverbs_malformed(out, "a QP method that this release of rdmasec does not know");
	}
}

/*
 * Methods of other drivers that were read and set no destination: pages, notifications and doorbells of bnxt_re
 * (enum bnxt_re_objects), the query of a memory region of EFA (EFA_IB_METHOD_MR_QUERY). No other driver has any in
 * kernel 7.2.
 */
static bool driver_method_is_harmless(const struct uverbs_command *command)
{
	switch (command->driver_id) {
	case RDMA_DRIVER_BNXT_RE:
		return command->object_id >= DRIVER_NAMESPACE && command->object_id <= NEWEST_BNXT_RE_OBJECT &&
		       command->method_id >= DRIVER_NAMESPACE && command->method_id <= NEWEST_BNXT_RE_METHOD;
	case RDMA_DRIVER_EFA:
		return command->object_id == UVERBS_OBJECT_MR && command->method_id == DRIVER_NAMESPACE;
	default:
		return false;
	}
}

static int decode_driver_object(struct uverbs_command *out)
{
	if (out->driver_id == RDMA_DRIVER_MLX5)
		out->kind = uverbs_mlx5_object_kind(out->object_id, out->method_id);
	else if (!driver_method_is_harmless(out))
		out->kind = UVERBS_DRIVER_PRIVATE;
	return 0;
}

/* A driver's method on one of the common objects. */
static int decode_driver_method(struct uverbs_command *out)
{
	bool steers = out->object_id == UVERBS_OBJECT_FLOW || out->object_id == UVERBS_OBJECT_FLOW_ACTION;

	if (out->object_id == UVERBS_OBJECT_QP || out->object_id == UVERBS_OBJECT_AH)
		out->kind = UVERBS_DRIVER_PRIVATE;
	else if (out->driver_id == RDMA_DRIVER_MLX5)
		out->kind = steers ? UVERBS_FLOW_CREATE : uverbs_mlx5_method_kind(out->object_id, out->method_id);
	else if (!driver_method_is_harmless(out))
		out->kind = UVERBS_DRIVER_PRIVATE;
	return 0;
}

/*
 * The number of known methods of each common object, from rdma-core's kernel headers of August 2026
 * (kernel-headers/rdma/ib_user_ioctl_cmds.h). None sets a destination. A later method may be a command of INVOKE_WRITE
 * in a new form: CREATE_AH as a method of AHs, OPEN_QP as one of XRC domains.
 */
static const uint8_t methods_known[] = {
	[UVERBS_OBJECT_DEVICE] = 9, /* the last: QUERY_COMP_CNTR_CAPS */
	[UVERBS_OBJECT_PD] = 1,
	[UVERBS_OBJECT_COMP_CHANNEL] = 0,
	[UVERBS_OBJECT_CQ] = 2,
	[UVERBS_OBJECT_SRQ] = 2,
	[UVERBS_OBJECT_AH] = 1,
	[UVERBS_OBJECT_MR] = 6, /* REG_MR */
	[UVERBS_OBJECT_MW] = 1,
	[UVERBS_OBJECT_FLOW] = 1,
	[UVERBS_OBJECT_XRCD] = 1,
	[UVERBS_OBJECT_RWQ_IND_TBL] = 1,
	[UVERBS_OBJECT_WQ] = 2,
	[UVERBS_OBJECT_FLOW_ACTION] = 3, /* ESP: no kernel takes its keys any more, and it acts in flows only */
	[UVERBS_OBJECT_DM] = 2,
	[UVERBS_OBJECT_COUNTERS] = 3,
	[UVERBS_OBJECT_ASYNC_EVENT] = 1,
	[OBJECT_DMAH] = 2,
	[OBJECT_DMABUF] = 1,
	[OBJECT_COMP_CNTR] = 4,
};

static bool method_is_known(const struct uverbs_command *command)
{
	return command->object_id < sizeof(methods_known) && command->method_id < methods_known[command->object_id];
}

static int decode_device_method(const struct uverbs_request *request, enum uverbs_phase phase,
				struct uverbs_command *out)
{
	switch (out->method_id) {
	case UVERBS_METHOD_INVOKE_WRITE:
		return uverbs_decode_write(request, phase, out);
	case UVERBS_METHOD_GET_CONTEXT:
		return uverbs_decode_context(request, out);
	default:
		return 0; /* queries */
	}
}

/* Whether the kind depends on the attributes, which then must be read. */
static bool needs_attributes(const struct uverbs_command *command)
{
	if (command->object_id == UVERBS_OBJECT_QP || uverbs_is_devx_command(command))
		return true;
	return command->object_id == UVERBS_OBJECT_DEVICE &&
	       (command->method_id == UVERBS_METHOD_INVOKE_WRITE || command->method_id == UVERBS_METHOD_GET_CONTEXT);
}

static int decode_by_object(const struct uverbs_request *request, enum uverbs_phase phase, struct uverbs_command *out)
{
	if (uverbs_is_devx_command(out))
		return uverbs_decode_devx(request, phase, out);
	if (out->object_id >= DRIVER_NAMESPACE)
		return decode_driver_object(out);
	if (out->method_id >= DRIVER_NAMESPACE)
		return decode_driver_method(out);
	if (out->object_id == UVERBS_OBJECT_QP)
		return decode_qp_method(request, phase, out);
	if (!method_is_known(out))
		return uverbs_malformed(out, "an object or a method that this release of rdmasec does not know");
	if (out->object_id == UVERBS_OBJECT_DEVICE)
		return decode_device_method(request, phase, out);
	return 0;
}

int uverbs_decode(const struct uverbs_memory *memory, uint64_t address, enum uverbs_phase phase,
		  struct uverbs_command *out)
{
	struct uverbs_request request;
	int err;

	*out = (struct uverbs_command){ .kind = UVERBS_NOTHING };
	err = uverbs_request_open(&request, memory, address);
	if (err == -EINVAL)
		return 0; /* the kernel answers EINVAL before any other check */
	if (err)
		goto unreadable;
	out->driver_id = request.header.driver_id;
	out->object_id = request.header.object_id;
	out->method_id = request.header.method_id;
	if (needs_attributes(out)) {
		err = uverbs_request_read_attrs(&request, address);
		if (err == -E2BIG)
			return uverbs_malformed(out, "a request with too many attributes");
		if (err == -EINVAL)
			return uverbs_malformed(out, "a request with a duplicate attribute");
		if (err)
			goto unreadable;
	}
	err = decode_by_object(&request, phase, out);
	if (!err)
		return 0;
unreadable:
	uverbs_malformed(out, "the command's memory cannot be read");
	return err;
}

bool uverbs_is_judged(const struct uverbs_command *command)
{
	switch (command->kind) {
	case UVERBS_NOTHING:
	case UVERBS_QP_DESTROY:
		return false;
	case UVERBS_CONTEXT_OPEN:
		return command->has & UVERBS_HAS_DEVX;
	default:
		return true;
	}
}
