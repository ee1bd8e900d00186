// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* One uverbs ioctl: decodes it, asks the engine, refuses it or passes it on, and reports the result. */
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
 * If a kernel or a sandbox does not accept verbs by ioctl, libibverbs falls back to write() (cmd_ioctl.c,
 * has_ioctl_write()), which bypasses the door. Present kernels accept INVOKE_WRITE on every uverbs fd, so this function
 * turns that answer into a refusal.
 */
static int answer(const struct uverbs_command *command, int result)
{
	static atomic_bool said;
	bool invoke_write =
		command->object_id == UVERBS_OBJECT_DEVICE && command->method_id == UVERBS_METHOD_INVOKE_WRITE;

	if (result != -1 || !(errno == ENOTTY || (errno == EPROTONOSUPPORT && invoke_write)))
		return result;
	if (!atomic_exchange(&said, true))
		door_say("rdmasec: refused (reason=door-write): verbs do not work by ioctl() here, and verbs by "
			 "write() cannot be checked");
	errno = EPERM;
	return -1;
}

static int options_before(int fd, const struct uverbs_command *command, struct want *want,
			  struct qp_options_change *change)
{
	int err = qp_options_before(fd, command, want, change);

	if (err == -EPERM)
		door_say("rdmasec: refused create_ah (reason=door-shared-ah): the application requires MACsec for one "
			 "of its queue pairs and "
			 "IPsec for "
			 "another, and the address handle may serve both");
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
