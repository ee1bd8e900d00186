// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Answers one notification, in the real surroundings: engine, kernel and devices. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "place.h"
#include "process/process.h"
#include "process/same_file.h"
#include "serve.h"
#include "util/clock.h"
#include "util/fd_socket.h"
#include "util/small_file.h"

/* How long a call that the program makes itself is watched. The kernel tells nothing of a running thread. */
enum { GOES_ON_MAX_MS = 60000, RUNS_MAX_MS = 1000, LOOK_EVERY_MAX_MS = 50 };

/* ---- surroundings ---- */

static void say(void *context, const char *line)
{
	const struct answering *answering = context;

	if (answering->options.say)
		answering->options.say(line, answering->options.arg);
}

static void say_for_engine(const char *line, void *arg)
{
	say(arg, line);
}

static int ask(void *context, const struct target *target, int number, int fd, const struct uverbs_command *command,
	       struct engine_pass *pass)
{
	struct answering *answering = context;
	struct engine_subject subject = { .fd = number, .say = say_for_engine, .arg = answering };
	struct request request = request_from_command(command);
	int err = notice_process(target->context);

	if (err)
		return err;
	subject.pid = target->pid;
	return engine_ask_for(&answering->engine, &subject, fd, &request, pass);
}

static void done(void *context, const struct engine_pass *pass, const struct uverbs_command *reply)
{
	(void)context;
	engine_done(pass, reply);
}

static int kernel(void *context, int fd, struct ib_uverbs_ioctl_hdr *request)
{
	int result = ioctl(fd, RDMA_VERBS_IOCTL, request);

	(void)context;
	return result < 0 ? -errno : result;
}

static bool is_uverbs(void *context, int fd, dev_t *out_rdev)
{
	(void)context;
	return !process_uverbs_rdev("/sys", fd, out_rdev);
}

static bool same_capabilities(void *context, const struct target *target)
{
	(void)context;
	return target_has_all_capabilities(target->tid);
}

static uint32_t driver_of(void *context, dev_t rdev)
{
	struct device_drivers *drivers = &((struct answering *)context)->drivers;
	uint32_t driver_id = 0;

	pthread_mutex_lock(&drivers->lock);
	for (size_t i = 0; i < drivers->count; i++)
		if (drivers->known[i].rdev == rdev)
			driver_id = drivers->known[i].driver_id;
	pthread_mutex_unlock(&drivers->lock);
	return driver_id;
}

/* A later device may have the number of one that was removed. */
static void driver_is(void *context, dev_t rdev, uint32_t driver_id)
{
	struct device_drivers *drivers = &((struct answering *)context)->drivers;
	size_t at = 0;

	pthread_mutex_lock(&drivers->lock);
	while (at < drivers->count && drivers->known[at].rdev != rdev)
		at++;
	if (at < DEVICES_MAX) {
		drivers->known[at].rdev = rdev;
		drivers->known[at].driver_id = driver_id;
		drivers->count += at == drivers->count;
	}
	pthread_mutex_unlock(&drivers->lock);
}

static enum supervisor_opening opening(void *context, dev_t rdev)
{
	const struct supervisor_options *options = &((struct answering *)context)->options;

	return options->opening ? options->opening(rdev, options->arg) : SUPERVISOR_OPENS_AS_PROGRAM;
}

static struct surroundings surroundings_of(struct answering *answering)
{
	return (struct surroundings){
		.ask = ask,
		.done = done,
		.kernel = kernel,
		.is_uverbs = is_uverbs,
		.same_capabilities = same_capabilities,
		.say = say,
		.opening = opening,
		.is_locked = answering->options.is_locked,
		.driver_of = driver_of,
		.driver_is = driver_is,
		.context = answering,
	};
}

/* ---- the calls ---- */

static struct outcome act(struct answering *answering, struct notice *notice)
{
	const struct surroundings around = surroundings_of(answering);
	const struct target *target = &notice->target;
	const __u64 *args = notice->data.args;
	struct open_call call = { .dirfd = AT_FDCWD };

