// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The private engine of one command: its event loop, and the end of that loop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "engine/server.h"
#include "messages/protocol.h"
#include "process/foreign.h"
#include "process/process.h"
#include "util/clock.h"

/* A descendant that is forked while /proc is read may be missed once. */
enum { LOOK_AGAIN_MS = 1000, LOOKS_IN_VAIN = 2 };

/*
 * | event                                   | action                                                            |
 * |-----------------------------------------|-------------------------------------------------------------------|
 * | the first process has ended,            | looks for a process that was executed with this engine's name:    |
 * | and no holder of the lifeline is left   | a daemon has closed the lifeline, a launcher does so for its      |
 * |                                         | children                                                          |
 * | one is found                            | waits for its end, then looks again                               |
 * | none is found                           | looks again after LOOK_AGAIN_MS; after LOOKS_IN_VAIN ends the loop |
 */
struct served {
	struct event_base *base;
	struct foreign *foreign;
	struct event *lifeline, *process, *look;
	char variable[sizeof("RDMASEC_ENGINE=") + WIRE_NAME_MAX]; /* "": the engine's name is not known */
	int in_vain;
};

static void served_ended(evutil_socket_t fd, short what, void *arg);

static int watch_end(struct served *served, int fd, struct event **out)
{
	*out = event_new(served->base, fd, EV_READ | EV_PERSIST, served_ended, served);
	return *out && !event_add(*out, NULL) ? 0 : -ENOMEM;
}

static void look_for_descendants(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval again = clock_timeval(LOOK_AGAIN_MS);
	struct served *served = arg;
	struct process found;
	int err;

	(void)fd;
	(void)what;
	if (!served->variable[0] || served->in_vain++ == LOOKS_IN_VAIN) {
		event_base_loopbreak(served->base);
		return;
	}
	err = foreign_find_by_environment(served->foreign, served->variable, &found);
	/* any other error says nothing: a process delays the search */
	if (err != -ENOENT)
		served->in_vain = 0;
	if (!err) {
		/* it takes over the pidfd */
		if (!watch_end(served, found.pidfd, &served->process))
			return;
	}
	if (event_add(served->look, &again))
		event_base_loopbreak(served->base);
}

/* One of the first process, the holders of the lifeline, and a descendant. */
static void served_ended(evutil_socket_t fd, short what, void *arg)
{
	struct served *served = arg;
	char byte;

	(void)what;
	if (served->lifeline && fd == event_get_fd(served->lifeline)) {
		if (read(fd, &byte, 1) > 0)
			return;
		event_free(served->lifeline);
		served->lifeline = NULL;
	} else {
		event_free(served->process);
		served->process = NULL;
	}
	close(fd);
	if (!served->lifeline && !served->process)
		look_for_descendants(-1, 0, served);
}

/* The form in which descendants of the command have it in their environment. */
static void name_self(struct served *served, int listener)
{
	struct sockaddr_un address;
	socklen_t len = sizeof(address);
	char name[WIRE_NAME_MAX] = "@";

	if (getsockname(listener, (struct sockaddr *)&address, &len) || len <= offsetof(struct sockaddr_un, sun_path))
		return;
	len -= offsetof(struct sockaddr_un, sun_path);
	if (address.sun_path[0] || len >= sizeof(name))
		return;
	memcpy(name + 1, address.sun_path + 1, len - 1);
	snprintf(served->variable, sizeof(served->variable), "RDMASEC_ENGINE=%s", name);
}

/* It has no audit log, and its streams are closed: the end of a process is for the log of the system. */
static void log_unreachable(const struct wire_record *record, void *arg)
{
	(void)arg;
	if (record->event != WIRE_EVENT_NOT_REVOKED)
		return;
	openlog("rdmasec", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_WARNING, "queue pair %u of process %d (%s): not revoked: %s", record->qpn, record->pid,
	       record->executable, record->text);
	closelog();
}

int engine_serve(const struct policy *policy, int listener, int lifeline, int pidfd)
{
	struct served served = { .base = engine_base_new() };
	/* an ordinary user may not take fds from every program: such a program is judged, but not watched */
	struct engine_options options = { .must_watch = false, .log = { .record = log_unreachable } };
	struct engine_server *server;
	int err;

	if (!served.base)
		return -ENOMEM;
	name_self(&served, listener);
	err = foreign_start("/sys", &options.foreign);
	served.foreign = options.foreign;
	if (err) {
		event_base_free(served.base);
		return err;
	}
	err = engine_server_new(served.base, policy, listener, &options, &server);
	if (!err) {
		served.look = evtimer_new(served.base, look_for_descendants, &served);
		err = served.look ? 0 : -ENOMEM;
		if (!err && lifeline >= 0)
			err = watch_end(&served, lifeline, &served.lifeline);
		if (!err && pidfd >= 0)
			err = watch_end(&served, pidfd, &served.process);
		if (!err && event_base_dispatch(served.base) < 0)
			err = -EIO;
		engine_server_free(server);
	}
	if (served.lifeline)
		event_free(served.lifeline);
	if (served.process)
		event_free(served.process);
	if (served.look)
		event_free(served.look);
	event_base_free(served.base);
	foreign_stop(options.foreign);
	return err;
}
