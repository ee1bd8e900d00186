// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * What a supervisor does with one call, against a program, an engine and a kernel that are not. The program's memory
 * fails a test in which an octet is read twice, and is changed by a hostile thread as soon as the engine is asked.
 */
#include <fcntl.h>
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/supervisor_internal.h"
#include "uverbs_fixture.h"

enum { NUMBER = 900, PID = 4711, RDEV = 0xe7c0, HOSTILE = 0x66, MODIFY_DGID = 0, MODIFY_HANDLE = 64, MODIFY_MASK = 68 };
enum { AV = 0x80, QKEY = 0x40 };

static struct {
	struct ioctl_request request;
	int fetch_err, ask_err, kernel_result, put_number;
	bool not_uverbs, gone, gone_before_kernel, same_capabilities, hostile;
	int asked, called, done, done_with_reply, said, fetched, put, written;
	struct uverbs_command question;
	int asked_number;
	uint8_t core_in[256] __attribute__((aligned(8))), core_out[64]; /* as the kernel got it; what it answers */
	size_t core_in_len;
	uint64_t new_handle;
	uint32_t driver;
	uint16_t object_id, method_id;
	uint32_t driver_id;
	struct ib_uverbs_attr attrs[256];
	uint16_t overrun;  /* a driver writes so many octets to UHW_OUT, whatever its length */
	uint16_t answered; /* an attribute that a method writes */
} w;

/* ---- the program ---- */

static int program_read(void *context, uint64_t address, void *buffer, size_t len)
{
	if (w.gone)
		return -ESRCH;
	return len ? memory_read(context, address, buffer, len) : 0;
}

static int program_write(void *context, uint64_t address, const void *buffer, size_t len)
{
	struct ioctl_request *r = context;

	w.written++;
	for (size_t i = 0; i < r->parts; i++) {
		uint64_t offset = address - r->part[i].address;

		if (offset > r->part[i].len || len > r->part[i].len - offset)
			continue;
		memcpy(r->part[i].bytes + offset, buffer, len);
		return 0;
	}
	return -EFAULT;
}

static int program_fetch(void *context, int number, int *out_fd)
{
	(void)context;
	cr_expect(number == NUMBER || number == NUMBER + 1);
	w.fetched++;
	if (w.fetch_err)
		return w.fetch_err;
	*out_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return 0;
}

static int program_put(void *context, int fd, uint32_t flags)
{
	struct stat st;

	(void)context;
	cr_expect_eq(flags, O_CLOEXEC);
	cr_expect_eq(fstat(fd, &st), 0, "what is put is open");
	w.put++;
	return w.put_number;
}

static bool program_waits(void *context)
{
	(void)context;
	return !w.gone && !w.gone_before_kernel;
}

static const struct target program = { .tid = PID,
				       .pid = PID,
				       .read = program_read,
				       .write = program_write,
				       .fetch_fd = program_fetch,
				       .put_fd = program_put,
				       .waits = program_waits,
				       .context = &w.request };

/* ---- what is around ---- */

static int fake_ask(void *context, const struct target *target, int number, int fd,
		    const struct uverbs_command *command, struct engine_pass *pass)
{
	(void)context;
	(void)fd;
	cr_expect_eq(target->pid, PID);
	w.asked++;
	w.asked_number = number;
	w.question = *command;
	if (w.hostile)
		for (size_t i = 0; i < w.request.parts; i++)
			memset(w.request.part[i].bytes, HOSTILE, w.request.part[i].len);
	pass->socket = w.ask_err ? -1 : 1000;
	return w.ask_err;
}

static void fake_done(void *context, const struct engine_pass *pass, const struct uverbs_command *reply)
{
	(void)context;
	if (pass->socket < 0)
		return;
	w.done++;
	w.done_with_reply += reply != NULL;
	if (reply)
		w.question = *reply;
}

