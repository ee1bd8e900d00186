// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The engine's socket: who connects, how many may, and how long each may be silent. */
#include "engine/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "engine/internal.h"
#include "util/clock.h"
#include "util/fd_socket.h"

/* ---- users ---- */

static struct server_user *user_get(struct engine_server *server, uid_t uid)
{
	struct server_user *user;

	HASH_FIND(hh, server->users, &uid, sizeof(uid), user);
	if (user)
		return user;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	HASH_ADD(hh, server->users, uid, sizeof(user->uid), user);
	return user;
}

static void user_leave(struct engine_server *server, struct server_user *user)
{
	if (--user->connections)
		return;
	HASH_DEL(server->users, user);
	free(user);
}

/* ---- connections ---- */

/* What is still in the socket may carry fds, and they would be closed with it as their sender likes. */
static void let_go_unread(int socket)
{
	char message[sizeof(struct wire_ask)];

	for (int i = 0, fd = -1, got = 1; i < UNREAD_MAX && (got > 0 || got == -EBADMSG); i++, fd = -1) {
		got = wire_receive(socket, message, sizeof(message), &fd);
		if (fd >= 0)
			fd_let_go(fd);
	}
}

void connection_free(struct connection *connection)
{
	struct engine_server *server = connection->server;

	if (connection->state == CONNECTION_MONITORS) {
		DL_DELETE(server->monitors, connection);
		server->monitor_count--;
		connection->user->monitors--;
	}
	connection_waiting_free(connection);
	if (connection->pending) {
		process_close(&connection->pending->process);
		free(connection->pending);
	}
	connection_list_free(connection);
	if (connection->event)
		event_free(connection->event);
	let_go_unread(connection->socket);
	close(connection->socket);
	user_leave(server, connection->user);
	free(connection);
	/* room again for the next */
	if (server->connections-- == CONNECTIONS_MAX)
		evconnlistener_enable(server->listener);
}

static enum connection_fate read_one(struct connection *connection)
{
	char message[sizeof(struct wire_ask) + 1];
	enum connection_fate fate = CONNECTION_ENDS;
	int fd = -1, got = wire_receive(connection->socket, message, sizeof(message), &fd);
	size_t len = got > 0 ? (size_t)got : 0;

	if (got == -EAGAIN || got == -EINTR)
		return CONNECTION_STAYS;
	if (connection->state == CONNECTION_ASKS && (got > 0 || got == -EBADMSG))
		fate = connection_ask(connection, message, len, fd);
	else if (connection->state == CONNECTION_ACTS)
		fate = connection_done(connection, message, len);
	/* whoever listens has nothing to say: anything he sends is his end */
	if (fd >= 0)
		fd_let_go(fd);
	return fate;
}

static void on_ready(evutil_socket_t socket, short what, void *arg)
{
	struct connection *connection = arg;
	enum connection_fate fate = CONNECTION_ENDS;

	(void)socket;
	if (what & EV_READ)
		fate = read_one(connection);
	else if (what & EV_WRITE)
		fate = connection_write(connection);
	else if (connection->state == CONNECTION_WAITS)
		fate = connection_still_waits(connection);
	else if (connection->state == CONNECTION_ACTS)
		connection_not_done(connection);
	if (fate == CONNECTION_ENDS)
		connection_free(connection);
}

enum connection_fate connection_wait(struct connection *connection, short what, int ms)
{
	const struct timeval silence = clock_timeval(ms);

	if (connection->event)
		event_free(connection->event);
	connection->event =
		event_new(connection->server->base, connection->socket, what | EV_PERSIST, on_ready, connection);
	return connection->event && !event_add(connection->event, ms ? &silence : NULL) ? CONNECTION_STAYS
											: CONNECTION_ENDS;
}

/* As the kernel took it at connect(2). A user with too many of them gets no more: whom that refuses is himself. */
static int admit(struct engine_server *server, int socket, struct server_user **out)
{
	struct server_user *user;
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	user = user_get(server, cred.uid);
	if (!user)
		return -ENOMEM;
	if (user->connections >= CONNECTIONS_PER_USER_MAX && cred.uid != 0)
		return -EUSERS;
	user->connections++;
	*out = user;
	return 0;
}

static void on_connect(struct evconnlistener *listener, evutil_socket_t socket, struct sockaddr *address, int len,
		       void *arg)
{
	struct engine_server *server = arg;
	struct connection *connection = calloc(1, sizeof(*connection));

	(void)listener;
	(void)address;
	(void)len;
	if (!connection || admit(server, socket, &connection->user)) {
		free(connection);
		close(socket);
		return;
	}
	connection->server = server;
	connection->socket = socket;
	if (++server->connections == CONNECTIONS_MAX)
		evconnlistener_disable(server->listener);
	if (connection_wait(connection, EV_READ, ASK_SILENCE_MS) == CONNECTION_ENDS)
		connection_free(connection);
}

/* ---- the server ---- */

struct event_base *engine_base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	/* of what has the lower priority, one event at a time */
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

/* Without its listener. */
static void server_free(struct engine_server *server)
{
	server_wait_free(server);
	if (server->watch)
		watch_free(server->watch);
	answer_cache_free(server->answers);
	free(server);
}

int engine_server_new(struct event_base *base, const struct policy *policy, int listener,
		      const struct engine_options *options, struct engine_server **out)
{
	struct engine_server *server = calloc(1, sizeof(*server));
	int err;

	if (!server)
		return -ENOMEM;
	server->base = base;
	server->options = *options;
	err = watch_new(base, policy, options->opener, options->must_watch,
			&(struct watch_listener){ .record = server_publish,
						  .changed = server_on_change,
						  .missing_sa = server_on_missing_sa,
						  .arg = server },
			&server->watch);
	if (!err && !(server->answers = answer_cache_new()))
		err = -ENOMEM;
	if (!err)
		err = server_wait_init(server);
	if (err) {
		server_free(server);
		return err;
	}
	evutil_make_socket_nonblocking(listener);
	server->listener = evconnlistener_new(base, on_connect, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
					      0, listener);
	if (!server->listener) {
		server_free(server);
		return -ENOMEM;
	}
	*out = server;
	return 0;
}

void engine_server_set_policy(struct engine_server *server, const struct policy *policy)
{
	watch_set_policy(server->watch, policy);
}

void engine_server_adopt(struct engine_server *server)
{
	watch_adopt(server->watch);
}

void engine_server_free(struct engine_server *server)
{
	evconnlistener_free(server->listener);
	server_free(server);
}
