// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The engine's socket: dispatches messages to questions, lists and monitors. */
#include "engine/server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/internal.h"
#include "util/clock.h"
#include "util/fd_socket.h"

/* ---- messages ---- */

static enum connection_fate reject(struct asking *q, int err)
{
	if (err == -EPROTONOSUPPORT)
		return question_reject(q, REASON_ENGINE_RELEASE);
	return question_reject(q, err == -EPERM ? REASON_SUBJECT_FOREIGN : REASON_ENGINE_MESSAGE);
}

static int read_question(struct asking *q, const void *message, size_t len, bool has_file)
{
	int err = wire_ask_read(message, len, &q->request, &q->number);

	if (err)
		return err;
	/* only a door that could not be installed has no device to ask about */
	if (has_file == (q->request.kind == REQUEST_DOOR_BROKEN))
		return -EBADMSG;
	err = asker_identify(q->connection, wire_ask_subject(message), &q->process);
	if (err || has_file)
		return err;
	err = foreign_describe(q->connection->server->options.foreign, &q->process);
	if (err)
		process_close(&q->process);
	return err;
}

static enum connection_fate on_question(struct connection *connection, const void *message, size_t len, bool has_file)
{
	struct asking q = { .connection = connection, .file = { .fd = -1 } };
	int which = wire_check(message, len, WIRE_REQUESTS | WIRE_BIT(WIRE_QUERY)), err;

	if (which == WIRE_QUERY)
		return connection_query(connection, message, has_file);
	if (which >= 0)
		return has_file ? CONNECTION_ENDS : connection_request(connection, which);
	err = read_question(&q, message, len, has_file);
	return err ? reject(&q, err) : question_begin(&q);
}

static enum connection_fate on_done(struct connection *connection, const void *message, size_t len, bool has_file)
{
	/* a file belongs to a question */
	return connection_done(connection, message, has_file ? 0 : len);
}

static enum connection_fate on_silent_door(struct connection *connection)
{
	connection_not_done(connection);
	return CONNECTION_ENDS;
}

/* When its account's turn has come: an attempt may last. */
static enum connection_fate on_take_again(struct connection *connection)
{
	connection_queue(connection);
	return CONNECTION_STAYS;
}

/*
 * What a connection does, by its state and by what happens on its socket. An empty cell ends it: monitors and waiting
 * doors send nothing, so anything that arrives from one is its end.
 */
static const struct {
	enum connection_fate (*message)(struct connection *connection, const void *message, size_t len, bool has_file);
	enum connection_fate (*room)(struct connection *connection);
	enum connection_fate (*silence)(struct connection *connection);
	bool wants_end; /* its handler of messages also gets the end of the connection, as a message of no octets */
} actions[] = {
	[CONNECTION_ASKS] = { .message = on_question },
	[CONNECTION_TAKES] = { .silence = on_take_again },
	[CONNECTION_WAITS] = { .silence = connection_still_waits },
	[CONNECTION_ACTS] = { .message = on_done, .silence = on_silent_door, .wants_end = true },
	[CONNECTION_LISTS] = { .room = connection_write },
	[CONNECTION_MONITORS] = { 0 },
};

/*
 * The loop's thread never receives a file, and never takes a message with a file out of the socket: its sender could
 * delay both (process/foreign.h). A helper does.
 */
static int next_message(int socket, void *message, size_t size, bool *has_file)
{
	int got = wire_peek(socket, message, size, has_file);

	return (got > 0 || got == -EBADMSG) && !*has_file ? wire_receive(socket, message, size, NULL) : got;
}

static enum connection_fate read_one(struct connection *connection)
{
	char message[sizeof(struct wire_ask) + 1];
	enum connection_state state = connection->state;
	bool has_file = false;
	size_t len;
	int got;

	if (state == CONNECTION_TAKES)
		return connection_take_again(connection);
	got = next_message(connection->socket, message, sizeof(message), &has_file);
	len = got > 0 ? (size_t)got : 0;
	if (got == -EAGAIN || got == -EINTR)
		return CONNECTION_STAYS;
	if (actions[state].message && (got > 0 || got == -EBADMSG || actions[state].wants_end))
		return actions[state].message(connection, message, len, has_file);
	return CONNECTION_ENDS;
}

/*
 * libevent handles time-outs before it asks for ready sockets, so after a turn of the loop that took long a time-out
 * does not mean that the client was silent.
 */
static short with_unseen(const struct connection *connection, short what)
{
	short awaited = event_get_events(connection->event);
	struct pollfd ready = { .fd = connection->socket,
				.events = (short)((awaited & EV_READ ? POLLIN : 0) |
						  (awaited & EV_WRITE ? POLLOUT : 0)) };

	if (what == EV_TIMEOUT && ready.events && poll(&ready, 1, 0) == 1)
		what |= awaited & (EV_READ | EV_WRITE);
	return what;
}

