// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The decoder on INVOKE_WRITE. The tests fill the structs of the write() ABI by the kernel's offsets, not by the field
 * names that the decoder uses.
 */
#include <stddef.h>

#include "uverbs_fixture.h"

/* The kind of each command of the write() ABI, and the octets of CORE_IN that it needs. */
static const struct {
	uint64_t command;
	enum uverbs_kind kind;
	size_t min;
} understood[] = {
	{ IB_USER_VERBS_CMD_GET_CONTEXT, UVERBS_CONTEXT_OPEN, 0 },
	{ IB_USER_VERBS_CMD_CREATE_QP, UVERBS_QP_CREATE, sizeof(struct ib_uverbs_create_qp) },
	{ IB_USER_VERBS_EX_CMD_CREATE_QP | EX, UVERBS_QP_CREATE, 52 },
	{ IB_USER_VERBS_CMD_MODIFY_QP, UVERBS_NOTHING, 112 }, /* all zero: modifies nothing */
	{ IB_USER_VERBS_EX_CMD_MODIFY_QP | EX, UVERBS_NOTHING, 112 },
	{ IB_USER_VERBS_CMD_CREATE_AH, UVERBS_AH_CREATE, sizeof(struct ib_uverbs_create_ah) },
	{ IB_USER_VERBS_CMD_OPEN_QP, UVERBS_QP_OPEN, sizeof(struct ib_uverbs_open_qp) },
	{ IB_USER_VERBS_CMD_ATTACH_MCAST, UVERBS_MCAST_ATTACH, sizeof(struct ib_uverbs_attach_mcast) },
	{ IB_USER_VERBS_CMD_DESTROY_QP, UVERBS_QP_DESTROY, sizeof(struct ib_uverbs_destroy_qp) },
	{ IB_USER_VERBS_EX_CMD_CREATE_FLOW | EX, UVERBS_FLOW_CREATE, 0 },
};

enum { UNDERSTOOD = sizeof(understood) / sizeof(understood[0]) };

/* Commands of enum ib_uverbs_write_cmds that neither create a QP nor set an address. */
static bool exists_and_is_harmless(uint32_t command)
{
	/* not 6, MODIFY_AH: no kernel implements it, and it would set an address */
	static const uint8_t standard[] = { 1,  2,  3,  4,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
					    20, 21, 22, 23, 25, 28, 29, 31, 32, 33, 34, 35, 36, 37, 38, 39 };
	/* QUERY_DEVICE, CREATE_CQ, DESTROY_FLOW, CREATE_WQ, MODIFY_WQ, DESTROY_WQ, the RWQ tables, MODIFY_CQ */
	static const uint8_t extended[] = { 1, 18, 51, 52, 53, 54, 55, 56, 57 };

	if (command & ~(0xffu | EX))
		return false;
	if (command & EX)
		return memchr(extended, (int)(command & 0xff), sizeof(extended)) != NULL;
	return memchr(standard, (int)command, sizeof(standard)) != NULL;
}

static enum uverbs_kind expected_kind(uint32_t command)
{
	for (size_t i = 0; i < UNDERSTOOD; i++)
		if (understood[i].command == command)
			return understood[i].kind;
	return exists_and_is_harmless(command) ? UVERBS_NOTHING : UVERBS_MALFORMED;
}

Test(uverbs_write, classifies_every_write_command)
{
	for (uint32_t command = 0; command < 512; command++) {
		uint32_t number = command < 256 ? command : (command - 256) | EX;
		enum uverbs_kind kind;
		struct ioctl_request r;

		begin_write(&r, RDMA_DRIVER_RXE, number);
		add_pointer(&r, UVERBS_ATTR_CORE_IN, 256);
		kind = kind_of(&r);
		cr_expect_eq(kind, expected_kind(number), "0x%x: %d", number, kind);
	}
}

Test(uverbs_write, classifies_odd_write_commands)
{
	struct ioctl_request r;

	begin(&r, RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INVOKE_WRITE);
	cr_expect_eq(kind_of(&r), UVERBS_NOTHING, "unknown command: every kernel refuses");
	begin_write(&r, RDMA_DRIVER_RXE, 1ULL << 32 | IB_USER_VERBS_CMD_QUERY_DEVICE);
	cr_expect_eq(kind_of(&r), UVERBS_MALFORMED, "QUERY_DEVICE only when truncated to 32 bits");
	begin_write(&r, RDMA_DRIVER_RXE, 0x40000000 | IB_USER_VERBS_CMD_QUERY_DEVICE);
	cr_expect_eq(kind_of(&r), UVERBS_MALFORMED, "unknown flag");
	begin_write(&r, RDMA_DRIVER_RXE, IB_USER_VERBS_CMD_QUERY_DEVICE);
	cr_expect_eq(kind_of(&r), UVERBS_NOTHING, "rdma-core's first ioctl has no CORE_IN (has_ioctl_write())");
}

