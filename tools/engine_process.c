// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "engine_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "judge/judgement.h"

/* Out of the way of the numbers that programs expect their own descriptors to get. */
enum { LIFELINE_LOWEST = 64 };

static void signals_to_default(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int silence(void)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return -errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (null > STDERR_FILENO)
		close(null);
	return 0;
}

int engine_process_main(const struct policy *policy, int listener, int lifeline, int pidfd)
{
	const struct rlimit none = { 0, 0 };
	int err;

	signals_to_default();
	prctl(PR_SET_NAME, "rdmasec-engine");
	/* SA dumps carry keys, if only in a buffer that is wiped: no core, no ptrace by the user */
	if (prctl(PR_SET_DUMPABLE, 0) || setrlimit(RLIMIT_CORE, &none) || chdir("/"))
		return 1;
	err = silence();
	if (!err)
		err = engine_serve(policy, listener, lifeline, pidfd);
	return err ? 1 : 0;
}

static void keep_only(const int *fds, size_t count)
{
	int from = STDERR_FILENO + 1;

	for (size_t i = 0; i < count; i++) {
		if (fds[i] > from)
			syscall(SYS_close_range, from, fds[i] - 1, 0);
		from = fds[i] + 1;
	}
	syscall(SYS_close_range, from, ~0U, 0);
}

static void swap_up(int *a, int *b)
{
	int t = *a;

	if (*a > *b) {
		*a = *b;
		*b = t;
	}
}

static _Noreturn void engine_child(const struct policy *policy, int listener, int lifeline, int pidfd)
{
	int fds[3] = { listener, lifeline, pidfd };

	setsid();
	swap_up(&fds[0], &fds[1]);
	swap_up(&fds[1], &fds[2]);
	swap_up(&fds[0], &fds[1]);
	keep_only(fds, 3);
	_exit(engine_process_main(policy, listener, lifeline, pidfd));
}

/* Twice forked: the engine is init's child, and the command that takes our place has no child it did not make. */
static int fork_engine(const struct policy *policy, int listener, int lifeline, int pidfd)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0) {
		pid_t engine = fork();

		if (engine == 0)
			engine_child(policy, listener, lifeline, pidfd);
		_exit(engine < 0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EAGAIN;
}

static int lifeline_held = -1;

int engine_process_lifeline(void)
{
	return lifeline_held;
}

int engine_process_start(const struct policy *policy, char name[WIRE_NAME_MAX])
{
	int listener, pidfd, lifeline[2], held, err;

	listener = wire_listen(name);
	if (listener < 0)
		return listener;
	pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (pidfd < 0 || pipe2(lifeline, O_CLOEXEC))
		return -errno;
	held = fcntl(lifeline[1], F_DUPFD, LIFELINE_LOWEST); /* no FD_CLOEXEC: it goes with the command */
	if (held < 0)
		return -errno;
	close(lifeline[1]);
	err = fork_engine(policy, listener, lifeline[0], pidfd);
	close(lifeline[0]);
	close(listener);
	close(pidfd);
	lifeline_held = held;
	return err;
}
