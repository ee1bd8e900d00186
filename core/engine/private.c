// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The private engine of one command: its event loop, and the end of that loop. */
#include <errno.h>
#include <unistd.h>

#include "engine/server.h"
#include "process/foreign.h"

struct served {
	struct event_base *base;
	struct event *lifeline, *process;
};

/* Ends the loop after both the first process and all holders of the lifeline have ended. */
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
		event_base_loopbreak(served->base);
}

static int watch(struct served *served, int fd, struct event **out)
{
	if (fd < 0)
		return 0;
	*out = event_new(served->base, fd, EV_READ | EV_PERSIST, served_ended, served);
	return *out && !event_add(*out, NULL) ? 0 : -ENOMEM;
}

int engine_serve(const struct policy *policy, int listener, int lifeline, int pidfd)
{
	struct served served = { .base = engine_base_new() };
	/* an ordinary user may not take fds from every program: such a program is judged, but not watched */
	struct engine_options options = { .must_watch = false };
	struct engine_server *server;
	int err;

	if (!served.base)
		return -ENOMEM;
	err = foreign_start("/sys", &options.foreign);
	if (err) {
		event_base_free(served.base);
		return err;
	}
	err = engine_server_new(served.base, policy, listener, &options, &server);
	if (!err) {
		err = watch(&served, lifeline, &served.lifeline);
		if (!err)
			err = watch(&served, pidfd, &served.process);
		if (!err && event_base_dispatch(served.base) < 0)
			err = -EIO;
		engine_server_free(server);
	}
	if (served.lifeline)
		event_free(served.lifeline);
	if (served.process)
		event_free(served.process);
	event_base_free(served.base);
	foreign_stop(options.foreign);
	return err;
}
