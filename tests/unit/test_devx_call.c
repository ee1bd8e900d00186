// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The engine's commands for DEVX objects, octet by octet, against a fake kernel and NIC. Offsets are counted in
 * include/linux/mlx5/mlx5_ifc.h, attributes come from drivers/infiniband/hw/mlx5/devx.c.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <string.h>

#include "rdma/devx_call.h"
#include "rdma/uverbs_call_internal.h"

enum { FD = 77, HANDLE = 41, NUMBER = 0xabcdef };

/* The last call, and the kernel's answer to it. */
static struct {
	int calls, err;
	uint16_t method;
	uint64_t handle;
	uint8_t in[64];
	uint16_t in_len, out_len;
	uint8_t out[512];
} fake;

static int fake_kernel(int fd, struct ib_uverbs_ioctl_hdr *request)
{
	struct ib_uverbs_attr *attrs = request->attrs;

	fake.calls++;
	cr_expect_eq(fd, FD);
	cr_expect_eq(request->driver_id, RDMA_DRIVER_MLX5);
	cr_expect_eq(request->object_id, MLX5_IB_OBJECT_DEVX_OBJ);
	cr_assert(request->num_attrs == 3 || request->num_attrs == 1);
	fake.method = request->method_id;
	cr_expect(attrs[0].attr_id == 0x1000 && !attrs[0].len);
	fake.handle = attrs[0].data;
	if (request->num_attrs == 1 || fake.err)
		return fake.err;
	cr_expect(attrs[1].attr_id == 0x1001 && attrs[2].attr_id == 0x1002);
	fake.in_len = attrs[1].len;
	cr_assert(attrs[1].len > 8 && attrs[1].len <= sizeof(fake.in), "the kernel needs a header of 16 octets");
	memcpy(fake.in, (void *)(uintptr_t)attrs[1].data, attrs[1].len);
	fake.out_len = attrs[2].len;
	cr_assert_leq(attrs[2].len, sizeof(fake.out));
	memcpy((void *)(uintptr_t)attrs[2].data, fake.out, attrs[2].len);
	attrs[2].flags |= UVERBS_ATTR_F_VALID_OUTPUT;
	return 0;
}

static void begin(void)
{
	memset(&fake, 0, sizeof(fake));
	uverbs_call_kernel = fake_kernel;
}

TestSuite(devx_call, .init = begin);

static struct devx_object object(uint32_t created)
{
	return (struct devx_object){ .handle = HANDLE, .number = NUMBER, .created = created };
}

static void expect_command(uint16_t method, uint16_t opcode, uint16_t out_len)
{
	const uint8_t in[16] = { opcode >> 8, opcode & 0xff, [9] = 0xab, 0xcd, 0xef };

	cr_expect_eq(fake.calls, 1);
	cr_expect_eq(fake.method, method);
	cr_expect_eq(fake.handle, HANDLE);
	cr_expect_eq(fake.in_len, 16);
	cr_expect_arr_eq(fake.in, in, sizeof(in));
	cr_expect_eq(fake.out_len, out_len, "%u", fake.out_len);
}

Test(devx_call, moves_object_to_error)
{
	const struct devx_object qp = object(0x500), dct = object(0x710), sq = object(0x904);

	cr_expect_eq(devx_to_error(FD, &qp), 0);
	expect_command(MLX5_IB_METHOD_DEVX_OBJ_MODIFY, 0x507, 16);
	begin();
	fake.out[0] = 0x10; /* MLX5_CMD_STAT_BAD_QP_STATE_ERR, from kernels whose ioctl succeeds nevertheless */
	cr_expect_eq(devx_to_error(FD, &qp), -EREMOTEIO);
	begin();
	fake.err = -EINVAL;
	cr_expect_eq(devx_to_error(FD, &qp), -EINVAL);
	begin();
	cr_expect_eq(devx_to_error(FD, &dct), -EOPNOTSUPP);
	cr_expect_eq(devx_to_error(FD, &sq), -EOPNOTSUPP);
	cr_expect_eq(fake.calls, 0);
}

Test(devx_call, destroys_object)
{
	const struct devx_object dct = object(0x710);

	cr_expect_eq(devx_destroy(FD, &dct), 0);
	cr_expect_eq(fake.method, MLX5_IB_METHOD_DEVX_OBJ_DESTROY);
	cr_expect_eq(fake.handle, HANDLE);
	fake.err = -EBUSY;
	cr_expect_eq(devx_destroy(FD, &dct), -EBUSY);
}

/* query_qp_out: the QPC is at bit 0xc0; its first four bits are the state, the primary path is at its bit 0xc0. */
Test(devx_call, queries_state_and_address)
{
	static const enum uverbs_qp_state states[] = { UVERBS_QPS_RESET, UVERBS_QPS_INIT, UVERBS_QPS_RTR,
						       UVERBS_QPS_RTS,   UVERBS_QPS_SQE,  UVERBS_QPS_SQD,
						       UVERBS_QPS_ERR,   UVERBS_QPS_SQD };
	const struct devx_object qp = object(0x500), dct = object(0x710);
	enum { PATH = 24 + 24 };
	struct uverbs_qp_facts facts;

	for (uint8_t state = 0; state < 16; state++) {
		int err;

		begin();
		fake.out[24] = state << 4 | 0xf;
		fake.out[24 + 21] = 1;
		fake.out[PATH + 9] = 3;
		memset(fake.out + PATH + 16, 0x42, 16);
		fake.out[PATH + 34] = 0xc1;
		fake.out[PATH + 37] = 2;
		err = devx_query_qp(FD, &qp, &facts);
		expect_command(MLX5_IB_METHOD_DEVX_OBJ_QUERY, 0x50b, 0x110);
		cr_expect_eq(err, state < 8 ? 0 : -EPROTO, "state %u", state);
		if (err)
			continue;
		cr_expect_eq(facts.state, states[state], "state %u", state);
		cr_expect_eq(facts.dest_qpn, 0x10000);
		cr_expect_eq(facts.address.sgid_index, 3);
		cr_expect_eq(facts.address.port, 2);
		cr_expect_eq(facts.port, 2);
		cr_expect_eq(facts.address.dgid[15], 0x42);
		cr_expect_eq(facts.address.flow_label, 0x100);
	}
	fake.out[24] = 3 << 4;
	fake.out[PATH + 34] = 0;
	cr_expect_eq(devx_query_qp(FD, &qp, &facts), 0);
	cr_expect_eq(facts.dest_qpn, 0, "a source port that no flow label yields is unknown");
	cr_expect_eq(devx_query_qp(FD, &dct, &facts), -EOPNOTSUPP);
	fake.out[0] = 5;
	cr_expect_eq(devx_query_qp(FD, &qp, &facts), -EREMOTEIO);
}

/* The kernel compares the command's number with the object's. A mismatch means that the handle was reused. */
Test(devx_call, checks_that_handle_is_same_object)
{
	static const struct {
		uint32_t created;
		uint16_t opcode, out_len;
	} rows[] = { { 0x500, 0x50b, 0x110 }, { 0x710, 0x713, 0x80 }, { 0x904, 0x907, 0x110 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct devx_object it = object(rows[i].created);

		begin();
		cr_expect(devx_is_still(FD, &it));
		expect_command(MLX5_IB_METHOD_DEVX_OBJ_QUERY, rows[i].opcode, rows[i].out_len);
		fake.err = -EINVAL;
		cr_expect(!devx_is_still(FD, &it));
		fake.err = -EIO;
		cr_expect(devx_is_still(FD, &it), "the answer is inconclusive");
	}
}
