// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* `rdmasec engine`: the private engine, started by the preload door with its fds in place (door/engine_spawn.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "commands.h"
#include "engine_process.h"

enum { LISTENER = 3, LIFELINE = 4, PIDFD = 5 };

static int is_listener(int fd)
{
	int listening = 0, type = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
		return 0;
	return listening && type == SOCK_SEQPACKET;
}

int command_engine(int argc, char **argv)
{
	const struct policy *policy;

	(void)argv;
	if (argc != 1 || !is_listener(LISTENER) || fcntl(LIFELINE, F_GETFD) < 0 || fcntl(PIDFD, F_GETFD) < 0) {
		fprintf(stderr, "rdmasec: the engine is started by rdmasec's own libraries\n");
		return EXIT_USAGE;
	}
	policy = load_policy(NULL);
	if (!policy)
		return EXIT_USAGE;
	return engine_process_main(policy, LISTENER, LIFELINE, PIDFD);
}
