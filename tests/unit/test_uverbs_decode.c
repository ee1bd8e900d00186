// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The decoder on objects, methods and the form of a request: drivers/infiniband/core/uverbs_ioctl.c. */
#include <rdma/mlx5_user_ioctl_cmds.h>

#include "uverbs_fixture.h"

/* ---- objects and methods ---- */

Test(uverbs_decode, classifies_objects_and_methods)
{
	static const struct {
		uint32_t driver;
		uint16_t object, method;
		enum uverbs_kind kind;
	} rows[] = {
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INFO_HANDLES, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_PORT, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT, UVERBS_CONTEXT_OPEN },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_CONTEXT, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_TABLE, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_ENTRY, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_CREATE, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_MR, UVERBS_METHOD_REG_DMABUF_MR, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_WQ, UVERBS_METHOD_WQ_CREATE, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_SRQ, UVERBS_METHOD_SRQ_CREATE, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_ASYNC_EVENT, 0, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, 17 /* DMAH */, 0, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, 18 /* DMABUF */, 0, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, 19 /* COMP_CNTR */, 0, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, 20, 0, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, 0xfff, 0, UVERBS_MALFORMED },
		/* the newest method of each object, and an unknown one */
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, 7 /* QUERY_PORT_SPEED */, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, 8 /* QUERY_COMP_CNTR_CAPS */, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, 9, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_PD, UVERBS_METHOD_PD_DESTROY, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_PD, 1, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_COMP_CHANNEL, 0, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_DESTROY, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_CQ, 2, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_SRQ, UVERBS_METHOD_SRQ_DESTROY, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_SRQ, 2, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_MR, 5 /* REG_MR */, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_MR, 6, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_MW, UVERBS_METHOD_MW_DESTROY, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_MW, 1, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_XRCD, UVERBS_METHOD_XRCD_DESTROY, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_XRCD, 1, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_RWQ_IND_TBL, 0, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_RWQ_IND_TBL, 1, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_WQ, UVERBS_METHOD_WQ_DESTROY, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_WQ, 2, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_FLOW_ACTION, UVERBS_METHOD_FLOW_ACTION_DESTROY, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_FLOW_ACTION, 3, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_DM, UVERBS_METHOD_DM_FREE, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_DM, 2, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_COUNTERS, UVERBS_METHOD_COUNTERS_READ, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_COUNTERS, 3, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_ASYNC_EVENT, 1, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, 17 /* DMAH */, 1, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, 17, 2, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, 18 /* DMABUF */, 1, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, 19 /* COMP_CNTR */, 3, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, 19, 4, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_QP, 2 /* ATTACH_COMP_CNTR */, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_QP, 3, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_AH, UVERBS_METHOD_AH_DESTROY, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_AH, 1, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_FLOW, UVERBS_METHOD_FLOW_DESTROY, UVERBS_NOTHING },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_FLOW, 1, UVERBS_MALFORMED },
		/* driver-specific objects: harmless only if listed for that driver */
		{ RDMA_DRIVER_RXE, 0x1000, 0x1000, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_PD, 0x1000, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_HNS, 0x1000, 0x1000, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_BNXT_RE, 0x1000, 0x1000, UVERBS_NOTHING },
		{ RDMA_DRIVER_BNXT_RE, 0x1004, 0x1000, UVERBS_NOTHING },
		{ RDMA_DRIVER_BNXT_RE, 0x1004, 0x1002 /* GET_DEFAULT_DBR */, UVERBS_NOTHING },
		{ RDMA_DRIVER_BNXT_RE, 0x1004, 0x1003, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_BNXT_RE, 0x1000, 0x0000, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_BNXT_RE, 0x1005, 0x1000, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_BNXT_RE, UVERBS_OBJECT_PD, 0x1000, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_EFA, UVERBS_OBJECT_MR, 0x1001, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_EFA, UVERBS_OBJECT_MR, 0x1000, UVERBS_NOTHING },
		{ RDMA_DRIVER_EFA, UVERBS_OBJECT_QP, 0x1000, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_AH, 0x1000, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_HFI1, 0x1000, 0, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_HFI1, UVERBS_OBJECT_PD, 0x1000, UVERBS_DRIVER_PRIVATE },
		{ 4000000, 0x1000, 0, UVERBS_DRIVER_PRIVATE },
		/* mlx5 */
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX, MLX5_IB_METHOD_DEVX_OTHER, UVERBS_MALFORMED },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX, MLX5_IB_METHOD_DEVX_QUERY_UAR, UVERBS_NOTHING },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX, MLX5_IB_METHOD_DEVX_QUERY_EQN, UVERBS_NOTHING },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_OBJ, MLX5_IB_METHOD_DEVX_OBJ_CREATE, UVERBS_MALFORMED },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_OBJ, MLX5_IB_METHOD_DEVX_OBJ_MODIFY, UVERBS_MALFORMED },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_OBJ, MLX5_IB_METHOD_DEVX_OBJ_QUERY, UVERBS_NOTHING },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_OBJ, MLX5_IB_METHOD_DEVX_OBJ_DESTROY, UVERBS_NOTHING },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_UMEM, MLX5_IB_METHOD_DEVX_UMEM_REG, UVERBS_NOTHING },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_UAR, MLX5_IB_METHOD_UAR_OBJ_ALLOC, UVERBS_NOTHING },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_FLOW_MATCHER, MLX5_IB_METHOD_FLOW_MATCHER_CREATE,
		  UVERBS_FLOW_CREATE },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_STEERING_ANCHOR, 0x1000, UVERBS_FLOW_CREATE },
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_FLOW, MLX5_IB_METHOD_CREATE_FLOW, UVERBS_FLOW_CREATE },
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_FLOW_ACTION, 0x1000, UVERBS_FLOW_CREATE },
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_DEVICE, MLX5_IB_METHOD_QUERY_PORT, UVERBS_NOTHING },
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_DEVICE, MLX5_IB_METHOD_QUERY_PORT + 1, UVERBS_NOTHING },
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_DEVICE, MLX5_IB_METHOD_QUERY_PORT + 2, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_PD, MLX5_IB_METHOD_PD_QUERY, UVERBS_NOTHING },
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_PD, MLX5_IB_METHOD_PD_QUERY + 1, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_DM, MLX5_IB_METHOD_DM_MAP_OP_ADDR, UVERBS_NOTHING },
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_DM, MLX5_IB_METHOD_DM_QUERY, UVERBS_NOTHING },
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_CQ, 0x1000, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX, MLX5_IB_METHOD_DEVX_SUBSCRIBE_EVENT, UVERBS_NOTHING },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX, MLX5_IB_METHOD_DEVX_SUBSCRIBE_EVENT + 1,
		  UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_OBJ, MLX5_IB_METHOD_DEVX_OBJ_ASYNC_QUERY, UVERBS_NOTHING },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_OBJ, MLX5_IB_METHOD_DEVX_OBJ_ASYNC_QUERY + 1,
		  UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_STEERING_ANCHOR + 1, 0x1000, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_QP, 0x1000, UVERBS_DRIVER_PRIVATE },
		{ RDMA_DRIVER_MLX5, 0x10ff, 0x1000, UVERBS_DRIVER_PRIVATE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ioctl_request r;
		enum uverbs_kind kind;

		begin(&r, rows[i].driver, rows[i].object, rows[i].method);
		kind = kind_of(&r);
		cr_expect_eq(kind, rows[i].kind, "driver %u object 0x%x method 0x%x: %d", rows[i].driver,
			     rows[i].object, rows[i].method, kind);
	}
}

