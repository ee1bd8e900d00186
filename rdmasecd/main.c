// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * rdmasecd: the engine of the whole host. Doors prefer it to a private one, so that programs without CAP_NET_ADMIN are
 * judged by IPsec state as well, and one policy holds for all.
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

#include "engine_server.h"
#include "privileges.h"
#include "protocol.h"

#define DEFAULT_POLICY "/etc/rdmasec/policy.conf"
enum { EXIT_USAGE = 2 };

struct daemon {
	struct event_base *base;
	struct engine_server *server;
	const struct policy *policy;
	const char *policy_path;
	bool policy_named; /* by -p: then it has to be there */
};

static void usage(FILE *to)
{
	fprintf(to, "usage: rdmasecd [-n] [-p POLICY] [-s SOCKET]\n"
		    "  Judges for every RDMA application of this host and network namespace.\n"
		    "  -n          check the policy and stop: 0 it is good, 2 it is not\n"
		    "  -p POLICY   default " DEFAULT_POLICY "; without that file all has to be protected\n"
		    "  -s SOCKET   default " WIRE_SYSTEM_ENGINE "\n"
		    "  SIGHUP reloads the policy; a bad one is refused and the old one stays.\n");
}

static int load(const struct daemon *daemon, const struct policy **out)
{
	struct policy *policy;
	char error[POLICY_ERROR_MAX];
	int err;

	if (!daemon->policy_named && access(daemon->policy_path, F_OK) && errno == ENOENT) {
		*out = policy_builtin();
		return 0;
	}
	err = policy_load(daemon->policy_path, &policy, error, sizeof(error));
	if (err)
		fprintf(stderr, "rdmasecd: %s\n", error);
	else
		*out = policy;
	return err;
}

/* A socket left behind is replaced; one behind which somebody answers is not. */
static int listen_at(const char *path)
{
	struct sockaddr_un address;
	socklen_t len;
	int s, err = wire_address(path, &address, &len);

	if (err)
		return err;
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -errno;
	if (!connect(s, (const struct sockaddr *)&address, len)) {
		err = -EADDRINUSE;
	} else {
		if (path[0] == '/' && errno == ECONNREFUSED)
			unlink(path);
		/* everybody may ask; who asks is taken from the kernel */
		err = bind(s, (const struct sockaddr *)&address, len) || (path[0] == '/' && chmod(path, 0666)) ||
				      listen(s, SOMAXCONN)
			      ? -errno
			      : 0;
	}
	if (!err)
		return s;
	close(s);
	return err;
}

static void on_hangup(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *daemon = arg;
	const struct policy *fresh;

	(void)sig;
	(void)what;
	sd_notify(0, "RELOADING=1");
	if (load(daemon, &fresh)) {
		fprintf(stderr, "rdmasecd: the old policy stays\n");
	} else {
		engine_server_set_policy(daemon->server, fresh);
		policy_free(daemon->policy);
		daemon->policy = fresh;
		fprintf(stderr, "rdmasecd: policy reloaded\n");
	}
	sd_notify(0, "READY=1");
}

static void on_terminate(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)sig;
	(void)what;
	event_base_loopbreak(daemon->base);
}

static int serve(struct daemon *daemon, int listener)
{
	struct event *hangup, *terminate, *interrupt;
	int err = engine_server_new(daemon->base, daemon->policy, listener, &daemon->server);

	if (err)
		return err;
	hangup = evsignal_new(daemon->base, SIGHUP, on_hangup, daemon);
	terminate = evsignal_new(daemon->base, SIGTERM, on_terminate, daemon);
	interrupt = evsignal_new(daemon->base, SIGINT, on_terminate, daemon);
	if (!hangup || !terminate || !interrupt || event_add(hangup, NULL) || event_add(terminate, NULL) ||
	    event_add(interrupt, NULL)) {
		err = -ENOMEM;
	} else {
		fprintf(stderr, "rdmasecd: ready\n");
		sd_notify(0, "READY=1");
		err = event_base_dispatch(daemon->base) < 0 ? -EIO : 0;
		sd_notify(0, "STOPPING=1");
	}
	if (hangup)
		event_free(hangup);
	if (terminate)
		event_free(terminate);
	if (interrupt)
		event_free(interrupt);
	engine_server_free(daemon->server);
	return err;
}

static int run(struct daemon *daemon, const char *socket_path)
{
	int listener, err;

	signal(SIGPIPE, SIG_IGN);
	listener = listen_at(socket_path);
	if (listener < 0) {
		fprintf(stderr, "rdmasecd: %s: %s\n", socket_path,
			listener == -EADDRINUSE ? "an engine is there already" : strerror(-listener));
		return EXIT_FAILURE;
	}
	err = privileges_drop();
	if (!err) {
		daemon->base = event_base_new();
		err = daemon->base ? serve(daemon, listener) : -ENOMEM;
	}
	if (daemon->base)
		event_base_free(daemon->base);
	if (err)
		fprintf(stderr, "rdmasecd: %s\n", strerror(-err));
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct daemon daemon = { .policy_path = DEFAULT_POLICY };
	const char *socket_path = WIRE_SYSTEM_ENGINE;
	bool only_check = false;
	int option, status = EXIT_SUCCESS;

	while ((option = getopt(argc, argv, "np:s:h")) != -1) {
		switch (option) {
		case 'n':
			only_check = true;
			break;
		case 'p':
			daemon.policy_path = optarg;
			daemon.policy_named = true;
			break;
		case 's':
			socket_path = optarg;
			break;
		default:
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (load(&daemon, &daemon.policy))
		return EXIT_USAGE;
	if (!only_check)
		status = run(&daemon, socket_path);
	policy_free(daemon.policy);
	return status;
}