static void kernel_takes(struct ib_uverbs_attr *attr)
{
	void *at = (void *)(uintptr_t)attr->data;

	if (w.method_id != UVERBS_METHOD_INVOKE_WRITE || w.object_id != UVERBS_OBJECT_DEVICE) {
		if (attr->attr_id == UVERBS_ATTR_CREATE_QP_HANDLE && w.object_id == UVERBS_OBJECT_QP)
			attr->data = w.new_handle;
		if (w.answered && attr->attr_id == w.answered) {
			memset(at, HOSTILE, attr->len);
			attr->flags |= UVERBS_ATTR_F_VALID_OUTPUT;
		}
		return;
	}
	if (attr->attr_id == UVERBS_ATTR_CORE_IN && attr->len > 8) {
		w.core_in_len = attr->len;
		memcpy(w.core_in, at, attr->len < sizeof(w.core_in) ? attr->len : sizeof(w.core_in));
	}
	if (attr->attr_id == UVERBS_ATTR_UHW_OUT) {
		memset(at, HOSTILE, w.overrun);
		attr->flags |= UVERBS_ATTR_F_VALID_OUTPUT;
	}
	if (attr->attr_id == UVERBS_ATTR_CORE_OUT && w.kernel_result >= 0) {
		memcpy(at, w.core_out, attr->len < sizeof(w.core_out) ? attr->len : sizeof(w.core_out));
		attr->flags |= UVERBS_ATTR_F_VALID_OUTPUT;
	}
}

static int fake_kernel(void *context, int fd, struct ib_uverbs_ioctl_hdr *request)
{
	(void)context;
	(void)fd;
	w.called++;
	w.object_id = request->object_id;
	w.method_id = request->method_id;
	w.driver_id = request->driver_id;
	memcpy(w.attrs, request->attrs, request->num_attrs * sizeof(w.attrs[0]));
	for (size_t i = 0; i < request->num_attrs; i++)
		kernel_takes(&request->attrs[i]);
	return w.kernel_result;
}

static bool fake_is_uverbs(void *context, int fd, dev_t *out)
{
	(void)context;
	(void)fd;
	*out = RDEV;
	return !w.not_uverbs;
}

static bool fake_capabilities(void *context, const struct target *target)
{
	(void)context;
	(void)target;
	return w.same_capabilities;
}

static void fake_say(void *context, const char *line)
{
	(void)context;
	cr_expect_eq(strncmp(line, "rdmasec: refused", 16), 0);
	w.said++;
}

static uint32_t fake_driver_of(void *context, dev_t rdev)
{
	(void)context;
	return rdev == RDEV ? w.driver : 0;
}

static void fake_driver_is(void *context, dev_t rdev, uint32_t driver_id)
{
	(void)context;
	cr_expect_eq(rdev, RDEV);
	w.driver = driver_id;
}

static const struct surroundings around = { .ask = fake_ask,
					    .done = fake_done,
					    .kernel = fake_kernel,
					    .is_uverbs = fake_is_uverbs,
					    .same_capabilities = fake_capabilities,
					    .say = fake_say,
					    .driver_of = fake_driver_of,
					    .driver_is = fake_driver_is };

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static struct outcome verbs(void)
{
	int before = open_fds();
	struct outcome outcome = call_verbs(&around, &program, NUMBER, w.request.part[0].address);

	/* of a call that the program makes itself, the engine checks the file afterwards, whatever the number names */
	cr_expect_eq(outcome.kind == OUTCOME_CONTINUES, outcome.fd >= 0);
	if (outcome.fd >= 0)
		close(outcome.fd);
	cr_expect_eq(open_fds(), before, "no fd is left open");
	return outcome;
}

/* MODIFY_QP with an address, whose first octet is `first`. */
static uint8_t *modify(uint8_t first)
{
	uint8_t *in;

	begin_write(&w.request, RDMA_DRIVER_RXE, IB_USER_VERBS_CMD_MODIFY_QP);
	in = add_pointer(&w.request, UVERBS_ATTR_CORE_IN, sizeof(struct ib_uverbs_modify_qp));
	put8(in, MODIFY_DGID, first);
	put32(in, MODIFY_HANDLE, 17);
	put32(in, MODIFY_MASK, AV);
	return in;
}

/* ---- tests ---- */

Test(supervisor_call, executes_copy_that_engine_saw)
{
	struct outcome outcome;

	modify(0x20);
	w.hostile = true;
	outcome = verbs();
	cr_expect(outcome.kind == OUTCOME_RETURNS && outcome.result == 0);
	cr_expect(w.asked == 1 && w.asked_number == NUMBER && w.called == 1 && w.done == 1);
	cr_expect_eq(w.core_in_len, sizeof(struct ib_uverbs_modify_qp));
	cr_expect_eq(w.core_in[MODIFY_DGID], 0x20, "the kernel gets the copy");
	cr_expect_eq(w.driver, RDMA_DRIVER_RXE);
}

