// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * rdmasec-agentd: OCI runtimes send it the notification fds of containers, and it starts a supervisor process for each.
 * It is separate from rdmasecd, which can be restarted while containers run, and which must not have the privilege to
 * read and write the memory of programs.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent.h"
#include "confined.h"
#include "container.h"
#include "messages/protocol.h"
#include "process/spawn.h"
#include "util/fd_socket.h"
#include "util/output.h"

#define DEFAULT_SOCKET WIRE_SYSTEM_FOLDER "/seccomp.sock"
enum { EXIT_USAGE = 2 };

static void usage(FILE *to)
{
	fprintf(to, "usage: rdmasec-agentd [-s SOCKET] [-e ENGINE]\n"
		    "  The seccomp agent of OCI runtimes: rdmasecd decides on the verbs calls of containers.\n"
		    "  -s SOCKET   its socket for runtimes (listenerPath), default " DEFAULT_SOCKET "\n"
		    "  -e ENGINE   rdmasecd's socket, default " WIRE_SYSTEM_ENGINE "\n"
		    "  --help, --version\n");
}

/* The socket of systemd, which keeps it during a restart, so that runtimes wait instead of failing; or -errno. */
static int listener_given(void)
{
	int count = sd_listen_fds(1);

	if (count <= 0)
		return -ENOENT;
	return count == 1 && sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) > 0 ? SD_LISTEN_FDS_START
												 : -EINVAL;
}

static void log_line(const char *line, void *arg)
{
	(void)arg;
	fprintf(stderr, "rdmasec-agentd: %s\n", line);
}

static int start(const struct container_state *state, int fd, void *engine)
{
	return container_start(state, fd, engine);
}

static void on_end(evutil_socket_t sig, short what, void *base)
{
	(void)sig;
	(void)what;
	event_base_loopbreak(base);
}

static int serve(struct event_base *base, int listener, const char *engine)
{
	const struct agent_options options = { .start = start, .log = log_line, .arg = (void *)engine, .peer = 0 };
	struct event *ends[2] = { evsignal_new(base, SIGTERM, on_end, base), evsignal_new(base, SIGINT, on_end, base) };
	struct agent *agent = NULL;
	int err = agent_new(base, listener, &options, &agent);

	if (!err && (!ends[0] || !ends[1] || event_add(ends[0], NULL) || event_add(ends[1], NULL)))
		err = -ENOMEM;
	if (!err) {
		fprintf(stderr, "rdmasec-agentd: ready\n");
		sd_notify(0, "READY=1");
		err = event_base_dispatch(base) < 0 ? -EIO : 0;
		sd_notify(0, "STOPPING=1");
	}
	for (int i = 0; i < 2; i++)
		if (ends[i])
			event_free(ends[i]);
	agent_free(agent);
	return err;
}

static int run(const char *socket_path, const char *engine)
{
	int err, listener = listener_given();
	struct event_base *base;

	if (listener == -ENOENT)
		listener = wire_listen_at(socket_path, SOCK_STREAM, 0600); /* for root only */
	if (listener < 0) {
		fprintf(stderr, "rdmasec-agentd: %s: %s\n", socket_path,
			listener == -EADDRINUSE ? "another agent is running" : strerror(-listener));
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	err = confined_agent();
	base = err ? NULL : event_base_new();
	if (base)
		err = serve(base, listener, engine);
	else
		close(listener);
	if (base)
		event_base_free(base);
	if (err || !base)
		fprintf(stderr, "rdmasec-agentd: %s\n", strerror(err ? -err : ENOMEM));
	return err || !base ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int begin(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' },
						 { "version", no_argument, NULL, 'v' },
						 { 0 } };
	const char *socket_path = DEFAULT_SOCKET, *engine = WIRE_SYSTEM_ENGINE;
	int option;

	/* before any other file is opened: a message for stderr could reach it */
	if (spawn_fill_standard())
		return EXIT_FAILURE;
	spawn_raise_files(0);
	while ((option = getopt_long(argc, argv, "s:e:h", options, NULL)) != -1) {
		switch (option) {
		case 's':
			socket_path = optarg;
			break;
		case 'e':
			engine = optarg;
			break;
		case 'v':
			printf("rdmasec-agentd %s\n", RDMASEC_VERSION);
			return EXIT_SUCCESS;
		default:
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return run(socket_path, engine);
}

int main(int argc, char **argv)
{
	return output_finish("rdmasec-agentd", begin(argc, argv), EXIT_FAILURE);
}