/* Commands of the data path and of set-up need a single read: the decoder ignores their attributes. */
Test(uverbs_decode, decodes_harmless_objects_with_one_read)
{
	struct ioctl_request r;

	begin(&r, RDMA_DRIVER_RXE, UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_CREATE);
	add_pointer(&r, 1, 100);
	add_attr(&r, 1, 8, 0);
	cr_expect_eq(kind_of(&r), UVERBS_NOTHING);
	cr_expect_eq(r.reads, 1);
}

/* ---- the form of a request ---- */

Test(uverbs_decode, classifies_inexact_length_as_refused_by_kernel)
{
	static const int off[] = { -16, -1, 1, 8, 16 };

	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		struct ioctl_request r;

		native_qp(&r);
		header(&r)->length += off[i];
		cr_expect_eq(kind_of(&r), UVERBS_NOTHING, "%+d", off[i]);
	}
}

Test(uverbs_decode, rejects_incomplete_attributes)
{
	struct uverbs_command out;
	struct ioctl_request r;

	for (size_t len = 0; len < 24 + 2 * 16; len++) {
		native_qp(&r);
		r.part[0].len = len;
		cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), -EFAULT, "%zu octets", len);
	}
}

Test(uverbs_decode, rejects_duplicate_attribute)
{
	struct uverbs_command out;
	struct ioctl_request r;

	native_qp(&r);
	add_attr(&r, UVERBS_ATTR_CREATE_QP_TYPE, 8, IB_UVERBS_QPT_RC);
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect_eq(out.kind, UVERBS_MALFORMED);
	cr_expect(strstr(out.why_malformed, "duplicate"));
}

