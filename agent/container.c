// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "container.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "confined.h"
#include "container_devices.h"
#include "messages/protocol.h"
#include "process/process.h"
#include "process/spawn.h"
#include "supervisor/supervisor.h"
#include "util/fd_socket.h"
#include "util/text.h"

enum { FILTER_FD = 3, LINE_SIZE = 1024 };

struct container {
	const struct container_state *state;
	struct supervisor_call *first; /* NULL: the runtime has named the process */
	const char *engine;
	struct container_devices devices;
};

static void say(const struct container *container, const char *format, ...) RS_PRINTF(2, 3);

static void say(const struct container *container, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	text_printable(line);
	fprintf(stderr, "rdmasec-agentd: container %s: %s\n", container->state->id, line);
}

/* Leaves the session of the agent, and keeps no descriptor but stderr and the filter. 0 or -errno. */
static int detach(int fd)
{
	if (setsid() < 0 || dup2(fd, FILTER_FD) < 0 || syscall(SYS_close_range, FILTER_FD + 1, ~0U, 0))
		return -errno;
	prctl(PR_SET_NAME, PROCESS_CONTAINER_NAME);
	return 0;
}

/*
 * In exclusive mode (`rdma system set netns exclusive`) a device can be opened only in its own network namespace
 * (ib_uverbs_open()), which may be that of the container.
 */
static int enter_netns(pid_t pid)
{
	struct process process;
	int fd, err = process_identify(pid, &process);

	if (err)
		return err;
	err = process_open_netns(&process, &fd);
	process_close(&process);
	if (err)
		return err;
	err = setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	return err;
}

/* The network namespace of the process that makes the first call, if the runtime has not named it. */
static int enter_first_netns(struct container *container)
{
	bool waits;
	int err;

	do {
		supervisor_call_free(container->first);
		container->first = NULL;
		err = supervisor_call_await(FILTER_FD, &container->first);
		if (err)
			return err;
		err = enter_netns(supervisor_call_pid(container->first));
		/* if it does not wait any more, its number may be that of another process by now */
		waits = supervisor_call_waits(FILTER_FD, container->first);
		if (!waits)
			err = -ESRCH;
	} while (!waits);
	return err;
}

static void read_devices(struct container *container)
{
	int err;

	if (!container->state->bundle[0]) {
		say(container,
		    "the runtime does not name its bundle, so its device cgroup must allow its RDMA devices");
		return;
	}
	err = container_devices_read(container->state->bundle, &container->devices);
	if (err)
		say(container, "cannot read %s/config.json, so its device cgroup must allow its RDMA devices: %s",
		    container->state->bundle, strerror(-err));
	container_devices_ask("/sys", &container->devices);
}

static int prepare(struct container *container, int fd)
{
	int err = detach(fd);

	if (err)
		return err;
	read_devices(container);
	err = container->state->pid ? enter_netns(container->state->pid) : enter_first_netns(container);
	/* all its processes have ended, without a call */
	if (err == -ENOENT)
		_exit(0);
	if (err) {
		say(container, "cannot enter its network namespace: %s", strerror(-err));
		return err;
	}
	return confined_container();
}

static void tell(const char *line, void *arg)
{
	say(arg, "%s", line);
}

/*
 * The supervisor opens an assigned device even if the container's cgroup denies it: with the device denied, no program
 * in the container can open it in another way. Devices with doorbells by write(2) must be opened by the program.
 */
static enum supervisor_opening opening(dev_t rdev, void *arg)
{
	const struct container *container = arg;
	const struct container_device *device = container_device_find(&container->devices, rdev);

	if (!device)
		return SUPERVISOR_OPENS_AS_PROGRAM;
	return device->rings_by_write ? SUPERVISOR_PROGRAM_OPENS : SUPERVISOR_OPENS_GIVEN;
}

static _Noreturn void serve(struct container *container, int fd)
{
	struct supervisor_options options = { .say = tell, .opening = opening, .arg = container };
	int err = prepare(container, fd);

	err = err ? err : wire_address(container->engine, &options.engine, &options.engine_len);
	if (!err) {
		options.first = container->first;
		err = supervisor_serve(FILTER_FD, &options);
		if (err)
			say(container, "its supervisor failed, so its verbs calls fail: %s: restart the container",
			    strerror(-err));
	}
	/* also ends threads that are left */
	_exit(err ? 1 : 0);
}

int container_start(const struct container_state *state, int fd, const char *engine)
{
	struct container container = { .state = state, .engine = engine };
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0) {
		spawn_reset_signals();
		serve(&container, fd);
	}
	pid = pid < 0 ? -errno : pid;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}