Test(supervisor_call, does_not_execute_refused_command)
{
	struct outcome outcome;

	modify(0x20);
	w.ask_err = -EPERM;
	outcome = verbs();
	cr_expect(outcome.kind == OUTCOME_RETURNS && outcome.result == -EPERM);
	cr_expect(w.asked == 1 && w.called == 0 && w.done == 0 && w.written == 0);
}

Test(supervisor_call, does_nothing_for_ended_program)
{
	struct outcome outcome;

	modify(0x20);
	w.gone_before_kernel = true;
	outcome = verbs();
	cr_expect_eq(outcome.kind, OUTCOME_GONE);
	cr_expect(w.called == 0 && w.done == 1 && w.done_with_reply == 0, "the engine hears that nothing came of it");
	w.gone = true;
	outcome = verbs();
	cr_expect_eq(outcome.kind, OUTCOME_GONE);
}

Test(supervisor_call, returns_answers_to_program)
{
	struct ib_uverbs_attr *attrs =
		(struct ib_uverbs_attr *)(w.request.part[0].bytes + sizeof(struct ib_uverbs_ioctl_hdr));
	uint8_t *in, *out;
	struct outcome outcome;

	begin_write(&w.request, RDMA_DRIVER_RXE, IB_USER_VERBS_CMD_CREATE_AH);
	in = add_pointer(&w.request, UVERBS_ATTR_CORE_IN, sizeof(struct ib_uverbs_create_ah));
	out = add_pointer(&w.request, UVERBS_ATTR_CORE_OUT, sizeof(struct ib_uverbs_create_ah_resp));
	put8(in, 54, 1);
	put32(w.core_out, 0, 0x31);
	outcome = verbs();
	cr_expect(outcome.kind == OUTCOME_RETURNS && outcome.result == 0);
	cr_expect_eq(out[0], 0x31);
	cr_expect(attrs[2].flags & UVERBS_ATTR_F_VALID_OUTPUT);
	cr_expect_eq(attrs[2].data, w.request.part[2].address, "our addresses do not leak");
	cr_expect_eq(attrs[1].data, w.request.part[1].address);
	cr_expect(w.done_with_reply == 1 && w.question.handle == 0x31);
}

Test(supervisor_call, returns_errors_of_kernel)
{
	struct outcome outcome;

	modify(0x20);
	w.kernel_result = -EINVAL;
	outcome = verbs();
	cr_expect(outcome.kind == OUTCOME_RETURNS && outcome.result == -EINVAL && w.done == 1 &&
		  w.done_with_reply == 0);
	cr_expect_eq(w.driver, 0, "nothing is learnt from what failed");
}

Test(supervisor_call, creates_queue_pair_of_rxe)
{
	struct ib_uverbs_attr *attrs =
		(struct ib_uverbs_attr *)(w.request.part[0].bytes + sizeof(struct ib_uverbs_ioctl_hdr));
	struct outcome outcome;

	native_qp(&w.request);
	add_attr(&w.request, UVERBS_ATTR_CREATE_QP_EVENT_FD, 0, NUMBER + 1);
	add_pointer(&w.request, UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, 4);
	w.new_handle = 0x1234;
	outcome = verbs();
	cr_expect(outcome.kind == OUTCOME_RETURNS && outcome.result == 0 && w.asked == 1);
	cr_expect_eq(attrs[0].data, 0x1234);
	cr_expect_eq(w.fetched, 2, "the event fd has become one of ours");
	cr_expect_neq(w.attrs[2].data, NUMBER + 1);
	cr_expect_eq(attrs[2].data, NUMBER + 1, "and the program keeps its number");
	cr_expect(w.done_with_reply == 1 && w.question.handle == 0x1234);
}

