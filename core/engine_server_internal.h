/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Between the parts of the server: connections (engine_server.c), questions (engine_ask.c), lists (engine_lists.c). */
#ifndef RDMASEC_CORE_ENGINE_SERVER_INTERNAL_H
#define RDMASEC_CORE_ENGINE_SERVER_INTERNAL_H

#include <event2/listener.h>
#include <uthash.h>

#include "answer_cache.h"
#include "engine_server.h"

enum {
	CONNECTIONS_MAX = 4096,
	CONNECTIONS_PER_USER_MAX = 1024, /* three hostile users leave room for others */
	UNREAD_MAX = 512,                /* messages: net.unix.max_dgram_qlen and more */
	LISTS_MAX = 16,                  /* at a time: each is a copy of all its rows */
	MONITORS_MAX = 64,
	ASK_SILENCE_S = 5,   /* from connecting to asking */
	DONE_SILENCE_S = 60, /* from the answer to what came of it: an ioctl(2) of the kernel's */
	LIST_SILENCE_S = 15, /* of one who does not read his list */
};

enum connection_state { CONNECTION_ASKS, CONNECTION_ACTS, CONNECTION_LISTS, CONNECTION_MONITORS };

/* Users, to bound what one of them may hold. */
struct server_user {
	uid_t uid;
	unsigned connections;
	UT_hash_handle hh;
};

/* What was let pass and not done yet. */
struct pending {
	struct process process;
	int number; /* of the uverbs fd in that process */
	struct uverbs_command command;
	struct engine_answer answer;
	uint64_t generation; /* of the evidence that it was judged by */
};

struct list {
	struct wire_record *records;
	size_t count, room, sent;
	int err;
};

struct connection {
	struct engine_server *server;
	struct server_user *user;
	struct event *event;
	int socket;
	enum connection_state state;
	struct pending *pending;        /* CONNECTION_ACTS */
	struct list list;               /* CONNECTION_LISTS */
	uint64_t lost;                  /* CONNECTION_MONITORS: events that it did not read in time */
	struct connection *prev, *next; /* of the server's monitors */
};

struct engine_server {
	struct event_base *base;
	struct evconnlistener *listener;
	struct server_user *users;
	unsigned connections, lists;
	struct watch *watch;
	struct answer_cache *answers;
	struct engine_options options;
	struct connection *monitors;
	unsigned monitor_count;
};

/* What a connection's handler says of it. */
enum connection_fate { CONNECTION_ENDS, CONNECTION_STAYS };

/* Waits for `what` (EV_READ, EV_WRITE) at most so long; 0 s: for ever. */
RS_MUST_USE enum connection_fate connection_wait(struct connection *connection, short what, int seconds);

/* ---- engine_ask.c ---- */

RS_MUST_USE enum connection_fate connection_ask(struct connection *connection, const void *message, size_t len, int fd);
RS_MUST_USE enum connection_fate connection_done(struct connection *connection, const void *message, size_t len);
/* It ended without a word: the kernel is asked what it did. */
void connection_not_done(struct connection *connection);

/* ---- engine_lists.c ---- */

RS_MUST_USE enum connection_fate connection_request(struct connection *connection, int which);
RS_MUST_USE enum connection_fate connection_write(struct connection *connection);
void connection_list_free(struct connection *connection);
/* To everybody who listens, as far as it is theirs to see. */
void server_publish(const struct wire_record *record, void *server);

#endif
