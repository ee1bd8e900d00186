// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* One verbs ioctl: copied, decided on by the engine, and carried out from the copy. */
#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <string.h>
#include <unistd.h>

#include "supervisor_internal.h"
#include "util/fd_socket.h"
#include "uverbs/call.h"

struct outcome outcome_returns(int64_t result)
{
	return (struct outcome){ .kind = result == -ESRCH ? OUTCOME_GONE : OUTCOME_RETURNS,
				 .result = result,
				 .fd = -1,
				 .pass = { .socket = -1 } };
}

struct outcome outcome_continues(void)
{
	return (struct outcome){ .kind = OUTCOME_CONTINUES, .fd = -1, .pass = { .socket = -1 } };
}

/* Without a schema the copy is not complete, and the request is decoded in the memory of the program. */
static int decode(const struct target *target, struct snapshot *snapshot, enum uverbs_phase phase,
		  struct uverbs_command *out)
{
	const struct uverbs_memory in_program = { .read = target->read, .context = target->context };
	struct uverbs_memory in_copy = snapshot_memory(snapshot);

	if (!snapshot->schema)
		return uverbs_decode(&in_program, snapshot->address, phase, out);
	return uverbs_decode(&in_copy, (uintptr_t)snapshot->request, phase, out);
}

/* Decodes the kernel's answer in the copy. */
static bool decode_reply(const struct target *target, struct snapshot *snapshot, int64_t result,
			 struct uverbs_command *reply)
{
	return result >= 0 && !decode(target, snapshot, UVERBS_REPLY, reply);
}

/*
 * With WAIT_KILLABLE_RECV only death interrupts the waiting thread. On older kernels a signal can, and the thread then
 * repeats its call: an object that the first call created stays with the open file until that is closed.
 */
static struct outcome carry_out(const struct surroundings *around, const struct target *target, int fd, dev_t rdev,
				struct snapshot *snapshot, const struct engine_pass *pass)
{
	struct uverbs_command reply;
	int64_t result;
	int err = snapshot_take_fds(target, snapshot);
	bool told;

	if (!err && !target->waits(target->context))
		err = -ESRCH;
	result = err ? err : around->kernel(around->context, fd, snapshot->request);
	if (err) {
		around->done(around->context, pass, NULL);
		snapshot_close_fds(snapshot);
		return outcome_returns(result);
	}
	if (result >= 0)
		around->driver_is(around->context, rdev, snapshot->request->driver_id);
	/* before the program can go on */
	told = decode_reply(target, snapshot, result, &reply);
	around->done(around->context, pass, told ? &reply : NULL);
	err = snapshot_write_back(target, snapshot, result >= 0);
	snapshot_close_fds(snapshot);
	return outcome_returns(err ? err : result);
}

static struct outcome refuse_capability(const struct surroundings *around)
{
	around->say(around->context, "rdmasec: refused (reason=supervisor-capability): the command needs a capability "
				     "that the program lacks");
	return outcome_returns(-EPERM);
}

static struct outcome judge_and_act(const struct surroundings *around, const struct target *target, int number, int fd,
				    dev_t rdev, struct snapshot *snapshot)
{
	struct engine_pass pass = { .socket = -1 };
	struct uverbs_command command;
	struct outcome outcome;
	int err = decode(target, snapshot, UVERBS_REQUEST, &command);

	if (!err && uverbs_is_judged(&command))
		err = around->ask(around->context, target, number, fd, &command, &pass);
	if (err)
		return outcome_returns(err);
	if (!schema_can_carry_out(snapshot->request, &command)) {
		outcome = outcome_continues();
		outcome.pass = pass;
		outcome.command = command;
		return outcome;
	}
	if (!schema_answer_fits(snapshot->request, &command)) {
		around->done(around->context, &pass, NULL);
		return outcome_returns(-ENOSPC);
	}
	if (schema_asks_capability(snapshot->request, &command) &&
	    !around->same_capabilities(around->context, target)) {
		around->done(around->context, &pass, NULL);
		return refuse_capability(around);
	}
	return carry_out(around, target, fd, rdev, snapshot, &pass);
}

static struct outcome verbs_on(const struct surroundings *around, const struct target *target, int number, int fd,
			       uint64_t address)
{
	struct snapshot snapshot;
	struct outcome outcome;
	dev_t rdev;
	int err;

	/* no other file has this ioctl; the program may replace the fd now, but not this duplicate */
	if (!around->is_uverbs(around->context, fd, &rdev))
		return outcome_returns(-ENOTTY);
	err = snapshot_take(target, address, &snapshot);
	if (err)
		return outcome_returns(err);
	outcome = judge_and_act(around, target, number, fd, rdev, &snapshot);
	snapshot_free(&snapshot);
	return outcome;
}