Test(supervisor_call, leaves_queue_pair_that_pins_memory_to_program)
{
	struct outcome outcome;

	begin(&w.request, RDMA_DRIVER_MLX5, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE);
	add_attr(&w.request, UVERBS_ATTR_CREATE_QP_HANDLE, 0, 0);
	add_attr(&w.request, UVERBS_ATTR_CREATE_QP_TYPE, 8, IB_UVERBS_QPT_RC);
	outcome = verbs();
	cr_expect(outcome.kind == OUTCOME_CONTINUES && outcome.pass.socket == 1000 &&
		  outcome.command.kind == UVERBS_QP_CREATE);
	cr_expect(w.asked == 1 && w.called == 0);
	w.ask_err = -EPERM;
	memset(w.request.part[0].seen, 0, sizeof(w.request.part[0].seen));
	outcome = verbs();
	cr_expect(outcome.kind == OUTCOME_RETURNS && outcome.result == -EPERM, "but not if it is refused");
}

Test(supervisor_call, leaves_registration_of_memory_to_program)
{
	begin_write(&w.request, RDMA_DRIVER_RXE, IB_USER_VERBS_CMD_REG_MR);
	add_pointer(&w.request, UVERBS_ATTR_CORE_IN, sizeof(struct ib_uverbs_reg_mr));
	cr_expect_eq(verbs().kind, OUTCOME_CONTINUES);
	cr_expect(w.asked == 0 && w.called == 0);
}

Test(supervisor_call, refuses_verbs_on_other_files)
{
	struct outcome outcome;

	modify(0x20);
	w.not_uverbs = true;
	outcome = verbs();
	cr_expect(outcome.kind == OUTCOME_RETURNS && outcome.result == -ENOTTY && w.asked == 0 && w.called == 0);
	w.fetch_err = -EBADF;
	cr_expect_eq(verbs().result, -EBADF);
	w.fetch_err = -EPERM;
	cr_expect_eq(verbs().result, -EPERM);
	cr_expect_eq(w.said, 1, "why not is told");
}

Test(supervisor_call, refuses_malformed_calls)
{
	modify(0x20);
	header(&w.request)->length++;
	cr_expect_eq(verbs().result, -EINVAL);
	modify(0x20);
	header(&w.request)->num_attrs = 300;
	header(&w.request)->length = sizeof(struct ib_uverbs_ioctl_hdr) + 300 * sizeof(struct ib_uverbs_attr);
	cr_expect_eq(verbs().result, -EINVAL);
	cr_expect(w.asked == 0 && w.called == 0);
}

Test(supervisor_call, returns_efault_for_unmapped_memory)
{
	struct outcome outcome;

	for (int fail_at = 1; fail_at <= 3; fail_at++) {
		memset(&w, 0, sizeof(w));
		modify(0x20);
		w.request.fail_at = fail_at;
		outcome = verbs();
		cr_expect(outcome.kind == OUTCOME_RETURNS && outcome.result == -EFAULT, "read %d", fail_at);
		cr_expect(w.asked == 0 && w.called == 0);
	}
}

/* ib_uverbs_poll_cq() writes what was asked for, not what there is room for: into the supervisor's memory. */
Test(supervisor_call, refuses_completions_without_room)
{
	static const struct {
		uint16_t room;
		uint32_t asked;
		int result;
	} rows[] = {
		{ 8, 0, 0 },
		{ 8, 1, -ENOSPC },
		{ 8 + 47, 1, -ENOSPC },
		{ 8 + 48, 1, 0 },
		{ 8 + 2 * 48, 2, 0 },
		{ 8 + 2 * 48, 3, -ENOSPC },
		{ 8 + 48, UINT32_MAX, -ENOSPC },
		{ 8 + 48, 0x10000000, -ENOSPC }, /* times 48 it is 0 in 32 bits */
		{ 7, 0, -ENOSPC },
		{ 0, 1, -ENOSPC },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&w, 0, sizeof(w));
		begin_write(&w.request, RDMA_DRIVER_BNXT_RE, IB_USER_VERBS_CMD_POLL_CQ);
		put32(add_pointer(&w.request, UVERBS_ATTR_CORE_IN, sizeof(struct ib_uverbs_poll_cq)),
		      offsetof(struct ib_uverbs_poll_cq, ne), rows[i].asked);
		if (rows[i].room)
			add_pointer(&w.request, UVERBS_ATTR_CORE_OUT, rows[i].room);
		cr_expect_eq(verbs().result, rows[i].result, "row %zu", i);
		cr_expect_eq(w.called, rows[i].result == 0, "row %zu", i);
	}
}

