// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Calls on another process's uverbs fd. The test replaces the kernel: it checks each request octet by octet, with
 * numbers from the ABI instead of the header names that the code uses, and returns odd answers.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <string.h>
#include <unistd.h>

#include "rdma/uverbs_call.h"
#include "rdma/uverbs_call_internal.h"

enum { FD = 77, DRIVER = 14, HANDLE = 0x01020304, ATTRS = 4, VALID = 2 };

static struct fake {
	void (*answer)(struct ib_uverbs_ioctl_hdr *request); /* when err is 0 */
	int err;
	int unwritten; /* number of the attribute whose output lacks the valid flag, -1: none */
	/* the last request */
	int calls, fd;
	struct ib_uverbs_attr attrs[ATTRS];
	uint8_t in[256];
	/* the answer to it */
	uint32_t handles[20000];
	size_t handle_count, total_lies_by;
	uint32_t refused_mask;
	struct ib_uverbs_gid_entry gids[4];
	uint64_t gid_count;
} fake;
/* separate variables: the structs end in flexible arrays */
static struct ib_uverbs_ioctl_hdr asked_header;
static struct ib_uverbs_query_qp_resp qp_answer;

static void *pointer(uint64_t data)
{
	return (void *)(uintptr_t)data;
}

/* Checks the lengths as the kernel does, then answers. */
static int fake_kernel(int fd, struct ib_uverbs_ioctl_hdr *request)
{
	fake.calls++;
	fake.fd = fd;
	cr_assert_leq(request->num_attrs, ATTRS);
	cr_assert_eq(request->length, 24 + request->num_attrs * 16);
	asked_header = *request;
	memcpy(fake.attrs, request->attrs, request->num_attrs * sizeof(fake.attrs[0]));
	if (!request->object_id && !request->method_id) {
		cr_assert_eq(request->attrs[0].attr_id, 0);
		cr_assert(request->attrs[0].len > 8 && request->attrs[0].len <= sizeof(fake.in));
		memcpy(fake.in, pointer(request->attrs[0].data), request->attrs[0].len);
	}
	if (fake.err)
		return fake.err;
	for (int i = 0; i < request->num_attrs; i++)
		if (i != fake.unwritten)
			request->attrs[i].flags |= VALID;
	if (fake.answer)
		fake.answer(request);
	return 0;
}

static void fake_install(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.unwritten = -1;
	uverbs_call_kernel = fake_kernel;
}

TestSuite(uverbs_call, .init = fake_install);

static void expect_header(uint16_t object, uint16_t method, uint16_t attrs)
{
	cr_expect_eq(fake.fd, FD);
	cr_expect_eq(asked_header.object_id, object);
	cr_expect_eq(asked_header.method_id, method);
	cr_expect_eq(asked_header.num_attrs, attrs);
	cr_expect_eq(asked_header.driver_id, DRIVER);
	cr_expect_eq(asked_header.reserved1, 0);
	cr_expect_eq(asked_header.reserved2, 0);
}

static void expect_attr(int i, uint16_t id, uint16_t len)
{
	cr_expect_eq(fake.attrs[i].attr_id, id, "attribute %d", i);
	cr_expect_eq(fake.attrs[i].len, len, "attribute %d: %u", i, fake.attrs[i].len);
	cr_expect_eq(fake.attrs[i].flags, 1, "attribute %d is mandatory", i);
	cr_expect_eq(fake.attrs[i].attr_data.reserved, 0, "attribute %d", i);
}

static void expect_value(int i, uint16_t id, uint64_t value)
{
	expect_attr(i, id, 8);
	cr_expect_eq(fake.attrs[i].data, value, "attribute %d", i);
}

static void put_u32(uint8_t *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
}

/* ---- handles ---- */

static void answer_handles(struct ib_uverbs_ioctl_hdr *request)
{
	size_t room = request->attrs[2].len / 4, count = fake.handle_count < room ? fake.handle_count : room;
	uint64_t total = count + fake.total_lies_by;

	memcpy(pointer(request->attrs[2].data), fake.handles, count * 4);
	memcpy(pointer(request->attrs[1].data), &total, 4);
}

static void fake_handles(size_t count)
{
	fake_install();
	fake.answer = answer_handles;
	fake.handle_count = count;
	for (size_t i = 0; i < count; i++)
		fake.handles[i] = (uint32_t)i * 3;
}