static struct outcome unreachable(const struct surroundings *around, int err)
{
	if (err == -EBADF || err == -ESRCH)
		return outcome_returns(err);
	around->say(around->context, "rdmasec: refused (reason=supervisor-ptrace): the supervisor cannot take file "
				     "descriptors from the program: "
				     "check 'sysctl kernel.yama.ptrace_scope'");
	return outcome_returns(-EPERM);
}

struct outcome call_verbs(const struct surroundings *around, const struct target *target, int number, uint64_t address)
{
	struct outcome outcome;
	int fd, err = target->fetch_fd(target->context, number, &fd);

	if (err)
		return unreachable(around, err);
	outcome = verbs_on(around, target, number, fd, address);
	if (outcome.kind == OUTCOME_CONTINUES)
		outcome.fd = fd;
	else
		fd_let_go(fd);
	return outcome;
}

/* ---- the doorbell ---- */

struct doorbell {
	uint32_t command;
	uint16_t in_words, out_words;
	struct ib_uverbs_post_send post;
};

_Static_assert(sizeof(struct doorbell) == SUPERVISOR_DOORBELL_SIZE, "the message of a doorbell");

/* Valid for ib_uverbs_write(), and only a doorbell: the work requests are in the queue. */
static bool is_doorbell(const struct doorbell *bell)
{
	return bell->command == IB_USER_VERBS_CMD_POST_SEND && bell->in_words * 4U == sizeof(*bell) &&
	       bell->out_words * 4U >= sizeof(struct ib_uverbs_post_send_resp) && !bell->post.wr_count &&
	       !bell->post.sge_count;
}

static int64_t ring(const struct surroundings *around, int fd, uint32_t driver_id, const struct doorbell *bell,
		    struct ib_uverbs_post_send_resp *resp)
{
	struct uverbs_call call;

	uverbs_call_write_command(&call, driver_id, IB_USER_VERBS_CMD_POST_SEND, &bell->post, sizeof(bell->post), resp,
				  sizeof(*resp));
	return around->kernel(around->context, fd, &call.header);
}

/* siw would send from the supervisor's memory: needs_caller() in schema.c. */
static struct outcome refuse_siw(const struct surroundings *around)
{
	around->say(around->context, "rdmasec: refused (reason=siw-doorbell): siw sends from the memory of the process "
				     "that rings its doorbell, so a supervisor "
				     "cannot ring it for the program");
	return outcome_returns(-EACCES);
}

/* Refuses every other write() as the kernel does (ib_safe_file_access()): EACCES. */
static struct outcome doorbell_on(const struct surroundings *around, const struct target *target, int fd, dev_t rdev,
				  uint64_t address)
{
	struct ib_uverbs_post_send_resp resp = { 0 };
	uint32_t driver_id = around->driver_of(around->context, rdev);
	struct doorbell bell;
	int64_t result;
	int err = target->read(target->context, address, &bell, sizeof(bell));

	if (err)
		return outcome_returns(err);
	if (!driver_id || !is_doorbell(&bell))
		return outcome_returns(-EACCES);
	if (driver_id == RDMA_DRIVER_SIW)
		return refuse_siw(around);
	if (!target->waits(target->context))
		return outcome_returns(-ESRCH);
	result = ring(around, fd, driver_id, &bell, &resp);
	if (result < 0)
		return outcome_returns(result);
	err = target->write(target->context, bell.post.response, &resp, sizeof(resp));
	return outcome_returns(err ? err : SUPERVISOR_DOORBELL_SIZE);
}

struct outcome call_doorbell(const struct surroundings *around, const struct target *target, int number,
			     uint64_t address)
{
	struct outcome outcome;
	dev_t rdev;
	int fd, err = target->fetch_fd(target->context, number, &fd);

	/* if the program puts a uverbs fd in its place, the kernel refuses write() on that */
	if (err)
		return err == -ESRCH ? outcome_returns(err) : outcome_continues();
	outcome = around->is_uverbs(around->context, fd, &rdev) ? doorbell_on(around, target, fd, rdev, address)
								: outcome_continues();
	fd_let_go(fd);
	return outcome;
}