Test(uverbs_write, rejects_missing_or_short_input)
{
	struct ioctl_request r;

	for (size_t i = 0; i < UNDERSTOOD; i++) {
		if (!understood[i].min)
			continue;
		begin_write(&r, RDMA_DRIVER_RXE, understood[i].command);
		cr_expect_eq(kind_of(&r), UVERBS_MALFORMED, "row %zu without input", i);
		for (size_t len = 0; len < understood[i].min; len++) {
			begin_write(&r, RDMA_DRIVER_RXE, understood[i].command);
			add_pointer(&r, UVERBS_ATTR_CORE_IN, len);
			cr_expect_eq(kind_of(&r), UVERBS_MALFORMED, "row %zu with %zu octets", i, len);
		}
		begin_write(&r, RDMA_DRIVER_RXE, understood[i].command);
		add_pointer(&r, UVERBS_ATTR_CORE_IN, understood[i].min);
		cr_expect_eq(kind_of(&r), understood[i].kind, "row %zu with exactly enough octets", i);
	}
}

Test(uverbs_write, decodes_create_qp)
{
	struct uverbs_command out;
	struct ioctl_request r;
	uint8_t *answer;

	begin_write(&r, RDMA_DRIVER_MLX5, IB_USER_VERBS_CMD_CREATE_QP);
	put8(add_pointer(&r, UVERBS_ATTR_CORE_IN, sizeof(struct ib_uverbs_create_qp)), 53, IB_UVERBS_QPT_DRIVER);
	answer = add_pointer(&r, UVERBS_ATTR_CORE_OUT, sizeof(struct ib_uverbs_create_qp_resp));
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect_eq(out.kind, UVERBS_QP_CREATE);
	cr_expect_eq(out.qp_type, IB_UVERBS_QPT_DRIVER);
	cr_expect_eq(out.write_command, IB_USER_VERBS_CMD_CREATE_QP);
	cr_expect_eq(out.has, 0);
	put32(answer, 0, 9);
	put32(answer, 4, 0xabcdef);
	cr_expect_eq(decode(&r, UVERBS_REPLY, &out), 0);
	cr_expect_eq(out.has, UVERBS_HAS_HANDLE | UVERBS_HAS_QPN);
	cr_expect_eq(out.handle, 9);
	cr_expect_eq(out.qpn, 0xabcdef);
}

Test(uverbs_write, decodes_ex_create_qp)
{
	static const struct {
		size_t len;
		uint32_t flags, source_qpn, has;
	} rows[] = {
		{ 52, 0, 0, 0 }, /* up to comp_mask; the fields after it are optional */
		{ 64, 0, 0, 0 },
		{ 64, 0, 3, UVERBS_HAS_SOURCE_QPN },
		{ 64, 1 << 10, 0, UVERBS_HAS_SOURCE_QPN }, /* IB_QP_CREATE_SOURCE_QPN */
		{ 64, 1 << 9, 0, 0 },
		{ 56, 1 << 10, 0, UVERBS_HAS_SOURCE_QPN },
		{ 128, 0, 3, UVERBS_HAS_SOURCE_QPN }, /* of a newer rdma-core */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct uverbs_command out;
		struct ioctl_request r;
		uint8_t *in;

		begin_write(&r, RDMA_DRIVER_RXE, IB_USER_VERBS_EX_CMD_CREATE_QP | EX);
		in = add_pointer(&r, UVERBS_ATTR_CORE_IN, rows[i].len);
		put8(in, 45, IB_UVERBS_QPT_RC);
		put32(in, 52, rows[i].flags);
		put32(in, 60, rows[i].source_qpn);
		cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
		cr_expect_eq(out.kind, UVERBS_QP_CREATE, "row %zu", i);
		cr_expect_eq(out.qp_type, IB_UVERBS_QPT_RC, "row %zu", i);
		cr_expect_eq(out.has, rows[i].has, "row %zu: has 0x%x", i, out.has);
	}
}

enum { STATE = 1, PORT = 1 << 5, AV = 1 << 7, ALT = 1 << 14, MIG = 1 << 18, DEST_QPN = 1 << 20, RATE = 1 << 25 };

/* enum ib_mig_state; MIGRATED is 0 */
enum { REARM = 1, ARMED = 2 };

