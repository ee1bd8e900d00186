// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Lists and monitors, for tools. A list is copied whole and sent as fast as the tool reads it. A monitor gets events as
 * they come; the engine counts the events that the monitor does not read in time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "engine/internal.h"
#include "util/array.h"
#include "util/clock.h"
#include "util/fd_socket.h"
#include "util/text.h"

enum { SEND_AT_ONCE = 64 };

/* Root sees all records, another user only its own. */
static bool may_see(const struct connection *connection, const struct wire_record *record)
{
	return connection->uid == 0 || connection->uid == record->uid;
}

/*
 * An account may have one while any is free, and further ones up to half of what is free: so many accounts are needed
 * to leave nothing to others. Root has no limit.
 */
static bool may_have(const struct server_user *user, unsigned of_all, unsigned max, unsigned own, unsigned own_max)
{
	unsigned free_ones = of_all < max ? max - of_all : 0;

	if (user->account == 0)
		return true;
	return own < own_max && (own == 0 ? free_ones > 0 : own < free_ones / OBJECTS_SHARE);
}

/* ---- lists ---- */

static void add_row(const struct wire_record *record, void *arg)
{
	struct list *list = arg;

	if (!list->err)
		list->err = -array_append(&list->records, &list->count, record, sizeof(*record));
}

static void list_free(struct connection *connection)
{
	connection->server->lists -= connection->list.counts;
	connection->user->lists -= connection->list.counts;
	free(connection->list.records);
}

static enum connection_fate send_end(struct connection *connection)
{
	struct wire_end end;
	int sent;

	wire_make(&end, WIRE_END);
	end.err = (uint32_t)connection->list.err;
	sent = wire_send(connection->socket, &end, sizeof(end), -1);
	return sent == -EAGAIN ? CONNECTION_STAYS : CONNECTION_ENDS;
}

enum connection_fate connection_write(struct connection *connection)
{
	struct list *list = &connection->list;

	for (int i = 0; i < SEND_AT_ONCE && list->sent < list->count; i++, list->sent++) {
		int sent = wire_send(connection->socket, &list->records[list->sent], sizeof(*list->records), -1);

		if (sent == -EAGAIN)
			return CONNECTION_STAYS;
		if (sent < 0)
			return CONNECTION_ENDS;
	}
	return list->sent < list->count ? CONNECTION_STAYS : send_end(connection);
}

/* Whether there is a kernel door: a row behind those of the GIDs. */
static void add_door(const struct engine_server *server, struct list *list)
{
	struct wire_record row;

	wire_make(&row, WIRE_RECORD);
	row.event = WIRE_EVENT_KERNEL_DOOR;
	row.time_ns = clock_realtime_ns();
	text_copy(row.text, sizeof(row.text), server->entry_words);
	text_printable(row.text);
	add_row(&row, list);
}

static void list_status(struct connection *connection)
{
	struct foreign *foreign = connection->server->options.foreign;
	struct process process;
	int err = asker_identify(connection, 0, &process);

	if (!err) {
		err = foreign_describe(foreign, &process);
		if (!err)
			err = watch_survey(connection->server->watch, foreign, &process, add_row, &connection->list);
		process_close(&process);
	}
	if (!err && connection->server->options.entry_words)
		add_door(connection->server, &connection->list);
	if (err)
		connection->list.err = -err;
}

static enum connection_fate start_list(struct connection *connection, int which)
{
	struct engine_server *server = connection->server;
	struct server_user *user = connection->user;
	uid_t uid = connection->uid;

	connection->state = CONNECTION_LISTS;
	connection->release = list_free;
	connection->list.counts = may_have(user, server->lists, LISTS_MAX, user->lists, LISTS_PER_USER_MAX);
	server->lists += connection->list.counts;
	user->lists += connection->list.counts;
	if (!connection->list.counts)
		connection->list.err = EBUSY;
	else if (which == WIRE_LIST_QPS)
		watch_list(server->watch, uid ? uid : (uid_t)-1, add_row, &connection->list);
	else
		list_status(connection);
	return connection_wait(connection, EV_WRITE, LIST_SILENCE_MS);
}

/* ---- monitors ---- */

static void monitor_leave(struct connection *connection)
{
	DL_DELETE(connection->server->monitors, connection);
	connection->server->monitor_count--;
	connection->user->monitors--;
}

static enum connection_fate start_monitor(struct connection *connection)
{
	struct engine_server *server = connection->server;

	if (!may_have(connection->user, server->monitor_count, MONITORS_MAX, connection->user->monitors,
		      MONITORS_PER_USER_MAX)) {
		connection->list.err = EBUSY;
		return send_end(connection);
	}
	connection->state = CONNECTION_MONITORS;
	connection->release = monitor_leave;
	server->monitor_count++;
	connection->user->monitors++;
	DL_APPEND(server->monitors, connection);
	return connection_wait(connection, EV_READ, 0);
}

static bool report_lost(struct connection *connection)
{
	struct wire_record record;

	if (!connection->lost)
		return true;
	wire_make(&record, WIRE_RECORD);
	record.event = WIRE_EVENT_LOST;
	record.count = connection->lost;
	record.time_ns = clock_realtime_ns();
	if (wire_send(connection->socket, &record, sizeof(record), -1) < 0)
		return false;
	connection->lost = 0;
	return true;
}

/* The end of a connection is found by its own event, not here. */
void server_publish(const struct wire_record *record, void *arg)
{
	const struct engine_server *server = arg;
	struct connection *connection;

	DL_FOREACH (server->monitors, connection) {
		if (!may_see(connection, record))
			continue;
		if (!report_lost(connection) || wire_send(connection->socket, record, sizeof(*record), -1) < 0)
			connection->lost++;
	}
	if (server->options.log.record)
		server->options.log.record(record, server->options.log.arg);
}

enum connection_fate connection_request(struct connection *connection, int which)
{
	return which == WIRE_MONITOR ? start_monitor(connection) : start_list(connection, which);
}