Test(uverbs_call, asks_for_one_handle_more_than_fits)
{
	uint32_t handles[10];
	size_t count;

	fake_handles(3);
	cr_assert_eq(uverbs_list_qps(FD, DRIVER, handles, 10, &count), 0);
	expect_header(0, 1, 3);
	expect_value(0, 0, 4); /* UVERBS_OBJECT_QP */
	expect_attr(1, 1, 4);
	expect_attr(2, 2, 11 * 4);
	cr_expect_eq(count, 3);
	cr_expect_arr_eq(handles, fake.handles, 3 * 4);
}

static const struct {
	size_t there, room;
	int err;
} lists[] = {
	{ 0, 0, 0 },
	{ 0, 1, 0 },
	{ 1, 0, -ENOSPC },
	{ 1, 1, 0 },
	{ 2, 1, -ENOSPC },
	{ 100, 99, -ENOSPC },
	{ 100, 100, 0 },
	{ 16382, 16382, 0 },
	{ 16382, 20000, 0 },
	{ 16383, 16382, -ENOSPC },
	{ 16383, 20000, -ENOSPC },
	{ 20000, 20000, -ENOSPC },
};

Test(uverbs_call, returns_complete_list_or_error)
{
	static uint32_t handles[20000];

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		size_t count = 4711;

		fake_handles(lists[i].there);
		memset(handles, 0xa5, sizeof(handles));
		cr_expect_eq(uverbs_list_qps(FD, DRIVER, handles, lists[i].room, &count), lists[i].err, "case %zu", i);
		cr_expect_eq(count, lists[i].err ? 4711 : lists[i].there, "case %zu", i);
		if (!lists[i].err)
			cr_expect_arr_eq(handles, fake.handles, count * 4, "case %zu", i);
		cr_expect_eq(handles[lists[i].err ? 0 : count], 0xa5a5a5a5, "case %zu: octets behind the list", i);
	}
}

Test(uverbs_call, rejects_inconsistent_handle_list)
{
	uint32_t handles[10];
	size_t count;

	for (int lie = -2; lie <= 2; lie++) {
		fake_handles(4);
		fake.total_lies_by = (size_t)lie;
		cr_expect_eq(uverbs_list_qps(FD, DRIVER, handles, 10, &count), lie ? -EPROTO : 0, "%d", lie);
	}
	for (int i = 1; i <= 2; i++) {
		fake_handles(4);
		fake.unwritten = i;
		cr_expect_eq(uverbs_list_qps(FD, DRIVER, handles, 10, &count), -EPROTO, "output %d", i);
	}
	fake_handles(4);
	fake.err = -EIO;
	cr_expect_eq(uverbs_list_qps(FD, DRIVER, handles, 10, &count), -EIO);
}

/* ---- one QP ---- */

static void answer_qp(struct ib_uverbs_ioctl_hdr *request)
{
	memcpy(pointer(request->attrs[1].data), &qp_answer, sizeof(qp_answer));
}

static void fake_qp(uint8_t state)
{
	fake_install();
	fake.answer = answer_qp;
	memset(&qp_answer, 0x5a, sizeof(qp_answer));
	qp_answer.qp_state = state;
}

Test(uverbs_call, queries_only_used_qp_attributes)
{
	struct uverbs_qp_facts facts;
	uint8_t in[16] = { 0 };

	fake_qp(3);
	cr_assert_eq(uverbs_query_qp(FD, DRIVER, HANDLE, &facts), 0);
	expect_header(0, 0, 3);
	expect_attr(0, 0, 16);
	expect_attr(1, 1, 128);
	expect_value(2, 2, 25);
	put_u32(in + 8, HANDLE);
	put_u32(in + 12, 0x1000a1); /* DEST_QPN, AV, PORT, STATE */
	cr_expect_arr_eq(fake.in, in, sizeof(in));
	cr_expect_eq(fake.calls, 1);
}

Test(uverbs_call, reads_qp_attributes)
{
	struct uverbs_qp_facts facts;

	fake_qp(2);
	for (size_t i = 0; i < 16; i++)
		qp_answer.dest.dgid[i] = (uint8_t)(0x10 + i);
	qp_answer.dest.flow_label = 0x54321;
	qp_answer.dest.sgid_index = 7;
	qp_answer.dest.is_global = 1;
	qp_answer.dest.port_num = 3;
	qp_answer.dest_qp_num = 0xabcdef;
	qp_answer.port_num = 2;
	cr_assert_eq(uverbs_query_qp(FD, DRIVER, HANDLE, &facts), 0);
	cr_expect_eq(facts.state, UVERBS_QPS_RTR);
	cr_expect_eq(facts.port, 2);
	cr_expect_arr_eq(facts.address.dgid, qp_answer.dest.dgid, 16);
	cr_expect_eq(facts.address.flow_label, 0x54321);
	cr_expect_eq(facts.address.sgid_index, 7);
	cr_expect_eq(facts.address.port, 3);
	cr_expect(facts.address.is_global);
	cr_expect_eq(facts.dest_qpn, 0xabcdef);
}