Test(supervisor_call, refuses_answer_too_short_for_its_count)
{
	begin_write(&w.request, RDMA_DRIVER_BNXT_RE, IB_USER_VERBS_CMD_POLL_CQ);
	add_attr(&w.request, UVERBS_ATTR_CORE_IN, 8, 5);
	add_pointer(&w.request, UVERBS_ATTR_CORE_OUT, 8 + 48);
	cr_expect_eq(verbs().result, -ENOSPC, "too short to say how many");
	cr_expect_eq(w.called, 0);
}

/* Drivers that write their whole answer, whatever room the program has said there is (as mlx4 and ocrdma in 6.12). */
Test(supervisor_call, keeps_answers_of_drivers_in_copy)
{
	static const uint16_t rooms[] = { 0, 1, 8, 64 };

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		uint8_t *pd, untouched[PART_SIZE];

		memset(&w, 0, sizeof(w));
		begin_write(&w.request, RDMA_DRIVER_MLX4, IB_USER_VERBS_CMD_ALLOC_PD);
		add_pointer(&w.request, UVERBS_ATTR_UHW_OUT, rooms[i]);
		pd = add_pointer(&w.request, UVERBS_ATTR_CORE_IN, 16);
		put32(pd, 0, 0x77);
		w.overrun = 4096;
		memcpy(untouched, w.request.part[1].bytes, sizeof(untouched));
		cr_expect_eq(verbs().result, 0);
		cr_expect_eq(w.called, 1);
		cr_expect_neq(w.attrs[1].data, w.request.part[1].address,
			      "room %zu: the kernel gets a place in the copy", i);
		cr_expect_eq(w.core_in[0], 0x77, "the input lies before it");
		cr_expect_eq(memcmp(w.request.part[1].bytes + rooms[i], untouched + rooms[i], PART_SIZE - rooms[i]), 0,
			     "and the program gets what it has room for");
	}
}

/* siw would send the supervisor's memory (siw_try_1seg()), erdma believe its capabilities (alloc_db_resources()). */
Test(supervisor_call, program_makes_calls_that_depend_on_caller)
{
	static const struct {
		uint32_t driver;
		uint32_t write_command; /* UINT32_MAX: GET_CONTEXT */
		enum outcome_kind outcome;
	} rows[] = {
		{ RDMA_DRIVER_SIW, IB_USER_VERBS_CMD_POST_SEND, OUTCOME_CONTINUES },
		{ RDMA_DRIVER_RXE, IB_USER_VERBS_CMD_POST_SEND, OUTCOME_RETURNS },
		{ RDMA_DRIVER_SIW, IB_USER_VERBS_CMD_POST_RECV, OUTCOME_RETURNS },
		{ RDMA_DRIVER_ERDMA, UINT32_MAX, OUTCOME_CONTINUES },
		{ RDMA_DRIVER_EFA, UINT32_MAX, OUTCOME_RETURNS },
		{ RDMA_DRIVER_RXE, IB_USER_VERBS_CMD_MODIFY_SRQ, OUTCOME_CONTINUES },
		{ RDMA_DRIVER_RXE, IB_USER_VERBS_CMD_RESIZE_CQ, OUTCOME_CONTINUES },
		{ RDMA_DRIVER_MLX5, IB_USER_VERBS_CMD_OPEN_XRCD, OUTCOME_CONTINUES },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&w, 0, sizeof(w));
		if (rows[i].write_command == UINT32_MAX)
			begin(&w.request, rows[i].driver, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT);
		else
			begin_write(&w.request, rows[i].driver, rows[i].write_command);
		cr_expect_eq(verbs().kind, rows[i].outcome, "row %zu", i);
		cr_expect_eq(w.called, rows[i].outcome == OUTCOME_RETURNS, "row %zu", i);
	}
}

