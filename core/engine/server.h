/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* An engine on a socket, as a part of an event loop: of the private engine's, or of the daemon's. */
#ifndef RDMASEC_ENGINE_SERVER_H
#define RDMASEC_ENGINE_SERVER_H

#include <event2/event.h>

#include "policy/policy.h"
#include "util/attributes.h"
#include "watch/listener.h"

struct engine_server;

struct engine_options {
	struct netns_opener *opener; /* NULL: programs of other network namespaces are refused */
	/* The whole host's engine. Refuse those whose fds the engine may not take (pidfd_getfd(2)), for their QPs could
	 * not be taken down. */
	bool must_watch;
	struct watch_listener log; /* hears of every decision and of whatever else happens; .record may be NULL */
};

/*
 * An event loop in which taking down goes before answering: however many ask, evidence is followed between any two of
 * them. NULL: no memory.
 */
struct event_base *engine_base_new(void);

/*
 * Serves doors and tools on `listener` (listening, SOCK_SEQPACKET), which it takes over when it succeeds. `policy` has
 * to outlive it, or the next one that is set. One thread: the loop's. 0, or -errno.
 */
RS_MUST_USE int engine_server_new(struct event_base *base, const struct policy *policy, int listener,
				  const struct engine_options *options, struct engine_server **out);

/* What lives already is decided again; the caller frees the old one. */
void engine_server_set_policy(struct engine_server *server, const struct policy *policy);

/* Finds programs that run guarded already, and takes down what is not protected: at a daemon's start. */
void engine_server_adopt(struct engine_server *server);

/* After the loop has ended. Clients that wait for an answer see their connection end when the process does. */
void engine_server_free(struct engine_server *server);

#endif
