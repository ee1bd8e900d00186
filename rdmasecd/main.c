// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * rdmasecd: the engine of the host. Doors prefer it to a private engine: it can read IPsec state for programs without
 * CAP_NET_ADMIN, and applies one policy to all programs.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "engine/audit.h"
#include "engine/server.h"
#include "entry/entry.h"
#include "evidence/mirror.h"
#include "gate_keeper.h"
#include "hazards/legacy.h"
#include "messages/protocol.h"
#include "netns/netns.h"
#include "predecessor.h"
#include "privileges.h"
#include "process/foreign.h"
#include "process/spawn.h"
#include "util/clock.h"
#include "util/fd_socket.h"
#include "util/output.h"
#include "util/text.h"
#include "watch/kept.h"

#define DEFAULT_POLICY "/etc/rdmasec/policy.conf"
enum { EXIT_USAGE = 2 };
enum { FLUSH_MS = 200 }; /* how long a line of the audit log may wait */

struct daemon {
	struct event_base *base;
	struct engine_server *server;
	struct netns_opener *opener;
	struct foreign *foreign;
	struct gate_keeper *gate;
	struct entry *entry; /* NULL: no kernel door */
	char entry_words[256];
	struct audit *audit; /* NULL: no audit log */
	struct kept *kept;   /* NULL: the socket has no folder */
	bool audit_failing;
	const struct policy *policy;
	const char *policy_path;
	bool policy_named; /* by -p: the file must exist */
	int status;
};

/* The events of the daemon, besides its clients. */
enum { ON_HANGUP, ON_TERMINATE, ON_INTERRUPT, ON_OPENER, ON_FOREIGN, ON_FLUSH, ON_WATCHDOG, EVENT_COUNT };

static void usage(FILE *to)
{
	fprintf(to, "usage: rdmasecd [-n] [-p POLICY] [-a FILE] [-s SOCKET]\n"
		    "  Decides for all RDMA applications of this host, and stops queue pairs that lose their "
		    "protection.\n"
		    "  -n          check the policy and exit: 0 valid, 2 invalid\n"
		    "  -p POLICY   default " DEFAULT_POLICY "; without it, all queue pairs need protection\n"
		    "  -a FILE     audit log: a line of JSON for each decision; default none\n"
		    "  -s SOCKET   default " WIRE_SYSTEM_ENGINE "\n"
		    "  --help, --version\n"
		    "  SIGHUP reloads the policy; if the new one is invalid, the old one stays.\n");
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

/* ---- events ---- */

static void on_hangup(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *daemon = arg;
	const struct policy *fresh;

	(void)sig;
	(void)what;
	sd_notify(0, "RELOADING=1");
	if (load(daemon, &fresh)) {
		fprintf(stderr, "rdmasecd: invalid policy: the old policy stays\n");
	} else {
		engine_server_set_policy(daemon->server, fresh);
		gate_keeper_set_policy(daemon->gate, fresh);
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

/* Without its opener the daemon cannot open other namespaces, and without privileges it cannot start another one. */
static void on_opener(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)fd;
	(void)what;
	fprintf(stderr, "rdmasecd: the process that opens network namespaces ended: exiting\n");
	daemon->status = EXIT_FAILURE;
	event_base_loopbreak(daemon->base);
}

/* Its helpers are all that closes files of others. */
static void on_foreign(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)fd;
	(void)what;
	fprintf(stderr, "rdmasecd: the process that starts file helpers ended: exiting\n");
	daemon->status = EXIT_FAILURE;
	event_base_loopbreak(daemon->base);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	sd_notify(0, "WATCHDOG=1");
}

/* A failing log does not stop the engine: lost records are counted, in the log and here. */
static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;
	int err = audit_flush(daemon->audit);

	(void)fd;
	(void)what;
	if (err && !daemon->audit_failing)
		fprintf(stderr, "rdmasecd: cannot write the audit log: %s\n", strerror(-err));
	if (!err && daemon->audit_failing)
		fprintf(stderr, "rdmasecd: the audit log works again; %llu records were lost since the start\n",
			(unsigned long long)audit_lost(daemon->audit));
	daemon->audit_failing = err != 0;
}

