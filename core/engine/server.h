/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The engine: serves doors and tools on one socket, in an event loop. The private engine and the daemon use it. */
#ifndef RDMASEC_ENGINE_SERVER_H
#define RDMASEC_ENGINE_SERVER_H

#include <event2/event.h>

#include "policy/policy.h"
#include "util/attributes.h"
#include "watch/listener.h"

struct engine_server;
struct entry;
struct foreign;
struct kept;
struct gate_event;

struct engine_options {
	struct netns_opener *opener; /* borrowed; NULL: refuses programs of other network namespaces */
	/* borrowed: receives, takes and closes the files of others (process/foreign.h). NULL: the loop's thread, in
	 * tests */
	struct foreign *foreign;
	/*
	 * Refuses programs from which the engine cannot take file descriptors (pidfd_getfd(2)), because it could not
	 * revoke their queue pairs. The daemon sets it.
	 */
	bool must_watch;
	/* borrowed: the kernel door (entry/entry.h); NULL: there is none, and nothing that an earlier daemon stopped */
	struct entry *entry;
	/* copied: "not available: REASON", shown while the policy asks for it and `entry` is not attached; NULL: no
	 * daemon */
	const char *entry_words;
	struct kept *kept;         /* borrowed; where the guarded processes are kept for a successor; NULL: nowhere */
	struct watch_listener log; /* receives every record, in the loop's thread; .record may be NULL */
};

/*
 * Returns an event loop that handles evidence and revocation before it answers the next question; NULL: no memory. The
 * caller frees it with event_base_free(), after the server.
 */
struct event_base *engine_base_new(void);

/*
 * Serves doors and tools on `listener` (listening, SOCK_SEQPACKET). Returns 0 or -errno. On success it owns `listener`,
 * and the caller frees *out with engine_server_free(). `policy` is borrowed until engine_server_set_policy() replaces
 * it or the server is freed. All functions of the server run in the thread of the loop.
 */
RS_MUST_USE int engine_server_new(struct event_base *base, const struct policy *policy, int listener,
				  const struct engine_options *options, struct engine_server **out);

/* Re-evaluates all living queue pairs by `policy`, which it borrows. The caller then frees the previous policy. */
void engine_server_set_policy(struct engine_server *server, const struct policy *policy);

/* At a daemon's start: finds programs that already run guarded, and revokes their unprotected queue pairs. */
void engine_server_adopt(struct engine_server *server);

/*
 * The gate has stopped packets on `netdev` of this process's network namespace: publishes a record, within the limits
 * of decisions.h, and has the queue pair that sent them judged again with that as evidence. Does not block.
 */
void engine_server_stopped(struct engine_server *server, const struct gate_event *event, const char *netdev);

/*
 * Frees the server, after the loop has ended, and closes all connections.
 */
void engine_server_free(struct engine_server *server);

/*
 * The private engine: serves `listener` until `lifeline` reports end of file, the process behind `pidfd` has ended, and
 * no process of this user is left that was executed with RDMASEC_ENGINE= the name of `listener`. `lifeline` and `pidfd`
 * may be -1. Returns 0 or -errno; blocks until then. Takes over the fds. `policy` is borrowed.
 */
RS_MUST_USE int engine_serve(const struct policy *policy, int listener, int lifeline, int pidfd);

#endif