Test(uverbs_call, rejects_invalid_qp_answer)
{
	struct uverbs_qp_facts facts = { .dest_qpn = 99 };

	for (uint8_t state = 0; state < 8; state++) {
		fake_qp(state);
		cr_expect_eq(uverbs_query_qp(FD, DRIVER, HANDLE, &facts), state > 6 ? -EPROTO : 0, "state %u", state);
	}
	facts.dest_qpn = 99;
	fake_qp(3);
	fake.unwritten = 1;
	cr_expect_eq(uverbs_query_qp(FD, DRIVER, HANDLE, &facts), -EPROTO);
	fake_qp(3);
	fake.err = -EBUSY;
	cr_expect_eq(uverbs_query_qp(FD, DRIVER, HANDLE, &facts), -EBUSY);
	cr_expect_eq(fake.calls, 1);
	cr_expect_eq(facts.dest_qpn, 99, "an error changes no output");
}

static int refuse_dest_qpn(int fd, struct ib_uverbs_ioctl_hdr *request)
{
	uint32_t mask;

	memcpy(&mask, (uint8_t *)pointer(request->attrs[0].data) + 12, sizeof(mask));
	if (mask & fake.refused_mask) {
		fake.calls++;
		return -EINVAL;
	}
	return fake_kernel(fd, request);
}

Test(uverbs_call, retries_query_without_dest_qpn)
{
	struct uverbs_qp_facts facts;

	fake_qp(2);
	uverbs_call_kernel = refuse_dest_qpn;
	fake.refused_mask = 1 << 20;
	cr_expect_eq(uverbs_query_qp(FD, DRIVER, HANDLE, &facts), 0);
	cr_expect_eq(fake.calls, 2);
	fake.calls = 0;
	fake.refused_mask = 1;
	cr_expect_eq(uverbs_query_qp(FD, DRIVER, HANDLE, &facts), -EINVAL);
	cr_expect_eq(fake.calls, 2);
}

Test(uverbs_call, moves_to_error_by_state_only)
{
	uint8_t in[112] = { 0 };

	cr_assert_eq(uverbs_qp_to_error(FD, DRIVER, HANDLE), 0);
	expect_header(0, 0, 2);
	expect_attr(0, 0, 112);
	expect_value(1, 2, 26);
	put_u32(in + 64, HANDLE);
	put_u32(in + 68, 1);
	in[96] = 6;
	cr_expect_arr_eq(fake.in, in, sizeof(in));
	fake.err = -EINVAL;
	cr_expect_eq(uverbs_qp_to_error(FD, DRIVER, HANDLE), -EINVAL);
}

/* MODIFY_QP has two attributes, QUERY_QP three. */
static int refuse_to_modify(int fd, struct ib_uverbs_ioctl_hdr *request)
{
	if (request->num_attrs == 2)
		return fake.err;
	fake.err = 0;
	return fake_kernel(fd, request);
}

Test(uverbs_call, returns_error_for_qp_in_reset)
{
	for (uint8_t state = 0; state <= 6; state++) {
		fake_qp(state);
		uverbs_call_kernel = refuse_to_modify;
		fake.err = -EINVAL;
		cr_expect_eq(uverbs_qp_to_error(FD, DRIVER, HANDLE), state ? -EINVAL : -ENOTCONN, "state %u", state);
		fake_qp(state);
		uverbs_call_kernel = refuse_to_modify;
		fake.err = -EIO;
		cr_expect_eq(uverbs_qp_to_error(FD, DRIVER, HANDLE), -EIO, "state %u", state);
	}
}

Test(uverbs_call, destroys_qp)
{
	cr_assert_eq(uverbs_qp_destroy(FD, DRIVER, HANDLE), 0);
	expect_header(4, 1, 2);
	expect_attr(0, 0, 0);
	cr_expect_eq(fake.attrs[0].data, HANDLE);
	expect_attr(1, 1, 4);
	fake.err = -EBUSY;
	cr_expect_eq(uverbs_qp_destroy(FD, DRIVER, HANDLE), -EBUSY);
	fake.err = 0;
	fake.unwritten = 1;
	cr_expect_eq(uverbs_qp_destroy(FD, DRIVER, HANDLE), -EPROTO);
}

/* ---- GIDs ---- */

