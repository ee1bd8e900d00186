// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* `rdmasec engine`: the private engine, which engine_spawn() starts with its descriptors in place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "commands.h"
#include "door/door.h"
#include "engine/server.h"
#include "process/spawn.h"

static int is_listener(int fd)
{
	int listening = 0, type = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
		return 0;
	return listening && type == SOCK_SEQPACKET;
}

static int serve(const struct policy *policy)
{
	const struct rlimit none = { 0, 0 };
	int err;

	spawn_reset_signals();
	spawn_raise_files(0);
	prctl(PR_SET_NAME, "rdmasec-engine");
	/* SA dumps contain keys, in a buffer that is wiped: no core dump, and no ptrace by the user */
	if (prctl(PR_SET_DUMPABLE, 0) || setrlimit(RLIMIT_CORE, &none) || chdir("/"))
		return 1;
	err = spawn_silence(STDERR_FILENO);
	if (!err)
		err = engine_serve(policy, ENGINE_LISTENER, ENGINE_LIFELINE, ENGINE_PIDFD);
	return err ? 1 : 0;
}

int command_engine(int argc, char **argv)
{
	const struct policy *policy;

	(void)argv;
	if (argc != 1 || !is_listener(ENGINE_LISTENER) || fcntl(ENGINE_LIFELINE, F_GETFD) < 0 ||
	    fcntl(ENGINE_PIDFD, F_GETFD) < 0) {
		fprintf(stderr, "rdmasec: 'engine' is for internal use: 'rdmasec run' starts it\n");
		return EXIT_USAGE;
	}
	policy = load_policy(NULL, JSON_NONE);
	if (!policy)
		return EXIT_USAGE;
	return serve(policy);
}