static void on_record(const struct wire_record *record, void *arg)
{
	audit_write(((struct daemon *)arg)->audit, record);
}

/* ---- serving ---- */

static int listen_to(struct daemon *daemon, struct event **events)
{
	const struct timeval flush = clock_timeval(FLUSH_MS);
	struct timeval watchdog;
	uint64_t watchdog_us;
	int err = 0;

	events[ON_HANGUP] = evsignal_new(daemon->base, SIGHUP, on_hangup, daemon);
	events[ON_TERMINATE] = evsignal_new(daemon->base, SIGTERM, on_terminate, daemon);
	events[ON_INTERRUPT] = evsignal_new(daemon->base, SIGINT, on_terminate, daemon);
	events[ON_OPENER] = event_new(daemon->base, netns_opener_pidfd(daemon->opener), EV_READ, on_opener, daemon);
	events[ON_FOREIGN] = event_new(daemon->base, foreign_pidfd(daemon->foreign), EV_READ, on_foreign, daemon);
	events[ON_FLUSH] = event_new(daemon->base, -1, EV_PERSIST, on_flush, daemon);
	events[ON_WATCHDOG] = event_new(daemon->base, -1, EV_PERSIST, on_watchdog, daemon);
	/* no noise of one user comes before them */
	for (int i = 0; i < EVENT_COUNT; i++)
		if (events[i])
			(void)event_priority_set(events[i], WATCH_PRIORITY);
	for (int i = 0; i < EVENT_COUNT; i++)
		if (!events[i] || (i < ON_FLUSH && event_add(events[i], NULL)))
			err = -ENOMEM;
	if (!err && daemon->audit)
		err = event_add(events[ON_FLUSH], &flush);
	if (!err && sd_watchdog_enabled(0, &watchdog_us) > 0) {
		watchdog = clock_timeval(watchdog_us / 1000 / 3);
		err = event_add(events[ON_WATCHDOG], &watchdog);
	}
	return err ? -ENOMEM : 0;
}

static int serve(struct daemon *daemon, int listener)
{
	const struct engine_options options = {
		.opener = daemon->opener,
		.foreign = daemon->foreign,
		.must_watch = true,
		.entry = daemon->entry,
		.entry_words = daemon->entry_words,
		.kept = daemon->kept,
		.log = { .record = daemon->audit ? on_record : NULL, .arg = daemon },
	};
	struct event *events[EVENT_COUNT] = { NULL };
	int err = engine_server_new(daemon->base, daemon->policy, listener, &options, &daemon->server);

	if (err)
		return err;
	err = listen_to(daemon, events);
	if (!err) {
		gate_keeper_start(daemon->gate, daemon->base, daemon->server, daemon->policy);
		engine_server_adopt(daemon->server);
		fprintf(stderr, "rdmasecd: ready\n");
		sd_notify(0, "READY=1");
		err = event_base_dispatch(daemon->base) < 0 ? -EIO : 0;
		sd_notify(0, "STOPPING=1");
	}
	for (int i = 0; i < EVENT_COUNT; i++)
		if (events[i])
			event_free(events[i]);
	gate_keeper_free(daemon->gate);
	daemon->gate = NULL;
	engine_server_free(daemon->server);
	return err;
}

/* Without it the daemon serves the other doors. A daemon that was killed may have left stopped programs. */
static void open_entry(struct daemon *daemon)
{
	bool is_wanted = policy_rule_at(daemon->policy, policy_rule_count(daemon->policy) - 1)->kernel_door;
	char error[192];

	if (!is_wanted && !entry_has_left_records())
		return;
	if (!entry_open(is_wanted, &daemon->entry, error, sizeof(error)))
		return;
	daemon->entry = NULL;
	text_format(daemon->entry_words, sizeof(daemon->entry_words), "not available: %s", error);
	fprintf(stderr, "rdmasecd: kernel door: %s\n", daemon->entry_words);
}

