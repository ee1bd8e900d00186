// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Somebody set LD_PRELOAD by hand, and no engine runs: start a private one from inside the application.
 *
 * The application must not notice: the engine is a grandchild that init adopts, made by clone(2) without an exit
 * signal, so that neither SIGCHLD nor a wait() of the application's ever meets it. It lives until this process has
 * ended and the lifeline, a pipe that forked children inherit and exec closes, has no holder left.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "door.h"
#include "messages/protocol.h"
#include "util/fd_socket.h"

enum { ENGINE_LISTENER = 3, ENGINE_LIFELINE, ENGINE_PIDFD, ENGINE_FDS_END };

/* Prepared before clone(2): afterwards, in a copy of a threaded program, nothing may allocate. */
struct engine_launch {
	char beside[PATH_MAX]; /* the program beside this library, as in a build tree */
	char policy[PATH_MAX]; /* "RDMASEC_POLICY=...", or empty */
	char *environment[2];
	char *argv[6];
	int fds[ENGINE_FDS_END]; /* by their number in the engine */
};

static void find_program(struct engine_launch *launch)
{
	Dl_info info;
	char *slash;

	launch->beside[0] = '\0';
	if (!dladdr((void *)engine_spawn, &info) || !info.dli_fname || !realpath(info.dli_fname, launch->beside))
		return;
	slash = strrchr(launch->beside, '/');
	snprintf(slash, launch->beside + sizeof(launch->beside) - slash, "/%s", door_program_from_library);
}

static void prepare(struct engine_launch *launch)
{
	const char *policy = getenv("RDMASEC_POLICY");
	size_t argc = 0, envc = 0;

	find_program(launch);
	launch->argv[argc++] = (char *)"rdmasec";
	launch->argv[argc++] = (char *)"engine";
	launch->argv[argc] = NULL;
	if (policy &&
	    snprintf(launch->policy, sizeof(launch->policy), "RDMASEC_POLICY=%s", policy) < (int)sizeof(launch->policy))
		launch->environment[envc++] = launch->policy;
	launch->environment[envc] = NULL;
}

static int clone_silently(void)
{
	return (int)syscall(SYS_clone, 0, NULL, NULL, NULL, 0);
}

/* In the grandchild: only async-signal-safe calls. */
static void become_engine(const struct engine_launch *launch)
{
	int high[ENGINE_FDS_END], null;

	setsid();
	for (int i = ENGINE_LISTENER; i < ENGINE_FDS_END; i++)
		high[i] = fcntl(launch->fds[i], F_DUPFD, ENGINE_FDS_END);
	for (int i = ENGINE_LISTENER; i < ENGINE_FDS_END; i++)
		if (high[i] < 0 || dup2(high[i], i) < 0)
			_exit(126);
	syscall(SYS_close_range, ENGINE_FDS_END, ~0U, 0);
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(126);
	close(null);
	if (launch->beside[0])
		execve(launch->beside, launch->argv, launch->environment);
	execve(RDMASEC_PROGRAM_INSTALLED, launch->argv, launch->environment);
	_exit(127);
}

static int launch_engine(const struct engine_launch *launch)
{
	sigset_t all, old;
	pid_t child;
	int err = 0;

	/* no handler of the application's runs in the copies */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	child = clone_silently();
	if (child == 0) {
		pid_t engine = clone_silently();

		if (engine == 0)
			become_engine(launch);
		_exit(engine < 0);
	}
	if (child < 0)
		err = -errno;
	else
		while (waitpid(child, NULL, __WCLONE) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

int engine_spawn(struct engine_address *out)
{
	static struct engine_launch launch; /* large, and used once */
	int lifeline[2] = { -1, -1 }, listener, pidfd, err;
	char name[WIRE_NAME_MAX];

	prepare(&launch);
	listener = wire_listen(name);
	if (listener < 0)
		return listener;
	err = wire_address(name, &out->address, &out->len);
	if (err) {
		close(listener);
		return err;
	}
	pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (pidfd < 0 || pipe2(lifeline, O_CLOEXEC)) {
		err = -errno;
	} else {
		launch.fds[ENGINE_LISTENER] = listener;
		launch.fds[ENGINE_LIFELINE] = lifeline[0];
		launch.fds[ENGINE_PIDFD] = pidfd;
		err = launch_engine(&launch);
	}
	close(listener);
	if (lifeline[0] >= 0)
		close(lifeline[0]);
	if (pidfd >= 0)
		close(pidfd);
	if (err && lifeline[1] >= 0)
		close(lifeline[1]); /* else it stays open: it is what the engine lives by */
	return err;
}