	switch (notice->data.nr) {
	case SYS_ioctl:
		return call_verbs(&around, target, (int)args[0], args[2]);
	case SYS_write:
		return call_doorbell(&around, target, (int)args[0], args[1]);
	case SYS_openat:
		call.dirfd = (int)args[0];
		call.path = args[1];
		call.flags = (uint32_t)args[2];
		return call_open(&around, target, &call);
	case SYS_openat2:
		call.dirfd = (int)args[0];
		call.path = args[1];
		call.has_how = true;
		call.how = args[2];
		call.how_size = args[3];
		return call_open(&around, target, &call);
#ifdef SYS_open
	case SYS_open:
		call.path = args[0];
		call.flags = (uint32_t)args[1];
		return call_open(&around, target, &call);
#endif
#ifdef SYS_creat
	case SYS_creat:
		call.path = args[0];
		call.flags = O_CREAT | O_WRONLY | O_TRUNC;
		return call_open(&around, target, &call);
#endif
	default:
		return outcome_returns(-EPERM);
	}
}

/* ---- answering ---- */

static void respond(const struct notice *notice, const struct outcome *outcome)
{
	struct seccomp_notif_resp resp = { .id = notice->id };
	int err;

	if (outcome->kind == OUTCOME_CONTINUES)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (outcome->result < 0)
		resp.error = (__s32)outcome->result;
	else
		resp.val = outcome->result;
	/* a thread that has ended needs no answer */
	err = ioctl(notice->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	(void)err;
}

/* Puts the fd into the program and answers, in one step: both happen, or neither. */
static void respond_with_fd(const struct notice *notice, struct outcome *outcome)
{
	struct seccomp_notif_addfd add = { .id = notice->id,
					   .srcfd = (uint32_t)outcome->fd,
					   .newfd_flags = outcome->fd_flags,
					   .flags = SECCOMP_ADDFD_FLAG_SEND };

	if (ioctl(notice->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 && errno != ENOENT && errno != EINPROGRESS) {
		outcome->result = -errno; /* EMFILE: the program has too many fds */
		respond(notice, outcome);
	}
	close(outcome->fd);
}

/* ---- calls that the program makes itself ---- */

/* The memory of the process after its thread was answered. */
static int read_later(void *context, uint64_t address, void *buffer, size_t len)
{
	const struct notice *notice = context;
	char path[32];
	int memory;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)notice->target.pid);
	memory = open(path, O_RDONLY | O_CLOEXEC);
	got = memory < 0 ? -1 : pread(memory, buffer, len, (off_t)address);
	if (memory >= 0)
		close(memory);
	return got == (ssize_t)len ? 0 : -EFAULT;
}

enum activity { ACTIVITY_ELSEWHERE, ACTIVITY_IN_IT, ACTIVITY_RUNS };

