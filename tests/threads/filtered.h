/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A program under the supervisor's filter, in a process of its own. */
#ifndef RDMASEC_TESTS_THREADS_FILTERED_H
#define RDMASEC_TESTS_THREADS_FILTERED_H

#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "must.h"
#include "supervisor/supervisor.h"
#include "util/fd_socket.h"

/* Returns its process id; it exits with what `program` returns. The caller owns *out_listener. */
static inline pid_t filtered_start(int (*program)(void), int *out_listener)
{
	char byte;
	int pair[2];
	pid_t child;

	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	child = fork();
	MUST(child >= 0);
	if (!child) {
		int fd;

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		fd = supervisor_filter_install(false);
		MUST(fd >= 0 && wire_send(pair[1], "", 1, fd) == 1);
		close(fd);
		close(pair[0]);
		close(pair[1]);
		_exit(program());
	}
	close(pair[1]);
	MUST(wire_receive(pair[0], &byte, 1, out_listener) == 1);
	close(pair[0]);
	return child;
}

#endif
