// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* One uverbs ioctl: decoded, put to the engine, refused or let pass, and what came of it told. */
#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <stdatomic.h>

#include "door.h"
#include "qp_options.h"

static int read_own_memory(void *context, uint64_t address, void *buffer, size_t len)
{
	(void)context;
	return door_read(address, buffer, len);
}

static const struct uverbs_memory memory = { .read = read_own_memory };

/*
 * libibverbs falls back to write() where a kernel, or a sandbox, does not take verbs by ioctl (cmd_ioctl.c,
 * has_ioctl_write()), and what goes by write() does not come through here. A kernel of these days takes INVOKE_WRITE on
 * every uverbs fd, so that answer is turned into a refusal.
 */
static int answer(const struct uverbs_command *command, int result)
{
	static atomic_bool said;
	bool invoke_write =
		command->object_id == UVERBS_OBJECT_DEVICE && command->method_id == UVERBS_METHOD_INVOKE_WRITE;

	if (result != -1 || !(errno == ENOTTY || (errno == EPROTONOSUPPORT && invoke_write)))
		return result;
	if (!atomic_exchange(&said, true))
		door_say("rdmasec: refused: verbs do not go by ioctl() here, and what goes by write() is not guarded");
	errno = EPERM;
	return -1;
}

static int options_before(int fd, const struct uverbs_command *command, struct want *want,
			  struct qp_options_change *change)
{
	int err = qp_options_before(fd, command, want, change);

	if (err == -EPERM)
		door_say("rdmasec: refused create_ah: it may serve a queue pair for which the application asks for "
			 "MACsec, and one for which it asks for IPsec");
	return err;
}

static int judge(int fd, const struct uverbs_command *command, struct qp_options_change *change,
		 struct engine_pass *pass)
{
	struct request request = request_from_command(command);
	int err = options_before(fd, command, &request.want, change);

	if (err || !uverbs_is_judged(command))
		return err;
	err = engine_ask(door_engine(), fd, &request, pass);
	if (err)
		qp_options_after(fd, change, NULL);
	return err;
}

int door_verbs(int fd, void *arg)
{
	struct engine_pass pass = { .socket = -1 };
	struct uverbs_command command, reply;
	struct qp_options_change change = { 0 };
	int saved = errno, err;
	bool done;

	err = uverbs_decode(&memory, (uintptr_t)arg, UVERBS_REQUEST, &command);
	if (!err)
		err = judge(fd, &command, &change, &pass);
	if (err) {
		errno = -err;
		return -1;
	}
	errno = saved;
	err = answer(&command, door_ops()->next(fd, RDMA_VERBS_IOCTL, arg));
	if (command.kind == UVERBS_NOTHING)
		return err;
	done = !err && !uverbs_decode(&memory, (uintptr_t)arg, UVERBS_REPLY, &reply);
	qp_options_after(fd, &change, done ? &reply : NULL);
	if (pass.socket >= 0)
		engine_done(&pass, done ? &reply : NULL);
	return err;
}