static uint8_t *begin_modify(struct ioctl_request *r, bool ex, uint32_t mask, uint8_t state)
{
	uint8_t *in;

	begin_write(r, RDMA_DRIVER_RXE, ex ? IB_USER_VERBS_EX_CMD_MODIFY_QP | EX : IB_USER_VERBS_CMD_MODIFY_QP);
	in = add_pointer(r, UVERBS_ATTR_CORE_IN, ex ? 120 : 112);
	put32(in, 68, mask);
	put8(in, 96, state);
	return in;
}

Test(uverbs_write, detects_modify_qp_address_by_mask)
{
	static const struct {
		uint32_t mask;
		uint8_t state;
		enum uverbs_kind kind;
		uint32_t has; /* beside the handle */
		uint8_t path_mig_state;
	} rows[] = {
		{ STATE | AV | DEST_QPN, 2, UVERBS_QP_ADDRESS, UVERBS_HAS_STATE | UVERBS_HAS_DEST_QPN, 0 },
		{ AV, 0, UVERBS_QP_ADDRESS, 0, 0 }, /* SQD to SQD has no STATE bit */
		{ AV | PORT, 0, UVERBS_QP_ADDRESS, 0, 0 },
		{ STATE | AV, 6, UVERBS_QP_ADDRESS, UVERBS_HAS_STATE,
		  0 }, /* the kernel refuses it; the decoder need not know */
		{ ALT, 0, UVERBS_QP_ADDRESS, UVERBS_HAS_ALT_PATH, 0 },
		{ MIG, 0, UVERBS_QP_ADDRESS, UVERBS_HAS_ALT_PATH, REARM },
		{ MIG, 0, UVERBS_QP_ADDRESS, UVERBS_HAS_ALT_PATH, ARMED },
		{ MIG, 0, UVERBS_QP_ADDRESS, UVERBS_HAS_ALT_PATH, 0xff },
		{ STATE | MIG, 3, UVERBS_QP_ADDRESS, UVERBS_HAS_ALT_PATH | UVERBS_HAS_STATE, REARM },
		/* MIGRATED alone: there is no alternate path to migrate to */
		{ MIG, 0, UVERBS_NOTHING, 0, 0 },
		{ STATE | MIG, 3, UVERBS_NOTHING, 0, 0 },
		{ STATE | MIG, 2, UVERBS_QP_READY, UVERBS_HAS_STATE, 0 },
		{ AV | MIG, 0, UVERBS_QP_ADDRESS, 0, 0 },
		{ PORT | MIG, 0, UVERBS_MALFORMED, 0, 0 },
		{ ALT | MIG, 0, UVERBS_QP_ADDRESS, UVERBS_HAS_ALT_PATH, 0 },
		{ AV | ALT, 0, UVERBS_QP_ADDRESS, UVERBS_HAS_ALT_PATH, 0 },
		{ AV | RATE, 0, UVERBS_QP_ADDRESS, 0, 0 },
		{ 0, 0, UVERBS_NOTHING, 0, 0 },
		{ STATE, 3, UVERBS_NOTHING, 0, 0 },
		{ STATE, 2, UVERBS_QP_READY, UVERBS_HAS_STATE, 0 }, /* a UD QP has no address at RTR and can send */
		{ DEST_QPN, 0, UVERBS_NOTHING, 0, 0 },
		{ STATE | PORT, 1, UVERBS_NOTHING, 0, 0 }, /* to INIT */
		{ PORT, 1, UVERBS_MALFORMED, 0, 0 },       /* SQD to SQD: the same address through another port */
		{ STATE | PORT, 4, UVERBS_MALFORMED, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int ex = 0; ex < 2; ex++) {
			struct uverbs_command out;
			struct ioctl_request r;
			uint32_t handle = rows[i].kind == UVERBS_QP_ADDRESS || rows[i].kind == UVERBS_QP_READY
						  ? UVERBS_HAS_HANDLE
						  : 0;
			uint8_t *in;

			in = begin_modify(&r, ex, rows[i].mask, rows[i].state);
			put8(in, offsetof(struct ib_uverbs_modify_qp, path_mig_state), rows[i].path_mig_state);
			cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
			cr_expect_eq(out.kind, rows[i].kind, "row %zu: %d", i, out.kind);
			cr_expect_eq(out.has, rows[i].has | handle, "row %zu: has 0x%x", i, out.has);
		}
	}
}