/* 254 attributes fill a page of 4096 octets. A kernel with larger pages accepts more, which the decoder refuses. */
Test(uverbs_decode, accepts_at_most_one_page_of_attributes)
{
	struct uverbs_command out;
	struct ioctl_request r;

	begin(&r, RDMA_DRIVER_RXE, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_DESTROY);
	add_attr(&r, UVERBS_ATTR_DESTROY_QP_HANDLE, 0, 1);
	while (header(&r)->num_attrs < 254)
		add_attr(&r, 100 + header(&r)->num_attrs, 8, 0);
	cr_expect_eq(kind_of(&r), UVERBS_QP_DESTROY);
	add_attr(&r, 1000, 8, 0);
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect_eq(out.kind, UVERBS_MALFORMED);
	cr_expect(strstr(out.why_malformed, "too many"));
}

Test(uverbs_decode, rejects_longest_header_length)
{
	struct ioctl_request r;

	native_qp(&r);
	header(&r)->num_attrs = (65535 - 24) / 16;
	header(&r)->length = 24 + header(&r)->num_attrs * 16;
	cr_expect_eq(kind_of(&r), UVERBS_MALFORMED);
	header(&r)->num_attrs = 65535; /* 24 + 65535 * 16 exceeds 16 bits; truncated it is 8 */
	header(&r)->length = 8;
	cr_expect_eq(kind_of(&r), UVERBS_NOTHING);
}

/* ---- native QP methods ---- */

Test(uverbs_decode, decodes_native_create)
{
	struct uverbs_command out;
	struct ioctl_request r;

	native_qp(&r);
	put32(add_pointer(&r, UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, 4), 0, 0x1234);
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect_eq(out.kind, UVERBS_QP_CREATE);
	cr_expect_eq(out.driver_id, RDMA_DRIVER_RXE);
	cr_expect_eq(out.object_id, UVERBS_OBJECT_QP);
	cr_expect_eq(out.method_id, UVERBS_METHOD_QP_CREATE);
	cr_expect_eq(out.write_command, 0);
	cr_expect_eq(out.qp_type, IB_UVERBS_QPT_UD);
	cr_expect_eq(out.has, 0, "the request phase reads no answer");

	((struct ib_uverbs_attr *)(r.part[0].bytes + 24))->data = 77; /* as the kernel writes the handle */
	cr_expect_eq(decode(&r, UVERBS_REPLY, &out), 0);
	cr_expect_eq(out.has, UVERBS_HAS_HANDLE | UVERBS_HAS_QPN);
	cr_expect_eq(out.handle, 77);
	cr_expect_eq(out.qpn, 0x1234);
}

Test(uverbs_decode, decodes_native_create_without_answer)
{
	struct uverbs_command out;
	struct ioctl_request r;

	native_qp(&r);
	cr_expect_eq(decode(&r, UVERBS_REPLY, &out), 0);
	cr_expect_eq(out.kind, UVERBS_MALFORMED, "no number");
	native_qp(&r);
	add_pointer(&r, UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, 3);
	cr_expect_eq(decode(&r, UVERBS_REPLY, &out), 0);
	cr_expect_eq(out.kind, UVERBS_MALFORMED, "a number of three octets");
	native_qp(&r);
	add_attr(&r, UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, 4, 0x1000);
	cr_expect_eq(decode(&r, UVERBS_REPLY, &out), -EFAULT, "an output cannot be inline");
}

Test(uverbs_decode, classifies_odd_native_create)
{
	struct uverbs_command out;
	struct ioctl_request r;

	begin(&r, RDMA_DRIVER_RXE, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE);
	cr_expect_eq(kind_of(&r), UVERBS_MALFORMED, "no type");
	add_attr(&r, UVERBS_ATTR_CREATE_QP_TYPE, 8, 1ULL << 32 | IB_UVERBS_QPT_RC);
	cr_expect_eq(kind_of(&r), UVERBS_MALFORMED, "a type that equals RC when truncated to 32 bits");
	native_qp(&r);
	add_attr(&r, UVERBS_ATTR_CREATE_QP_SOURCE_QPN, 4, 0);
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect_eq(out.has, UVERBS_HAS_SOURCE_QPN, "the attribute's presence suffices");
}

