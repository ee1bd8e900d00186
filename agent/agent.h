/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The seccomp agent: OCI runtimes hand it the fd by which a container's filter notifies, and a process of its own
 * serves that fd from then on. The agent has nothing to do with what containers do, nor do containers with each
 * other's.
 */
#ifndef RDMASEC_AGENT_AGENT_H
#define RDMASEC_AGENT_AGENT_H

#include <event2/event.h>

#include "container_state.h"
#include "util/attributes.h"

enum {
	AGENT_CONTAINERS_MAX = 1024, /* filters, each with its process: a command executed in a container is one */
	AGENT_CONNECTIONS_MAX = 64,  /* whose message is not complete */
	AGENT_SILENCE_MS = 10000     /* of a runtime whose message is not complete */
};

struct agent_options {
	/* Serves the fd in a new process. Its pid or -errno; the fd stays the caller's. */
	int (*start)(const struct container_state *state, int fd, void *arg);
	/* One line for the operator, without its newline. */
	void (*log)(const char *line, void *arg);
	void *arg;
	uid_t peer; /* whose runtimes are heard: root's, but in tests */
};

struct agent;

/* `listener` is the agent's from then on, also if it fails. It reaps all children of the process. 0 or -errno. */
RS_MUST_USE int agent_new(struct event_base *base, int listener, const struct agent_options *options,
			  struct agent **out);
void agent_free(struct agent *agent); /* processes that serve containers go on */

#endif
