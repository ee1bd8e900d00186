// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Connections of doors and tools, and the limits of their users. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "engine/internal.h"
#include "process/account.h"
#include "util/clock.h"

/* ---- users ---- */

static struct server_user *user_get(struct engine_server *server, uint64_t account)
{
	struct server_user *user;

	HASH_FIND(hh, server->users, &account, sizeof(account), user);
	if (user)
		return user;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->account = account;
	HASH_ADD(hh, server->users, account, sizeof(user->account), user);
	if (user->hh.tbl)
		return user;
	free(user);
	return NULL;
}

static void user_leave(struct engine_server *server, struct server_user *user)
{
	if (--user->connections)
		return;
	HASH_DEL(server->users, user);
	free(user);
}

static bool may_have_another(const struct engine_server *server, const struct server_user *user)
{
	unsigned free_ones = CONNECTIONS_MAX - server->connections;

	return user->connections < CONNECTIONS_ASSURED || user->connections < free_ones / CONNECTIONS_SHARE;
}

/* The oldest connection of the account with the most: of one that says nothing, if there is any. NULL: `user` has most.
 */
static struct connection *to_make_way(const struct engine_server *server, const struct server_user *user)
{
	struct server_user *largest = NULL, *other, *next;
	struct connection *connection;

	HASH_ITER (hh, server->users, other, next)
		if (!largest || other->connections > largest->connections)
			largest = other;
	if (!largest || largest == user)
		return NULL;
	DL_FOREACH2 (largest->list, connection, user_next)
		if (connection->state == CONNECTION_ASKS)
			return connection;
	return largest->list;
}

static int make_room(struct engine_server *server, const struct server_user *user)
{
	struct connection *oldest;

	if (server->connections < CONNECTIONS_MAX)
		return 0;
	oldest = to_make_way(server, user);
	if (!oldest)
		return -EUSERS;
	connection_free(oldest);
	return 0;
}

/* The uid is the peer's at connect(2). The limit of one account affects only that account; root has none. */
static int admit(struct engine_server *server, int socket, struct connection *connection)
{
	struct server_user *user;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int err;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	user = user_get(server, process_account_of(cred.pid, cred.uid));
	if (!user)
		return -ENOMEM;
	/* counted already: its last other connection may be the one that makes way */
	user->connections++;
	err = user->account == 0 || may_have_another(server, user) ? make_room(server, user) : -EUSERS;
	if (err) {
		user_leave(server, user);
		return err;
	}
	connection->user = user;
	connection->uid = cred.uid;
	return 0;
}

/* ---- connections ---- */

int connection_new(struct engine_server *server, int socket, struct connection **out)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	int err = connection ? admit(server, socket, connection) : -ENOMEM;

	if (err) {
		free(connection);
		return err;
	}
	connection->server = server;
	connection->socket = socket;
	DL_APPEND2(connection->user->list, connection, user_prev, user_next);
	server->connections++;
	connection->is_asking = true;
	if (connection->user->asking++ == 0)
		server->asking++;
	*out = connection;
	return 0;
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

/* ---- shares of the time ---- */

enum { REST_MAX_US = 2000000 };

bool connection_rests(struct connection *connection)
{
	const struct server_user *user = connection->user;
	int64_t left_us = user->rest_until_us - clock_us();

	connection->rests = left_us > 0 && connection->server->asking > 1 &&
			    connection_wait(connection, 0, (int)(left_us / 1000) + 1) == CONNECTION_STAYS;
	return connection->rests;
}

void connection_took(struct connection *connection, int64_t us)
{
	int64_t rest_us = us * (connection->server->asking - 1);

	if (connection->server->asking > 1)
		connection->user->rest_until_us = clock_us() + (rest_us < REST_MAX_US ? rest_us : REST_MAX_US);
}

void connection_asked(struct connection *connection)
{
	if (connection->is_asking && --connection->user->asking == 0)
		connection->server->asking--;
	connection->is_asking = false;
}

void connection_free(struct connection *connection)
{
	struct engine_server *server = connection->server;

	if (connection->release)
		connection->release(connection);
	if (connection->event)
		event_free(connection->event);
	foreign_close_socket(server->options.foreign, connection->socket, connection->user->account);
	connection_asked(connection);
	DL_DELETE2(connection->user->list, connection, user_prev, user_next);
	user_leave(server, connection->user);
	free(connection);
	server->connections--;
}

/* A user is freed with its last connection. */
void connections_free(struct engine_server *server)
{
	struct server_user *user, *next;

	HASH_ITER (hh, server->users, user, next) {
		unsigned left = user->connections;

		while (left--)
			connection_free(user->list);
	}
}