static const uint8_t some_gid[16] = { 0xfd, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

Test(uverbs_write, decodes_modify_qp_fields)
{
	struct uverbs_command out;
	struct ioctl_request r;
	uint8_t *in;

	for (int ex = 0; ex < 2; ex++) {
		in = begin_modify(&r, ex, STATE | AV | DEST_QPN, 2);
		memset(in + 32, 0xee, 32); /* alt_dest: not part of the address */
		memcpy(in, some_gid, 16);
		put32(in, 16, 0xabcde);
		put8(in, 24, 201);
		put8(in, 30, 1);
		put8(in, 31, 2);
		put32(in, 64, 0x11223344);
		put32(in, 84, 0x556677);
		put8(in, 104, 9); /* port_num: of the INIT state */
		cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
		cr_expect_eq(out.kind, UVERBS_QP_ADDRESS);
		cr_expect_arr_eq(out.address.dgid, some_gid, 16);
		cr_expect_eq(out.address.flow_label, 0xabcde);
		cr_expect_eq(out.address.sgid_index, 201);
		cr_expect_eq(out.address.port, 2);
		cr_expect(out.address.is_global);
		cr_expect_eq(out.handle, 0x11223344);
		cr_expect_eq(out.dest_qpn, 0x556677);
		cr_expect_eq(out.qp_state, 2);
		cr_expect_eq(out.attr_mask, STATE | AV | DEST_QPN);
	}
}

/* Any nonzero value means that a GRH is present (uverbs_cmd.c copy_ah_attr_from_uverbs()). */
Test(uverbs_write, treats_nonzero_is_global_as_grh)
{
	struct uverbs_command out;
	struct ioctl_request r;

	put8(begin_modify(&r, false, AV, 0), 30, 0x80);
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect(out.address.is_global);
	put8(begin_modify(&r, false, AV, 0), 30, 0);
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect(!out.address.is_global);
}

Test(uverbs_write, decodes_create_ah)
{
	struct uverbs_command out;
	struct ioctl_request r;
	uint8_t *in, *answer;

	begin_write(&r, RDMA_DRIVER_RXE, IB_USER_VERBS_CMD_CREATE_AH);
	in = add_pointer(&r, UVERBS_ATTR_CORE_IN, sizeof(struct ib_uverbs_create_ah));
	memcpy(in + 24, some_gid, 16);
	put32(in, 40, 77);
	put8(in, 44, 3);
	put8(in, 53, 1);
	put8(in, 54, 2);
	answer = add_pointer(&r, UVERBS_ATTR_CORE_OUT, 4);
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect_eq(out.kind, UVERBS_AH_CREATE);
	cr_expect_eq(out.has, 0);
	cr_expect_arr_eq(out.address.dgid, some_gid, 16);
	cr_expect_eq(out.address.flow_label, 77);
	cr_expect_eq(out.address.sgid_index, 3);
	cr_expect_eq(out.address.port, 2);
	cr_expect(out.address.is_global);
	put32(answer, 0, 42);
	cr_expect_eq(decode(&r, UVERBS_REPLY, &out), 0);
	cr_expect_eq(out.has, UVERBS_HAS_HANDLE);
	cr_expect_eq(out.handle, 42);
}

Test(uverbs_write, decodes_open_qp_mcast_and_destroy)
{
	struct uverbs_command out;
	struct ioctl_request r;
	uint8_t *in, *answer;

	begin_write(&r, RDMA_DRIVER_RXE, IB_USER_VERBS_CMD_OPEN_QP);
	in = add_pointer(&r, UVERBS_ATTR_CORE_IN, sizeof(struct ib_uverbs_open_qp));
	put32(in, 20, 0x99);
	put8(in, 24, IB_UVERBS_QPT_XRC_TGT);
	answer = add_pointer(&r, UVERBS_ATTR_CORE_OUT, sizeof(struct ib_uverbs_create_qp_resp));
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect_eq(out.kind, UVERBS_QP_OPEN);
	cr_expect_eq(out.has, UVERBS_HAS_QPN);
	cr_expect_eq(out.qpn, 0x99);
	cr_expect_eq(out.qp_type, IB_UVERBS_QPT_XRC_TGT);
	put32(answer, 0, 6);
	put32(answer, 4, 0x99);
	cr_expect_eq(decode(&r, UVERBS_REPLY, &out), 0);
	cr_expect_eq(out.handle, 6);

	begin_write(&r, RDMA_DRIVER_RXE, IB_USER_VERBS_CMD_ATTACH_MCAST);
	in = add_pointer(&r, UVERBS_ATTR_CORE_IN, sizeof(struct ib_uverbs_attach_mcast));
	memcpy(in, some_gid, 16);
	put32(in, 16, 12);
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect_eq(out.kind, UVERBS_MCAST_ATTACH);
	cr_expect_eq(out.handle, 12);
	cr_expect_arr_eq(out.address.dgid, some_gid, 16);

	begin_write(&r, RDMA_DRIVER_RXE, IB_USER_VERBS_CMD_DESTROY_QP);
	put32(add_pointer(&r, UVERBS_ATTR_CORE_IN, sizeof(struct ib_uverbs_destroy_qp)), 8, 13);
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect_eq(out.kind, UVERBS_QP_DESTROY);
	cr_expect_eq(out.handle, 13);
}

/* ---- GET_CONTEXT ---- */

Test(uverbs_write, detects_devx_by_bit_0_of_mlx5_flags)
{
	static const struct {
		uint32_t driver;
		size_t len;
		uint32_t flags, has;
	} rows[] = {
		{ RDMA_DRIVER_MLX5, 32, 1, UVERBS_HAS_DEVX },
		{ RDMA_DRIVER_MLX5, 32, 3, UVERBS_HAS_DEVX },
		{ RDMA_DRIVER_MLX5, 32, 2, 0 },
		{ RDMA_DRIVER_MLX5, 32, 0, 0 },
		{ RDMA_DRIVER_MLX5, 12, 1, UVERBS_HAS_DEVX },
		{ RDMA_DRIVER_MLX5, 9, 1, UVERBS_HAS_DEVX },
		{ RDMA_DRIVER_MLX5, 64, 1, UVERBS_HAS_DEVX },
		{ RDMA_DRIVER_RXE, 32, 1, 0 },
	};

	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		size_t row = i / 2;
		struct uverbs_command out;
		struct ioctl_request r;

		if (i % 2)
			begin_write(&r, rows[row].driver, IB_USER_VERBS_CMD_GET_CONTEXT);
		else
			begin(&r, rows[row].driver, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT);
		put32(add_pointer(&r, UVERBS_ATTR_UHW_IN, rows[row].len), 8, rows[row].flags);
		cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
		cr_expect_eq(out.kind, UVERBS_CONTEXT_OPEN, "row %zu", row);
		cr_expect_eq(out.has, rows[row].has, "row %zu: has 0x%x", row, out.has);
	}
}