/* Attributes that are newer than the headers this is built with, as rdma-core sends them: mandatory. */
Test(supervisor_call, program_makes_calls_that_name_its_memory)
{
	static const struct {
		uint32_t driver;
		uint16_t object, method, attr, len;
	} rows[] = {
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE, 15, 32 },       /* BUF_UMEM */
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE, 17, 32 },       /* SQ_BUF_UMEM */
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE, 0x1002, 32 },   /* DBR_BUF_UMEM */
		{ RDMA_DRIVER_BNXT_RE, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE, 0x1002, 0 }, /* DBR_HANDLE */
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE, 16, 32 },
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_CREATE, 0x1002, 4 },  /* UAR_INDEX */
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_CREATE, 0x1003, 32 }, /* DBR_BUF_UMEM */
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_CREATE, 8, 8 },        /* BUFFER_VA */
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_CREATE, 10, 0 },       /* BUFFER_FD */
		{ RDMA_DRIVER_RXE, UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_CREATE, 12, 32 },      /* BUF_UMEM */
		{ RDMA_DRIVER_MLX5, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT, 2, 4 }, /* FD_ARR */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ib_uverbs_attr *attrs =
			(struct ib_uverbs_attr *)(w.request.part[0].bytes + sizeof(struct ib_uverbs_ioctl_hdr));

		memset(&w, 0, sizeof(w));
		begin(&w.request, rows[i].driver, rows[i].object, rows[i].method);
		add_attr(&w.request, rows[i].attr, rows[i].len, 0x123456789000);
		attrs[0].flags = UVERBS_ATTR_F_MANDATORY;
		if (rows[i].object == UVERBS_OBJECT_QP)
			add_attr(&w.request, UVERBS_ATTR_CREATE_QP_TYPE, 8, IB_UVERBS_QPT_RC);
		cr_expect_eq(verbs().kind, OUTCOME_CONTINUES, "row %zu", i);
		cr_expect_eq(w.called, 0, "row %zu", i);
		cr_expect_eq(w.asked, rows[i].object == UVERBS_OBJECT_QP, "row %zu", i);
	}
}

/* mlx5's answer to QUERY_CONTEXT has the number that UHW_IN has elsewhere: ibv_import_device() needs it. */
Test(supervisor_call, answers_query_of_context)
{
	uint8_t *out;

	begin(&w.request, RDMA_DRIVER_MLX5, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_CONTEXT);
	out = add_pointer(&w.request, MLX5_IB_ATTR_QUERY_CONTEXT_RESP_UCTX, 64);
	w.answered = MLX5_IB_ATTR_QUERY_CONTEXT_RESP_UCTX;
	cr_expect_eq(verbs().result, 0);
	cr_expect_eq(out[63], HOSTILE);
}

/* The command's answer would be lost after it was carried out. */
Test(supervisor_call, refuses_call_without_room_for_answer)
{
	begin_write(&w.request, RDMA_DRIVER_RXE, IB_USER_VERBS_CMD_ALLOC_PD);
	add_attr(&w.request, UVERBS_ATTR_CORE_OUT, 8, 0xdead0000);
	cr_expect_eq(verbs().result, -EFAULT);
	cr_expect_eq(w.called, 0);
}

Test(supervisor_call, refuses_unknown_attributes)
{
	modify(0x20);
	add_attr(&w.request, 29, 64, 0x123456789000);
	cr_expect_eq(verbs().result, 0);
	cr_expect(w.attrs[2].attr_id != 29 && w.attrs[2].data == 0 && w.attrs[2].len == 0, "its pointer is not ours");
	memset(&w, 0, sizeof(w));
	modify(0x20);
	add_attr(&w.request, 29, 64, 0x123456789000);
	((struct ib_uverbs_attr *)(w.request.part[0].bytes + sizeof(struct ib_uverbs_ioctl_hdr)))[2].flags =
		UVERBS_ATTR_F_MANDATORY;
	cr_expect_eq(verbs().result, -EPROTONOSUPPORT);
	cr_expect_eq(w.called, 0);
}

/* A Q_Key with the highest bit takes CAP_NET_RAW, which the supervisor may have and the program not. */
Test(supervisor_call, refuses_capability_that_program_lacks)
{
	uint8_t *in = modify(0x20);

	put32(in, MODIFY_MASK, AV | QKEY);
	put32(in, offsetof(struct ib_uverbs_modify_qp, qkey), UINT32_C(1) << 31);
	cr_expect_eq(verbs().result, -EPERM);
	cr_expect(w.called == 0 && w.said == 1);
	memset(&w, 0, sizeof(w));
	in = modify(0x20);
	put32(in, MODIFY_MASK, AV | QKEY);
	put32(in, offsetof(struct ib_uverbs_modify_qp, qkey), UINT32_C(1) << 31);
	w.same_capabilities = true;
	cr_expect_eq(verbs().result, 0);
	cr_expect_eq(w.called, 1);
}

