// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Starts a private engine: for a program with LD_PRELOAD in its environment on a host without rdmasecd, and for
 * `rdmasec run`.
 *
 * The program must not notice it. The engine is a grandchild that init adopts, made by clone(2) without an exit signal:
 * neither SIGCHLD nor a wait() of the program ever meets it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descriptors.h"
#include "door.h"
#include "messages/protocol.h"

/* Prepared before clone(2): afterwards, in a copy of a threaded program, nothing may allocate. */
struct engine_launch {
	const char *program;
	char policy[PATH_MAX]; /* "RDMASEC_POLICY=...", or empty */
	char *environment[2];
	char *argv[3];
	int fds[ENGINE_FDS_END]; /* by their number in the engine */
};

static int prepare(struct engine_launch *launch, const char *program, const char *policy)
{
	*launch = (struct engine_launch){ .program = program, .argv = { (char *)"rdmasec", (char *)"engine" } };
	if (!policy)
		return 0;
	if (snprintf(launch->policy, sizeof(launch->policy), "RDMASEC_POLICY=%s", policy) >=
	    (int)sizeof(launch->policy))
		return -ENAMETOOLONG;
	launch->environment[0] = launch->policy;
	return 0;
}

static int clone_silently(void)
{
	return (int)syscall(SYS_clone, 0, NULL, NULL, NULL, 0);
}

/*
 * In the grandchild. System calls only: another preloaded library may have its own dup2() or close(), which expects the
 * state of its constructor or of the parent (librspreload). The soft limit of descriptors is the program's; an engine
 * needs more.
 */
static void become_engine(const struct engine_launch *launch)
{
	long high[ENGINE_FDS_END], null;
	struct rlimit files;

	syscall(SYS_setsid);
	if (!syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &files)) {
		files.rlim_cur = files.rlim_max;
		syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &files, NULL);
	}
	for (int i = ENGINE_LISTENER; i < ENGINE_FDS_END; i++)
		high[i] = syscall(SYS_fcntl, launch->fds[i], F_DUPFD, ENGINE_FDS_END);
	for (int i = ENGINE_LISTENER; i < ENGINE_FDS_END; i++)
		if (high[i] < 0 || syscall(SYS_dup3, high[i], i, 0) < 0)
			syscall(SYS_exit_group, 126);
	syscall(SYS_close_range, ENGINE_FDS_END, ~0U, 0);
	null = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		/* stderr stays the program's, if it has one */
		if (null >= 0 && null != i && (i < STDERR_FILENO || syscall(SYS_fcntl, i, F_GETFD) < 0))
			syscall(SYS_dup3, null, i, 0);
	if (null > STDERR_FILENO)
		syscall(SYS_close, null);
	if (launch->program[0])
		syscall(SYS_execve, launch->program, launch->argv, launch->environment);
	syscall(SYS_execve, RDMASEC_PROGRAM_INSTALLED, launch->argv, launch->environment);
	syscall(SYS_exit_group, 127);
}

static int launch_engine(const struct engine_launch *launch)
{
	sigset_t all, old;
	int status = 0, err = 0;
	pid_t child;

	/* no handler of the program runs in the copies */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	child = clone_silently();
	if (child == 0) {
		pid_t engine = clone_silently();

		if (engine == 0)
			become_engine(launch);
		syscall(SYS_exit_group, engine < 0);
	}
	if (child < 0)
		err = -errno;
	else
		while (waitpid(child, &status, __WCLONE) < 0 && errno == EINTR)
			;
	if (status)
		err = -EAGAIN;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

static int launch_with_lifeline(struct engine_launch *launch, const char *name, int *out_lifeline)
{
	int lifeline[2], err = wire_lifeline(name, lifeline);

	if (err)
		return err;
	launch->fds[ENGINE_LIFELINE] = lifeline[0];
	err = launch_engine(launch);
	close(lifeline[0]);
	if (err) {
		close(lifeline[1]);
		return err;
	}
	*out_lifeline = descriptor_make_lasting(lifeline[1]);
	return *out_lifeline < 0 ? *out_lifeline : 0;
}

static int spawn(struct engine_launch *launch, char name[WIRE_NAME_MAX], int *out_lifeline)
{
	int pidfd, err, listener = wire_listen(name);

	if (listener < 0)
		return listener;
	pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	launch->fds[ENGINE_LISTENER] = listener;
	launch->fds[ENGINE_PIDFD] = pidfd;
	err = pidfd < 0 ? -errno : launch_with_lifeline(launch, name, out_lifeline);
	close(listener);
	if (pidfd >= 0)
		close(pidfd);
	return err;
}

int engine_spawn(const char *program, const char *policy, char name[WIRE_NAME_MAX], int *out_lifeline)
{
	static struct engine_launch launch; /* large, and used once */
	struct descriptor_room room;
	int err = prepare(&launch, program, policy);

	err = err ? err : spawn(&launch, name, out_lifeline);
	if (err != -EMFILE || descriptor_room_begin(&room))
		return err;
	err = spawn(&launch, name, out_lifeline);
	descriptor_room_end(&room);
	return err;
}
