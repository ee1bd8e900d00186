// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Connections of doors and tools, and the limits of their users. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* The uid is the peer's at connect(2). The limit of one user affects only that user. */
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

/* ---- connections ---- */

struct connection *connection_new(struct engine_server *server, int socket)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection || admit(server, socket, &connection->user)) {
		free(connection);
		return NULL;
	}
	connection->server = server;
	connection->socket = socket;
	if (++server->connections == CONNECTIONS_MAX)
		evconnlistener_disable(server->listener);
	return connection;
}

enum connection_fate connection_wait(struct connection *connection, short what, int ms)
{
	const struct timeval silence = clock_timeval(ms);
	struct engine_server *server = connection->server;

	if (connection->event)
		event_free(connection->event);
	connection->event =
		event_new(server->base, connection->socket, what | EV_PERSIST, server->on_ready, connection);
	return connection->event && !event_add(connection->event, ms ? &silence : NULL) ? CONNECTION_STAYS
											: CONNECTION_ENDS;
}

/* Unread messages may carry fds, which close(2) of the socket would close as their sender likes: a socket may linger.
 */
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

	if (connection->release)
		connection->release(connection);
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
