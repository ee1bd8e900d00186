// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "commands.h"
#include "engine/record_json.h"
#include "monitor.h"
#include "table.h"

static void usage(FILE *to)
{
	fprintf(to, "usage: rdmasec monitor [--json]\n"
		    "  Prints each decision of the engine, and each change of a living queue pair, as\n"
		    "  it happens, one line each. Ordinary users see their own only.\n"
		    "  exit status: 0 ended by a signal or by its reader, 2 usage error, 3 no engine,\n"
		    "  or the engine ended\n");
}

static int print_event(FILE *to, const struct wire_record *record, bool json)
{
	int err = 0;

	errno = 0;
	if (json)
		err = json_print(to, record_to_json(record), RECORD_JSON_LINE);
	else
		event_line(to, record);
	/* at once, also to a pipe; a closed pipe is an error here */
	if (fflush(to) || ferror(to))
		return errno ? -errno : -EIO;
	return err;
}

static int print_next(FILE *to, int socket, bool json, char *error, size_t error_size)
{
	struct wire_record record;
	int got = engine_query_next(socket, &record, error, error_size), err;

	if (got == -EAGAIN)
		return 0;
	if (got < 0)
		return got;
	err = print_event(to, &record, json);
	if (err == -EPIPE)
		return MONITOR_ENDED;
	if (err)
		snprintf(error, error_size, "cannot write an event: %s", strerror(-err));
	return err;
}

int monitor_stream(FILE *to, int socket, int signals, bool json, char *error, size_t error_size)
{
	enum { ENGINE, SIGNALS, READER, FD_COUNT };
	struct pollfd fds[FD_COUNT] = {
		[ENGINE] = { .fd = socket, .events = POLLIN },
		[SIGNALS] = { .fd = signals, .events = POLLIN },
		[READER] = { .fd = fileno(to) }, /* POLLERR: the pipe's other end is closed */
	};
	int rc = 0;

	while (!rc) {
		if (poll(fds, FD_COUNT, -1) < 0) {
			if (errno == EINTR)
				continue;
			rc = -errno;
			snprintf(error, error_size, "%s", strerror(errno));
		} else if (fds[SIGNALS].revents || fds[READER].revents & (POLLERR | POLLNVAL)) {
			rc = MONITOR_ENDED;
		} else if (fds[ENGINE].revents) {
			rc = print_next(to, socket, json, error, error_size);
		}
	}
	return rc == MONITOR_ENDED ? 0 : rc;
}

/* SIGINT and SIGTERM arrive by a descriptor, between two lines. Returns it, or -errno. */
static int signals_open(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int monitor(bool json)
{
	const char *name = engine_query_name();
	char error[256] = "";
	enum json_form form = json ? JSON_LINE : JSON_NONE;
	int signals = signals_open(), s, err;

	if (!name)
		return report_failure(form, EXIT_UNKNOWN,
				      "rdmasecd is not installed here (no " WIRE_SYSTEM_FOLDER "): see rdmasecd(8)");
	s = signals < 0 ? signals : engine_query_open(name, WIRE_MONITOR, error, sizeof(error));
	err = s < 0 ? s : monitor_stream(stdout, s, signals, json, error, sizeof(error));
	if (s >= 0)
		close(s);
	if (!err) {
		clearerr(stdout); /* a reader that has closed it ends the command */
		return 0;
	}
	/* monitor_stream() has reported what could not be written */
	if (ferror(stdout))
		form = JSON_NONE;
	clearerr(stdout);
	return report_failure(form, EXIT_UNKNOWN, error[0] ? error : strerror(-err));
}

int command_monitor(int argc, char **argv)
{
	bool json;
	int status = only_json_option(argc, argv, usage, &json);

	return status >= 0 ? status : monitor(json);
}