static struct outcome creates_queue_pair(uint64_t type)
{
	memset(&w, 0, sizeof(w));
	begin(&w.request, RDMA_DRIVER_RXE, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE);
	add_attr(&w.request, UVERBS_ATTR_CREATE_QP_HANDLE, 0, 0);
	add_attr(&w.request, UVERBS_ATTR_CREATE_QP_TYPE, 8, type);
	return verbs();
}

/* create_qp() in uverbs_cmd.c asks for CAP_NET_RAW; software RoCE makes none, so no scenario can. */
Test(supervisor_call, refuses_raw_packets_to_program_without_capability)
{
	struct outcome outcome = creates_queue_pair(IB_UVERBS_QPT_RAW_PACKET);

	cr_expect(outcome.kind == OUTCOME_RETURNS && outcome.result == -EPERM);
	cr_expect(w.called == 0 && w.said == 1 && w.done == 1);
	cr_expect_eq(creates_queue_pair(IB_UVERBS_QPT_DRIVER).result, -EPERM);
	cr_expect_eq(w.called, 0);
	cr_expect_eq(creates_queue_pair(IB_UVERBS_QPT_UD).result, 0, "control");
	cr_expect_eq(w.called, 1);
}

Test(supervisor_call, puts_event_channel_into_program)
{
	struct ib_uverbs_attr *attrs =
		(struct ib_uverbs_attr *)(w.request.part[0].bytes + sizeof(struct ib_uverbs_ioctl_hdr));
	int fd = open("/dev/null", O_RDONLY);

	begin(&w.request, RDMA_DRIVER_RXE, UVERBS_OBJECT_ASYNC_EVENT, UVERBS_METHOD_ASYNC_EVENT_ALLOC);
	add_attr(&w.request, UVERBS_ATTR_ASYNC_EVENT_ALLOC_FD_HANDLE, 0, (uint64_t)fd); /* as if the kernel wrote it */
	w.put_number = 42;
	cr_expect_eq(call_verbs(&around, &program, NUMBER, w.request.part[0].address).result, 0);
	cr_expect(w.put == 1 && attrs[0].data == 42);
	cr_expect_eq(fcntl(fd, F_GETFD), -1, "ours is closed");
}

/* Attributes that no method has come first, so that the new fd is at a position of the program's choice. */
static int new_fd_at_position(int position, int kernel_result)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), left_open;

	memset(&w, 0, sizeof(w));
	begin(&w.request, RDMA_DRIVER_RXE, UVERBS_OBJECT_ASYNC_EVENT, UVERBS_METHOD_ASYNC_EVENT_ALLOC);
	for (int i = 0; i < position; i++)
		add_attr(&w.request, (uint16_t)(0x0100 + i), 0, 0);
	add_attr(&w.request, UVERBS_ATTR_ASYNC_EVENT_ALLOC_FD_HANDLE, 0, (uint64_t)fd);
	w.put_number = 42;
	w.kernel_result = kernel_result;
	cr_expect_eq(call_verbs(&around, &program, NUMBER, w.request.part[0].address).result, kernel_result);
	left_open = fcntl(fd, F_GETFD) >= 0;
	if (left_open)
		close(fd);
	return left_open;
}

Test(supervisor_call, closes_new_fd_at_every_position)
{
	static const int positions[] = { 0, 1, 31, 32, 63, 64, 65, 127, 128, 191, 192, 253 };

	for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
		cr_expect_not(new_fd_at_position(positions[i], 0), "position %d", positions[i]);
		cr_expect_eq(w.put, 1, "position %d: the program gets it", positions[i]);
		cr_expect(new_fd_at_position(positions[i], -EMFILE), "position %d: the kernel made none", positions[i]);
		cr_expect_eq(w.put, 0);
	}
}