/* "16 0x3 0xc0181b01 0x7ffd... ...": proc_pid_syscall() in fs/proc/base.c */
static enum activity activity_of(const struct notice *notice)
{
	char path[32], text[256], call[128];

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)notice->target.tid);
	if (small_file_read(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return ACTIVITY_ELSEWHERE; /* it has ended */
	if (!strncmp(text, "running", strlen("running")))
		return ACTIVITY_RUNS;
	snprintf(call, sizeof(call), "%d 0x%llx 0x%llx 0x%llx ", notice->data.nr,
		 (unsigned long long)notice->data.args[0], (unsigned long long)notice->data.args[1],
		 (unsigned long long)notice->data.args[2]);
	return strncmp(text, call, strlen(call)) ? ACTIVITY_ELSEWHERE : ACTIVITY_IN_IT;
}

static void await_end(const struct notice *notice)
{
	int64_t began = clock_ms(), last_in_it = began;
	unsigned int pause_ms = 1;

	for (;;) {
		enum activity activity = activity_of(notice);
		int64_t now = clock_ms();
		struct timespec pause = { .tv_nsec = (long)pause_ms * 1000000 };

		if (activity == ACTIVITY_IN_IT)
			last_in_it = now;
		if (activity == ACTIVITY_ELSEWHERE || now - last_in_it > RUNS_MAX_MS || now - began > GOES_ON_MAX_MS)
			return;
		nanosleep(&pause, NULL);
		pause_ms = pause_ms * 2 < LOOK_EVERY_MAX_MS ? pause_ms * 2 : LOOK_EVERY_MAX_MS;
	}
}

/* Tells the engine the result of a call that the program made itself, as the memory of the program has it. */
static void report_completion(struct notice *notice, const struct outcome *outcome)
{
	const struct uverbs_memory memory = { .read = read_later, .context = notice };
	struct uverbs_command reply;

	if (notice->data.nr != SYS_ioctl)
		return;
	await_end(notice);
	if (outcome->pass.socket < 0)
		return;
	if (uverbs_decode(&memory, notice->data.args[2], UVERBS_REPLY, &reply) || reply.kind != outcome->command.kind)
		engine_done(&outcome->pass, NULL);
	else
		engine_done(&outcome->pass, reply.has & UVERBS_HAS_HANDLE ? &reply : NULL);
}

static bool is_same_file(int a, int b)
{
	bool same = false;

	return !same_open_file(getpid(), a, getpid(), b, &same) && same;
}

/* One check serves all workers that waited for one of the same file before it began. */
static void begin_look(struct answering *answering, const struct look *own)
{
	struct look *look;

	pthread_mutex_lock(&answering->drivers.lock);
	DL_FOREACH (answering->looks, look)
		if (look == own || is_same_file(look->fd, own->fd))
			look->is_done = true;
	pthread_mutex_unlock(&answering->drivers.lock);
}

/*
 * Another thread may have changed the command before the kernel copied it. The engine checks whether a queue pair got
 * an address that was never allowed. `fd` is the file of the call itself: whatever its number names by now, and also in
 * a table of files that only this thread has. An engine that does not answer permits no new commands, and adopts the
 * file when it is back.
 */
static void check_afterwards(struct answering *answering, struct notice *notice, int fd)
{
	const struct engine_subject subject = { .pid = notice->target.pid, .fd = (int)notice->data.args[0] };
	struct look own = { .fd = fd };
	int err;

	pthread_mutex_lock(&answering->drivers.lock);
	DL_APPEND(answering->looks, &own);
	pthread_mutex_unlock(&answering->drivers.lock);
	pthread_mutex_lock(&answering->looking);
	if (!own.is_done) {
		begin_look(answering, &own);
		err = engine_look(&answering->engine, &subject, fd);
		(void)err;
	}
	pthread_mutex_unlock(&answering->looking);
	pthread_mutex_lock(&answering->drivers.lock);
	DL_DELETE(answering->looks, &own);
	pthread_mutex_unlock(&answering->drivers.lock);
}

void answer_notification(struct answering *answering, const struct seccomp_notif *from)
{
	struct notice notice;
	struct outcome outcome;
	int err = notice_open(&notice, answering->listener, from);

	if (err == -EPERM)
		say(answering, "rdmasec: refused (reason=supervisor-pid-namespace): the program is in a pid namespace "
			       "that its supervisor cannot see");
	outcome = err ? outcome_returns(err) : act(answering, &notice);
	if (outcome.kind == OUTCOME_CONTINUES && notice.data.nr == SYS_ioctl) {
		/* needed after the answer, when another thread may have this number */
		err = notice_process(&notice);
		if (err) {
			engine_done(&outcome.pass, NULL);
			fd_let_go(outcome.fd);
			outcome = outcome_returns(err);
		}
	}
	if (outcome.kind == OUTCOME_FD)
		respond_with_fd(&notice, &outcome);
	else if (outcome.kind != OUTCOME_GONE)
		respond(&notice, &outcome);
	if (outcome.kind == OUTCOME_CONTINUES) {
		report_completion(&notice, &outcome);
		if (outcome.fd >= 0)
			check_afterwards(answering, &notice, outcome.fd);
	}
	if (outcome.fd >= 0 && outcome.kind != OUTCOME_FD)
		fd_let_go(outcome.fd);
	notice_close(&notice);
}
