/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The seccomp agent: OCI runtimes send it the notification fd of a container's filter, and it starts a process that
 * serves the fd. The agent itself handles no calls of containers, and no two containers share a process.
 */
#ifndef RDMASEC_AGENT_AGENT_H
#define RDMASEC_AGENT_AGENT_H

#include <event2/event.h>

#include "container_state.h"
#include "util/attributes.h"

enum {
	AGENT_CONTAINERS_MAX = 1024, /* filters: one for a container, and one for each command executed in it */
	AGENT_CONNECTIONS_MAX = 64,  /* with an incomplete message */
	AGENT_SILENCE_MS = 10000     /* within an incomplete message */
};

struct agent_options {
	/* Serves the fd in a new process. Its pid or -errno; the caller keeps its fd. */
	int (*start)(const struct container_state *state, int fd, void *arg);
	/* One line for the operator, without its newline. */
	void (*log)(const char *line, void *arg);
	void *arg;
	uid_t peer; /* the user whose runtimes are trusted: root, except in tests */
};

struct agent;

/* Takes `listener`, also on failure, and reaps all children of the process. 0 or -errno. One thread. */
RS_MUST_USE int agent_new(struct event_base *base, int listener, const struct agent_options *options,
			  struct agent **out);
void agent_free(struct agent *agent); /* NULL allowed; processes that serve containers continue */

#endif
