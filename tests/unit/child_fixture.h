/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Waiting children for the tests of processes. */
#ifndef RDMASEC_TESTS_CHILD_FIXTURE_H
#define RDMASEC_TESTS_CHILD_FIXTURE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Starts a child that calls `prepare` and then waits. */
static inline pid_t child_start(void (*prepare)(void *argument), void *argument)
{
	int ready[2];
	char byte;
	pid_t pid;

	cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid) {
		close(ready[1]);
		cr_assert_eq(read(ready[0], &byte, 1), 1, "the child is not ready");
		close(ready[0]);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (prepare)
		prepare(argument);
	if (write(ready[1], "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static inline void child_kill(pid_t pid)
{
	siginfo_t info;

	cr_assert_eq(kill(pid, SIGKILL), 0);
	/* dead, but not reaped */
	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static inline void child_end(pid_t pid)
{
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

#endif
