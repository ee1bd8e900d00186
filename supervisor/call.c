// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What becomes of one verbs ioctl: copied, judged, and carried out from the copy. */
#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <string.h>
#include <unistd.h>

#include "supervisor_internal.h"
#include "util/fd_socket.h"
#include "uverbs/call.h"

struct fate fate_returns(int64_t result)
{
	return (struct fate){ .kind = result == -ESRCH ? FATE_GONE : FATE_RETURNS,
			      .result = result,
			      .fd = -1,
			      .pass = { .socket = -1 } };
}

struct fate fate_continues(void)
{
	return (struct fate){ .kind = FATE_CONTINUES, .fd = -1, .pass = { .socket = -1 } };
}

/* What the copy has no part of, because only the program itself can have it done, is looked at where it lies. */
static int decode(const struct target *target, struct snapshot *snapshot, enum uverbs_phase phase,
		  struct uverbs_command *out)
{
	const struct uverbs_memory theirs = { .read = target->read, .context = target->context };
	struct uverbs_memory ours = snapshot_memory(snapshot);

	if (!snapshot->schema)
		return uverbs_decode(&theirs, snapshot->address, phase, out);
	return uverbs_decode(&ours, (uintptr_t)snapshot->request, phase, out);
}

/* The answer as uverbs_decode() finds it, in the copy. */
static bool decode_reply(const struct target *target, struct snapshot *snapshot, int64_t result,
			 struct uverbs_command *reply)
{
	return result >= 0 && !decode(target, snapshot, UVERBS_REPLY, reply);
}

/*
 * Not asked for again: with WAIT_KILLABLE_RECV only its death takes the program away from here. Where a signal can, it
 * asks anew, and what was made for the first question stays with the open file until that is closed.
 */
static struct fate carry_out(const struct surroundings *around, const struct target *target, int fd, dev_t rdev,
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
		snapshot_drop_fds(snapshot);
		return fate_returns(result);
	}
	if (result >= 0)
		around->driver_is(around->context, rdev, snapshot->request->driver_id);
	/* before the program can go on */
	told = decode_reply(target, snapshot, result, &reply);
	around->done(around->context, pass, told ? &reply : NULL);
	err = snapshot_give_back(target, snapshot, result >= 0);
	snapshot_drop_fds(snapshot);
	return fate_returns(err ? err : result);
}

static struct fate refuse_capability(const struct surroundings *around)
{
	around->say(around->context, "rdmasec: refused: the kernel would ask for a capability that the supervisor has "
				     "and the program has not");
	return fate_returns(-EPERM);
}

static struct fate judge_and_act(const struct surroundings *around, const struct target *target, int number, int fd,
				 dev_t rdev, struct snapshot *snapshot)
{
	struct engine_pass pass = { .socket = -1 };
	struct uverbs_command command;
	struct fate fate;
	int err = decode(target, snapshot, UVERBS_REQUEST, &command);

	if (!err && uverbs_is_judged(&command))
		err = around->ask(around->context, target, number, fd, &command, &pass);
	if (err)
		return fate_returns(err);
	if (!schema_is_ours(snapshot->request, &command)) {
		fate = fate_continues();
		fate.pass = pass;
		fate.command = command;
		return fate;
	}
	if (!schema_answer_fits(snapshot->request, &command)) {
		around->done(around->context, &pass, NULL);
		return fate_returns(-ENOSPC);
	}
	if (schema_asks_capability(snapshot->request, &command) &&
	    !around->same_capabilities(around->context, target)) {
		around->done(around->context, &pass, NULL);
		return refuse_capability(around);
	}
	return carry_out(around, target, fd, rdev, snapshot, &pass);
}

static struct fate verbs_on(const struct surroundings *around, const struct target *target, int number, int fd,
			    uint64_t address)
{
	struct snapshot snapshot;
	struct fate fate;
	dev_t rdev;
	int err;

	/* no other file has this ioctl, and another one may be put in its place while we look */
	if (!around->is_uverbs(around->context, fd, &rdev))
		return fate_returns(-ENOTTY);
	err = snapshot_take(target, address, &snapshot);
	if (err)
		return fate_returns(err);
	fate = judge_and_act(around, target, number, fd, rdev, &snapshot);
	snapshot_free(&snapshot);
	return fate;
}

static struct fate unreachable(const struct surroundings *around, int err)
{
	if (err == -EBADF || err == -ESRCH)
		return fate_returns(err);
	around->say(around->context, "rdmasec: refused: the supervisor may not take file descriptors from the program "
				     "(kernel.yama.ptrace_scope?)");
	return fate_returns(-EPERM);
}

struct fate call_verbs(const struct surroundings *around, const struct target *target, int number, uint64_t address)
{
	struct fate fate;
	int fd, err = target->fetch_fd(target->context, number, &fd);

	if (err)
		return unreachable(around, err);
	fate = verbs_on(around, target, number, fd, address);
	fd_let_go(fd);
	return fate;
}

/* ---- the doorbell ---- */

struct doorbell {
	uint32_t command;
	uint16_t in_words, out_words;
	struct ib_uverbs_post_send post;
};

_Static_assert(sizeof(struct doorbell) == SUPERVISOR_DOORBELL_SIZE, "the message of a doorbell");

/* As ib_uverbs_write() would take it, and nothing but a doorbell: the requests themselves lie in the queue. */
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

/* siw would send what lies in our memory: schema.c, needs_its_caller(). */
static struct fate refuse_siw(const struct surroundings *around)
{
	around->say(around->context,
		    "rdmasec: refused: siw sends from the memory of whoever rings its doorbell, which a "
		    "supervisor cannot do for the program");
	return fate_returns(-EACCES);
}

/* Everything else by write() is refused as the kernel does it (ib_safe_file_access()): EACCES. */
static struct fate doorbell_on(const struct surroundings *around, const struct target *target, int fd, dev_t rdev,
			       uint64_t address)
{
	struct ib_uverbs_post_send_resp resp = { 0 };
	uint32_t driver_id = around->driver_of(around->context, rdev);
	struct doorbell bell;
	int64_t result;
	int err = target->read(target->context, address, &bell, sizeof(bell));

	if (err)
		return fate_returns(err);
	if (!driver_id || !is_doorbell(&bell))
		return fate_returns(-EACCES);
	if (driver_id == RDMA_DRIVER_SIW)
		return refuse_siw(around);
	if (!target->waits(target->context))
		return fate_returns(-ESRCH);
	result = ring(around, fd, driver_id, &bell, &resp);
	if (result < 0)
		return fate_returns(result);
	err = target->write(target->context, bell.post.response, &resp, sizeof(resp));
	return fate_returns(err ? err : SUPERVISOR_DOORBELL_SIZE);
}

struct fate call_doorbell(const struct surroundings *around, const struct target *target, int number, uint64_t address)
{
	struct fate fate;
	dev_t rdev;
	int fd, err = target->fetch_fd(target->context, number, &fd);

	/* if a uverbs fd takes its place meanwhile, the kernel refuses write() on it */
	if (err)
		return err == -ESRCH ? fate_returns(err) : fate_continues();
	fate = around->is_uverbs(around->context, fd, &rdev) ? doorbell_on(around, target, fd, rdev, address)
							     : fate_continues();
	fd_let_go(fd);
	return fate;
}