static void on_ready(evutil_socket_t socket, short what, void *arg)
{
	struct connection *connection = arg;
	enum connection_state state = connection->state;
	enum connection_fate fate = CONNECTION_ENDS;

	(void)socket;
	what = with_unseen(connection, what);
	if (what & EV_READ) {
		connection_queue(connection);
		return;
	}
	if (what & EV_WRITE && actions[state].room)
		fate = actions[state].room(connection);
	else if (what & EV_TIMEOUT && actions[state].silence)
		fate = actions[state].silence(connection);
	if (fate == CONNECTION_ENDS)
		connection_free(connection);
}

/* A handler that lets its connection stay has it wait for something new. Without a message it waits as before. */
static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct connection *connection = connection_next(arg);
	enum connection_fate fate;

	(void)fd;
	(void)what;
	if (!connection)
		return;
	fate = read_one(connection);
	if (fate == CONNECTION_STAYS && !event_pending(connection->event, EV_READ | EV_WRITE | EV_TIMEOUT, NULL))
		fate = connection_wait(connection, EV_READ, connection->silence_ms);
	if (fate == CONNECTION_ENDS)
		connection_free(connection);
}

static void take_on(struct engine_server *server, int socket)
{
	struct connection *connection;

	/* its queue may have files already: closed as any other */
	if (connection_new(server, socket, &connection))
		foreign_close_socket(server->options.foreign, socket, UINT64_MAX);
	else if (connection_wait(connection, EV_READ, ASK_SILENCE_MS) == CONNECTION_ENDS)
		connection_free(connection);
}

/* Clients that connect without end leave the loop its other events; an honest one soon has its turn behind them. */
static void on_connect(evutil_socket_t listener, short what, void *arg)
{
	int socket;

	(void)what;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (socket < 0)
			return;
		take_on(arg, socket);
	}
}

/* ---- the server ---- */

struct event_base *engine_base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	/* of events with the lower priority, one at a time */
	if (config && !event_config_set_max_dispatch_interval(config, NULL, 1, OTHERS_PRIORITY))
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	if (base && event_base_priority_init(base, OTHERS_PRIORITY + 1)) {
		event_base_free(base);
		base = NULL;
	}
	return base;
}

static void on_summarise(evutil_socket_t fd, short what, void *arg)
{
	struct engine_server *server = arg;

	(void)fd;
	(void)what;
	decisions_summarise(server->decisions, clock_ms(), server_publish, server);
}

static int start_own_events(struct engine_server *server)
{
	const struct timeval interval = clock_timeval(DECISIONS_SUMMARY_MS);

	server->turn = event_new(server->base, -1, 0, on_turn, server);
	server->decisions = decisions_new();
	server->summarise = event_new(server->base, -1, EV_PERSIST, on_summarise, server);
	return server->turn && server->decisions && server->summarise && !event_add(server->summarise, &interval)
		       ? 0
		       : -ENOMEM;
}

/* Without its listener. Decisions that were left out are reported first. */
static void server_free(struct engine_server *server)
{
	if (server->summarise) {
		if (server->decisions)
			on_summarise(-1, 0, server);
		event_free(server->summarise);
	}
	if (server->turn)
		event_free(server->turn);
	server_entry_free(server);
	decisions_free(server->decisions);
	server_wait_free(server);
	if (server->watch)
		watch_free(server->watch);
	answer_cache_free(server->answers);
	free(server);
}

/* Owns `listener` if it returns 0. */
static int listen_on(struct engine_server *server, int listener)
{
	evutil_make_socket_nonblocking(listener);
	server->listen = event_new(server->base, listener, EV_READ | EV_PERSIST, on_connect, server);
	if (server->listen && !event_add(server->listen, NULL))
		return 0;
	if (server->listen)
		event_free(server->listen);
	return -ENOMEM;
}

int engine_server_new(struct event_base *base, const struct policy *policy, int listener,
		      const struct engine_options *options, struct engine_server **out)
{
	struct engine_server *server = calloc(1, sizeof(*server));
	int err;

	if (!server)
		return -ENOMEM;
	server->base = base;
	server->on_ready = on_ready;
	server->options = *options;
	err = watch_new(base, policy, options->opener, options->foreign, options->must_watch,
			&(struct watch_listener){ .record = server_publish,
						  .changed = server_on_change,
						  .missing_sa = server_on_missing_sa,
						  .arg = server },
			&server->watch);
	if (!err)
		watch_keep(server->watch, options->kept);
	if (!err && !(server->answers = answer_cache_new()))
		err = -ENOMEM;
	if (!err)
		err = start_own_events(server);
	if (!err)
		err = server_wait_init(server);
	if (!err)
		err = server_entry_init(server, policy);
	if (err) {
		server_free(server);
		return err;
	}
	err = listen_on(server, listener);
	if (err) {
		server_free(server);
		return err;
	}
	*out = server;
	return 0;
}

void engine_server_set_policy(struct engine_server *server, const struct policy *policy)
{
	server_entry_set_policy(server, policy);
	watch_set_policy(server->watch, policy);
}

void engine_server_adopt(struct engine_server *server)
{
	watch_adopt(server->watch);
}

void engine_server_free(struct engine_server *server)
{
	close(event_get_fd(server->listen));
	event_free(server->listen);
	connections_free(server);
	server_free(server);
}