Test(uverbs_write, decodes_context_with_missing_or_inline_driver_data)
{
	struct uverbs_command out;
	struct ioctl_request r;

	begin(&r, RDMA_DRIVER_MLX5, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT);
	cr_expect_eq(kind_of(&r), UVERBS_CONTEXT_OPEN);
	add_attr(&r, UVERBS_ATTR_UHW_IN, 8, UINT64_MAX); /* ends before flags */
	cr_expect_eq(decode(&r, UVERBS_REQUEST, &out), 0);
	cr_expect_eq(out.kind, UVERBS_CONTEXT_OPEN);
	cr_expect_eq(out.has, 0);
}

/* ---- unreadable memory ---- */

static void build(struct ioctl_request *r, size_t which)
{
	uint8_t *in;

	if (which == UNDERSTOOD) {
		native_qp(r);
		add_pointer(r, UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, 4);
		return;
	}
	begin_write(r, RDMA_DRIVER_MLX5, understood[which].command);
	in = add_pointer(r, UVERBS_ATTR_CORE_IN, 128);
	if (understood[which].min == 112)
		put32(in, 68, AV);
	add_pointer(r, UVERBS_ATTR_CORE_OUT, 64);
	if (understood[which].command == IB_USER_VERBS_CMD_GET_CONTEXT)
		add_pointer(r, UVERBS_ATTR_UHW_IN, 32);
}

/* If any read of the request or the answer fails, the result is -EFAULT and MALFORMED, never another kind. */
Test(uverbs_write, is_malformed_when_a_read_fails)
{
	static struct ioctl_request r;
	struct uverbs_command out;

	for (size_t which = 0; which <= UNDERSTOOD; which++) {
		for (enum uverbs_phase phase = UVERBS_REQUEST; phase <= UVERBS_REPLY; phase++) {
			int reads;

			build(&r, which);
			cr_assert_eq(decode(&r, phase, &out), 0, "row %zu", which);
			cr_expect_neq(out.kind, UVERBS_MALFORMED, "row %zu: %s", which,
				      out.why_malformed ? out.why_malformed : "");
			reads = r.reads;
			cr_expect_geq(reads, 2);
			for (r.fail_at = 1; r.fail_at <= reads; r.fail_at++) {
				cr_expect_eq(decode(&r, phase, &out), -EFAULT, "row %zu, read %d", which, r.fail_at);
				cr_expect_eq(out.kind, UVERBS_MALFORMED);
			}
		}
	}
}
