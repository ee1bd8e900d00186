/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* An engine on a socket, as a part of an event loop: of the private engine's, or of the daemon's. */
#ifndef RDMASEC_CORE_ENGINE_SERVER_H
#define RDMASEC_CORE_ENGINE_SERVER_H

#include <event2/event.h>

#include "attributes.h"
#include "policy.h"

struct engine_server;

/*
 * Serves doors on `listener` (listening, SOCK_SEQPACKET), which it takes over when it succeeds. It judges for programs
 * of the calling process' network namespace only; others are refused. `policy` has to outlive it, or the next one that
 * is set. One thread: the loop's. 0, or -errno.
 */
RS_MUST_USE int engine_server_new(struct event_base *base, const struct policy *policy, int listener,
				  struct engine_server **out);

/* From the next question on; the caller frees the old one. */
void engine_server_set_policy(struct engine_server *server, const struct policy *policy);

/* After the loop has ended. Clients that wait for an answer see their connection end when the process does. */
void engine_server_free(struct engine_server *server);

#endif