static void answer_gids(struct ib_uverbs_ioctl_hdr *request)
{
	memcpy(pointer(request->attrs[2].data), fake.gids, sizeof(fake.gids));
	memcpy(pointer(request->attrs[3].data), &fake.gid_count, 8);
}

static void fake_gids(uint64_t count)
{
	fake_install();
	fake.answer = answer_gids;
	fake.gid_count = count;
	for (uint32_t i = 0; i < 4; i++) {
		memset(fake.gids[i].gid, (int)i + 1, 16);
		fake.gids[i].gid_index = i % 2;
		fake.gids[i].port_num = 1 + i / 2;
		fake.gids[i].gid_type = i;
		fake.gids[i].netdev_ifindex = 10 + i;
	}
}

Test(uverbs_call, reads_gid_table)
{
	static const enum gid_type types[] = { GID_TYPE_IB, GID_TYPE_ROCE_V1, GID_TYPE_ROCE_V2, GID_TYPE_UNKNOWN };
	struct gid_entry entries[5];
	size_t count;

	fake_gids(4);
	cr_assert_eq(uverbs_query_gids(FD, DRIVER, entries, 5, &count), 0);
	expect_header(0, 5, 4);
	expect_value(0, 0, 32);
	expect_value(1, 1, 0);
	expect_attr(2, 2, 2047 * 32);
	expect_attr(3, 3, 8);
	cr_assert_eq(count, 4);
	for (uint32_t i = 0; i < 4; i++) {
		cr_expect_arr_eq(entries[i].raw, fake.gids[i].gid, 16);
		cr_expect_eq(entries[i].index, i % 2);
		cr_expect_eq(entries[i].port, 1 + i / 2);
		cr_expect_eq(entries[i].type, types[i]);
		cr_expect_eq(entries[i].netdev_ifindex, (int)(10 + i));
	}
}

Test(uverbs_call, rejects_invalid_gid_table)
{
	struct gid_entry entries[4];
	size_t count = 4711;

	fake_gids(2048);
	cr_expect_eq(uverbs_query_gids(FD, DRIVER, entries, 4, &count), -EPROTO,
		     "more GIDs than the caller has room for");
	fake_gids(4);
	fake.gids[1].port_num = 0;
	cr_expect_eq(uverbs_query_gids(FD, DRIVER, entries, 4, &count), -EPROTO, "no port");
	fake_gids(4);
	fake.gids[1].gid_index = 0;
	cr_expect_eq(uverbs_query_gids(FD, DRIVER, entries, 4, &count), -EPROTO, "duplicate index");
	fake_gids(4);
	fake.gids[3].port_num = 1;
	cr_expect_eq(uverbs_query_gids(FD, DRIVER, entries, 4, &count), -EPROTO, "indices not in ascending order");
	fake_gids(4);
	fake.gids[2].netdev_ifindex = 0x80000000;
	cr_expect_eq(uverbs_query_gids(FD, DRIVER, entries, 4, &count), -EPROTO, "invalid index");
	for (int i = 2; i <= 3; i++) {
		fake_gids(4);
		fake.unwritten = i;
		cr_expect_eq(uverbs_query_gids(FD, DRIVER, entries, 4, &count), -EPROTO, "output %d", i);
	}
	fake_gids(4);
	fake.err = -EPROTONOSUPPORT;
	cr_expect_eq(uverbs_query_gids(FD, DRIVER, entries, 4, &count), -EPROTONOSUPPORT);
	cr_expect_eq(count, 4711);
}

Test(uverbs_call, rejects_gid_table_larger_than_buffer)
{
	struct gid_entry entries[4];
	size_t count = 4711;

	fake_gids(4);
	cr_expect_eq(uverbs_query_gids(FD, DRIVER, entries, 3, &count), -ENOSPC);
	fake_gids(0);
	cr_expect_eq(uverbs_query_gids(FD, DRIVER, entries, 0, &count), 0);
	cr_expect_eq(count, 0);
	fake_gids(4);
	fake.gids[3].gid_index = 256;
	cr_expect_eq(uverbs_query_gids(FD, DRIVER, entries, 3, &count), 0, "no address handle can select this index");
	cr_expect_eq(count, 3);
}

/* A separate suite: it calls the real kernel. */
Test(uverbs_call_kernel, rejects_fd_of_other_file)
{
	uint32_t handle;
	size_t count;
	int pipes[2];

	cr_assert_eq(pipe(pipes), 0);
	cr_expect_eq(uverbs_list_qps(pipes[0], DRIVER, &handle, 1, &count), -ENOTTY);
	cr_expect_eq(uverbs_list_qps(-1, DRIVER, &handle, 1, &count), -EBADF);
}