static int serve_without_privileges(struct daemon *daemon, int listener)
{
	int err;

	daemon->gate = gate_keeper_new();
	if (!daemon->gate)
		return -ENOMEM;
	open_entry(daemon);
	legacy_prepare();
	err = privileges_drop();
	if (err) {
		entry_close(daemon->entry);
		gate_keeper_free(daemon->gate);
		return err;
	}
	daemon->base = engine_base_new();
	err = daemon->base ? serve(daemon, listener) : -ENOMEM;
	gate_keeper_free(daemon->gate);
	entry_close(daemon->entry);
	if (daemon->base)
		event_base_free(daemon->base);
	return err;
}

/* Beside the socket, of which one daemon is the only listener. 0, or -errno after a message. */
static int open_kept(struct daemon *daemon, const char *socket_path)
{
	char path[PATH_MAX];
	int err;

	if (socket_path[0] == '@')
		return 0;
	if (snprintf(path, sizeof(path), "%s.guarded", socket_path) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	err = kept_open(path, &daemon->kept);
	if (err)
		fprintf(stderr, "rdmasecd: %s: %s: remove the file\n", path, strerror(-err));
	return err;
}

/* One that hangs does not keep its successor from guarding: new doors find the new socket. */
static int listen_on(const char *path)
{
	/* every user may connect; the kernel tells the engine which user it is */
	int listener = wire_listen_at(path, SOCK_SEQPACKET, 0666);
	pid_t pid = 0;

	if (listener != -EADDRINUSE || predecessor_answers(path, &pid))
		return listener;
	fprintf(stderr, "rdmasecd: %s: the engine that listens (process %d) does not answer: kill -9 %d\n", path,
		(int)pid, (int)pid);
	if (path[0] != '/' || unlink(path))
		return listener;
	fprintf(stderr, "rdmasecd: %s: replaced\n", path);
	return wire_listen_at(path, SOCK_SEQPACKET, 0666);
}

static int run(struct daemon *daemon, const char *socket_path, const char *audit_path)
{
	int listener, err;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	err = audit_path ? audit_open(audit_path, &daemon->audit) : 0;
	if (err) {
		fprintf(stderr, "rdmasecd: %s: %s\n", audit_path, strerror(-err));
		return EXIT_FAILURE;
	}
	listener = listen_on(socket_path);
	if (listener < 0) {
		fprintf(stderr, "rdmasecd: %s: %s\n", socket_path,
			listener == -EADDRINUSE ? "another engine is running" : strerror(-listener));
		audit_close(daemon->audit);
		return EXIT_FAILURE;
	}
	err = netns_opener_start(&daemon->opener);
	if (!err)
		err = foreign_start("/sys", &daemon->foreign);
	if (!err)
		err = open_kept(daemon, socket_path);
	if (!err)
		err = serve_without_privileges(daemon, listener);
	foreign_stop(daemon->foreign);
	netns_opener_stop(daemon->opener);
	kept_close(daemon->kept);
	audit_close(daemon->audit);
	if (err)
		fprintf(stderr, "rdmasecd: %s\n", strerror(-err));
	return err ? EXIT_FAILURE : daemon->status;
}

static int start(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' },
						 { "version", no_argument, NULL, 'v' },
						 { 0 } };
	struct daemon daemon = { .policy_path = DEFAULT_POLICY };
	const char *socket_path = WIRE_SYSTEM_ENGINE, *audit_path = NULL;
	bool only_check = false;
	int option, status = EXIT_SUCCESS;

	/* before any other file is opened: stderr could be the audit log */
	if (spawn_fill_standard())
		return EXIT_FAILURE;
	while ((option = getopt_long(argc, argv, "np:a:s:h", options, NULL)) != -1) {
		switch (option) {
		case 'n':
			only_check = true;
			break;
		case 'p':
			daemon.policy_path = optarg;
			daemon.policy_named = true;
			break;
		case 'a':
			audit_path = optarg;
			break;
		case 's':
			socket_path = optarg;
			break;
		case 'v':
			printf("rdmasecd %s\n", RDMASEC_VERSION);
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
	if (load(&daemon, &daemon.policy))
		return EXIT_USAGE;
	if (!only_check)
		status = run(&daemon, socket_path, audit_path);
	policy_free(daemon.policy);
	return status;
}

int main(int argc, char **argv)
{
	return output_finish("rdmasecd", start(argc, argv), EXIT_FAILURE);
}