Test(supervisor_call, takes_fd_at_every_position)
{
	for (int position = 0; position < 250; position += 10) {
		memset(&w, 0, sizeof(w));
		native_qp(&w.request);
		for (int i = 0; i < position; i++)
			add_attr(&w.request, (uint16_t)(0x0100 + i), 0, 0);
		add_attr(&w.request, UVERBS_ATTR_CREATE_QP_EVENT_FD, 0, NUMBER + 1);
		cr_expect_eq(verbs().result, 0, "position %d", position);
		cr_expect_eq(w.fetched, 2, "position %d", position);
		cr_expect_neq(w.attrs[2 + position].data, NUMBER + 1, "position %d", position);
	}
}

Test(supervisor_call, refuses_more_attributes_than_a_page_holds)
{
	modify(0x20);
	for (int i = 0; i < 253; i++)
		add_attr(&w.request, (uint16_t)(0x0100 + i), 0, 0);
	cr_expect_eq(verbs().result, -EINVAL);
	cr_expect_eq(w.called, 0);
}

/* ---- the doorbell ---- */

static void bell(uint32_t command, uint16_t in_words, uint32_t requests)
{
	begin(&w.request, 0, 0, 0);
	w.request.part[0].len = SUPERVISOR_DOORBELL_SIZE;
	memset(w.request.part[0].bytes, 0, SUPERVISOR_DOORBELL_SIZE);
	put32(w.request.part[0].bytes, 0, command);
	put32(w.request.part[0].bytes, 4, in_words | 1U << 16);
	w.request.parts = 2;
	w.request.part[1].address = 0x7000beef0000;
	w.request.part[1].len = 4;
	memcpy(w.request.part[0].bytes + 8, &w.request.part[1].address, 8);
	put32(w.request.part[0].bytes, 16, 5);
	put32(w.request.part[0].bytes, 20, requests);
}

static struct outcome ring(void)
{
	return call_doorbell(&around, &program, NUMBER, w.request.part[0].address);
}

Test(supervisor_call, rings_doorbell)
{
	struct ib_uverbs_post_send *post = (struct ib_uverbs_post_send *)w.core_in;

	bell(IB_USER_VERBS_CMD_POST_SEND, 8, 0);
	w.driver = RDMA_DRIVER_RXE;
	cr_expect_eq(ring().result, SUPERVISOR_DOORBELL_SIZE);
	cr_expect(w.called == 1 && w.core_in_len == sizeof(*post) && post->qp_handle == 5);
	cr_expect(w.driver_id == RDMA_DRIVER_RXE && w.attrs[2].data == IB_USER_VERBS_CMD_POST_SEND);
}

Test(supervisor_call, rings_no_doorbell_of_siw)
{
	bell(IB_USER_VERBS_CMD_POST_SEND, 8, 0);
	w.driver = RDMA_DRIVER_SIW;
	cr_expect_eq(ring().result, -EACCES);
	cr_expect(w.called == 0 && w.said == 1);
}

Test(supervisor_call, refuses_other_writes)
{
	static const struct {
		uint32_t command;
		uint16_t in_words;
		uint32_t requests, driver;
	} rows[] = {
		{ IB_USER_VERBS_CMD_MODIFY_QP, 8, 0, RDMA_DRIVER_RXE },
		{ IB_USER_VERBS_CMD_POST_SEND | IB_USER_VERBS_CMD_FLAG_EXTENDED, 8, 0, RDMA_DRIVER_RXE },
		{ IB_USER_VERBS_CMD_POST_SEND, 9, 0, RDMA_DRIVER_RXE },
		{ IB_USER_VERBS_CMD_POST_SEND, 8, 1, RDMA_DRIVER_RXE },
		{ IB_USER_VERBS_CMD_POST_SEND, 8, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&w, 0, sizeof(w));
		bell(rows[i].command, rows[i].in_words, rows[i].requests);
		w.driver = rows[i].driver;
		cr_expect_eq(ring().result, -EACCES, "row %zu", i);
		cr_expect_eq(w.called, 0);
	}
}

Test(supervisor_call, leaves_writes_to_other_files_to_program)
{
	bell(IB_USER_VERBS_CMD_POST_SEND, 8, 0);
	w.not_uverbs = true;
	cr_expect_eq(ring().kind, OUTCOME_CONTINUES);
	w.fetch_err = -EBADF;
	cr_expect_eq(ring().kind, OUTCOME_CONTINUES, "EBADF is the kernel's to say");
	cr_expect_eq(w.called, 0);
}
