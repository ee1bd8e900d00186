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

/*
 * Spares the look at /proc for the account of each connection that is rejected. A process with such a uid pays to
 * another account only in a user namespace that root has made.
 */
static bool has_most(const struct engine_server *server, uid_t uid)
{
	const uint64_t account = uid;
	const struct server_user *user;

	HASH_FIND(hh, server->users, &account, sizeof(account), user);
	return user && uid != 0 && uid < ACCOUNT_SUBORDINATE_MIN && !may_have_another(server, user);
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
	if (has_most(server, cred.uid))
		return -EUSERS;
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

/* ---- turns ---- */

static void queue(struct connection *connection)
{
	struct server_user *user = connection->user;

	if (!user->queued)
		DL_APPEND(connection->server->turns, user);
	DL_APPEND2(user->queued, connection, queue_prev, queue_next);
	connection->is_queued = true;
}

static void unqueue(struct connection *connection)
{
	struct server_user *user = connection->user;

	DL_DELETE2(user->queued, connection, queue_prev, queue_next);
	connection->is_queued = false;
	if (!user->queued)
		DL_DELETE(connection->server->turns, user);
}

void connection_queue(struct connection *connection)
{
	/* the message stays where it is, and would be reported again and again */
	event_del(connection->event);
	queue(connection);
	event_active(connection->server->turn, EV_TIMEOUT, 0);
}

struct connection *connection_next(struct engine_server *server)
{
	struct server_user *user = server->turns;
	struct connection *connection;

	if (!user)
		return NULL;
	connection = user->queued;
	unqueue(connection);
	if (user->queued) {
		DL_DELETE(server->turns, user);
		DL_APPEND(server->turns, user);
	}
	if (server->turns)
		event_active(server->turn, EV_TIMEOUT, 0);
	return connection;
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
	*out = connection;
	return 0;
}

/*
 * The account of the peer is that of its connection: a process that makes a user namespace of its own stays with its
 * account (process/account.h).
 */
int asker_identify(const struct connection *connection, pid_t subject, struct process *out)
{
	struct process peer;
	int err = process_identify_peer(connection->socket, &peer);

	if (err)
		return err;
	peer.account = connection->user->account;
	if (!subject) {
		*out = peer;
		return 0;
	}
	err = process_identify_subject(&peer, subject, out);
	process_close(&peer);
	return err;
}

enum connection_fate connection_wait(struct connection *connection, short what, int ms)
{
	const struct timeval silence = clock_timeval(ms);
	struct engine_server *server = connection->server;

	if (connection->event)
		event_free(connection->event);
	if (connection->is_queued)
		unqueue(connection);
	connection->silence_ms = ms;
	connection->event =
		event_new(server->base, connection->socket, what | EV_PERSIST, server->on_ready, connection);
	return connection->event && !event_add(connection->event, ms ? &silence : NULL) ? CONNECTION_STAYS
											: CONNECTION_ENDS;
}

void connection_free(struct connection *connection)
{
	struct engine_server *server = connection->server;

	if (connection->release)
		connection->release(connection);
	if (connection->event)
		event_free(connection->event);
	foreign_close_socket(server->options.foreign, connection->socket, connection->user->account);
	if (connection->is_queued)
		unqueue(connection);
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