/* ib_user_ioctl_cmds.h of kernel 7.2 ends with the umems of the queues; driver attributes begin after the UHW. */
Test(uverbs_decode, rejects_native_create_with_unknown_attributes)
{
	static const struct {
		uint32_t driver;
		uint16_t attribute;
		enum uverbs_kind kind;
	} rows[] = {
		{ RDMA_DRIVER_RXE, 17, UVERBS_QP_CREATE },         { RDMA_DRIVER_RXE, 18, UVERBS_MALFORMED },
		{ RDMA_DRIVER_RXE, 0xfff, UVERBS_MALFORMED },      { RDMA_DRIVER_RXE, 0x1000, UVERBS_QP_CREATE },
		{ RDMA_DRIVER_RXE, 0x1001, UVERBS_QP_CREATE },     { RDMA_DRIVER_RXE, 0x1002, UVERBS_MALFORMED },
		{ RDMA_DRIVER_MLX5, 0x1002, UVERBS_QP_CREATE },    { RDMA_DRIVER_MLX5, 0x1003, UVERBS_MALFORMED },
		{ RDMA_DRIVER_BNXT_RE, 0x1002, UVERBS_QP_CREATE }, { RDMA_DRIVER_RXE, 0x2000, UVERBS_MALFORMED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ioctl_request r;

		native_qp(&r);
		header(&r)->driver_id = rows[i].driver;
		add_attr(&r, rows[i].attribute, 8, 0);
		cr_expect_eq(kind_of(&r), rows[i].kind, "driver %u attribute 0x%x", rows[i].driver, rows[i].attribute);
	}
}

/* core/ucaps.c (6.15): capability fds that allow a context more than verbs. */
Test(uverbs_decode, treats_unknown_capability_fds_as_devx)
{
	struct uverbs_command out;
	struct ioctl_request r;

	begin(&r, RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT);
	add_attr(&r, UVERBS_ATTR_GET_CONTEXT_CORE_SUPPORT + 1, 4, 7);
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect_eq(out.has, UVERBS_HAS_DEVX, "a driver whose capabilities are unknown");
	header(&r)->driver_id = RDMA_DRIVER_MLX5;
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect_eq(out.has, 0, "mlx5 reads the capabilities only with DEVX");
}

Test(uverbs_decode, decodes_native_destroy)
{
	struct uverbs_command out;
	struct ioctl_request r;

	begin(&r, RDMA_DRIVER_RXE, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_DESTROY);
	cr_expect_eq(kind_of(&r), UVERBS_NOTHING, "without a handle: every kernel refuses");
	add_attr(&r, UVERBS_ATTR_DESTROY_QP_HANDLE, 0, 5);
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect_eq(out.kind, UVERBS_QP_DESTROY);
	cr_expect_eq(out.has, UVERBS_HAS_HANDLE);
	cr_expect_eq(out.handle, 5);
	begin(&r, RDMA_DRIVER_RXE, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_DESTROY);
	add_attr(&r, UVERBS_ATTR_DESTROY_QP_HANDLE, 0, 1ULL << 32 | 5);
	cr_expect_eq(kind_of(&r), UVERBS_NOTHING, "no QP has this handle; truncated it would be QP 5");
}

/* ---- names ---- */

Test(uverbs_decode, names_qp_types)
{
	cr_expect_str_eq(uverbs_qp_type_name(IB_UVERBS_QPT_RC), "RC");
	cr_expect_str_eq(uverbs_qp_type_name(IB_UVERBS_QPT_XRC_TGT), "XRC_TGT");
	cr_expect_str_eq(uverbs_qp_type_name(77), "unknown");
}

Test(uverbs_decode, skips_evaluation_only_for_harmless_kinds)
{
	struct uverbs_command command = { 0 };

	for (int kind = 0; kind < UVERBS_KIND_COUNT; kind++) {
		bool never = kind == UVERBS_NOTHING || kind == UVERBS_QP_DESTROY || kind == UVERBS_CONTEXT_OPEN;

		command.kind = kind;
		cr_expect_eq(uverbs_is_judged(&command), !never, "%d", kind);
	}
	command.kind = UVERBS_CONTEXT_OPEN;
	command.has = UVERBS_HAS_DEVX;
	cr_expect(uverbs_is_judged(&command));
}

Test(uverbs_decode, treats_zeroed_command_as_malformed)
{
	const struct uverbs_command zeroed = { 0 };

	cr_expect_eq(zeroed.kind, UVERBS_MALFORMED);
	cr_expect(uverbs_is_judged(&zeroed));
}
