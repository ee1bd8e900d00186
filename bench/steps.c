// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "steps.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MARK = SIGUSR2 };

static int from_counter = -1;

/* The counting process: lets `pid` continue, or executes one instruction at a time between two marks. */
static _Noreturn void count(pid_t pid, int out)
{
	unsigned long steps = 0;
	bool counting = false;
	int status;

	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		int signal_number = WSTOPSIG(status), pass_on = 0;

		if (status >> 16) { /* a ptrace event: only the first stop is requested */
		} else if (signal_number == MARK) {
			if (counting && write(out, &steps, sizeof(steps)) != sizeof(steps))
				break;
			counting = !counting;
			steps = 0;
		} else if (signal_number == SIGTRAP && counting) {
			steps++;
		} else {
			pass_on = signal_number;
		}
		if (ptrace(counting ? PTRACE_SINGLESTEP : PTRACE_CONT, pid, NULL, pass_on))
			break;
	}
	_exit(0);
}

int steps_begin(void)
{
	int go[2], result[2];
	pid_t program = getpid(), counter;
	char ready = 0;

	if (pipe(go) || pipe(result))
		return -errno;
	counter = fork();
	if (counter < 0)
		return -errno;
	if (!counter) {
		/* waits for the permission to trace, which the Yama security module also requires */
		if (read(go[0], &ready, 1) != 1 || ptrace(PTRACE_SEIZE, program, NULL, NULL))
			ready = 'n';
		if (write(result[1], &ready, 1) != 1 || ready == 'n')
			_exit(1);
		count(program, result[1]);
	}
	prctl(PR_SET_PTRACER, counter);
	if (write(go[1], "y", 1) != 1 || read(result[0], &ready, 1) != 1 || ready != 'y')
		return -EPERM;
	from_counter = result[0];
	return 0;
}

void steps_mark(void)
{
	raise(MARK);
}

unsigned long steps_between(void)
{
	unsigned long steps = 0;

	if (read(from_counter, &steps, sizeof(steps)) != sizeof(steps)) {
		fprintf(stderr, "steps: no count: %s\n", strerror(errno));
		exit(1);
	}
	return steps;
}
