// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "engine_query.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "door/door.h"
#include "util/array.h"
#include "util/clock.h"
#include "util/fd_socket.h"
#include "util/text.h"

/* More than any host has queue pairs: a longer list is an error. */
enum { RECORDS_MAX = 1 << 18 };

const char *engine_query_name(void)
{
	const char *named = getenv("RDMASEC_ENGINE");

	if (named && *named)
		return named;
	return wire_system_engine_expected() ? WIRE_SYSTEM_ENGINE : NULL;
}

int engine_query_open(const char *name, enum wire_type which, char *error, size_t error_size)
{
	struct engine_address engine = { 0 };
	struct wire_request request;
	int s, err = wire_address(name, &engine.address, &engine.len);

	s = err ? err : engine_connect(&engine);
	if (s >= 0) {
		wire_make(&request, which);
		err = wire_send(s, &request, sizeof(request), -1);
		if (err > 0)
			return s;
		close(s);
	} else {
		err = s;
	}
	text_format(error, error_size, "cannot ask the engine %s: %s", name,
		    engine.len ? engine_problem(&engine, err) : strerror(-err));
	text_printable(error);
	return err;
}

static int fail(int err, const char *what, char *error, size_t error_size)
{
	text_format(error, error_size, "%s", what);
	return err;
}

static int fail_at_end(const struct wire_end *end, char *error, size_t error_size)
{
	if (!end->err)
		return WIRE_END;
	text_format(error, error_size, "the engine refused the list, or stopped: %s", strerror((int)end->err));
	return -(int)end->err;
}

/* Receives one message: WIRE_RECORD and *out, WIRE_END, or -errno and a text; -EAGAIN without one. */
static int next_message(int socket, struct wire_record *out, char *error, size_t error_size)
{
	union {
		struct wire_header header;
		struct wire_record record;
		struct wire_end end;
	} message;
	int n, which;

	n = wire_receive(socket, &message, sizeof(message), NULL);
	if (n == -EAGAIN || n == -EINTR)
		return -EAGAIN;
	if (n == 0 || n == -ECONNRESET || n == -EPIPE)
		return fail(-ECONNRESET, "the engine has ended", error, error_size);
	which = n < 0 ? n : wire_check(&message, (size_t)n, WIRE_LISTS);
	if (which == -EPROTONOSUPPORT)
		return fail(which, "the engine is of another release: restart rdmasecd", error, error_size);
	if (which < 0)
		return fail(which, "invalid answer of the engine", error, error_size);
	if (which == WIRE_END)
		return fail_at_end(&message.end, error, error_size);
	*out = message.record;
	return which;
}

int wire_records_add(struct wire_records *records, const struct wire_record *record)
{
	if (records->count == RECORDS_MAX)
		return -EMSGSIZE;
	return array_append(&records->rows, &records->count, record, sizeof(*record));
}

void wire_records_free(struct wire_records *records)
{
	free(records->rows);
	*records = (struct wire_records){ 0 };
}

static int await(int socket, int64_t deadline_ms)
{
	struct pollfd fd = { .fd = socket, .events = POLLIN };
	int64_t left = deadline_ms - clock_ms();
	int n = left > 0 ? poll(&fd, 1, (int)left) : 0;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n ? 0 : -ETIMEDOUT;
}

static int read_list(int socket, int64_t deadline_ms, struct wire_records *records, char *error, size_t error_size)
{
	struct wire_record record;
	int got = 0, err;

	while (got != WIRE_END) {
		err = await(socket, deadline_ms);
		if (err)
			return fail(err, "the engine does not answer", error, error_size);
		got = next_message(socket, &record, error, error_size);
		if (got == -EAGAIN)
			continue;
		if (got < 0)
			return got;
		err = got == WIRE_RECORD ? wire_records_add(records, &record) : 0;
		if (err)
			return fail(err, "the list of the engine is too long", error, error_size);
	}
	return 0;
}

int engine_query_list(int socket, int timeout_ms, struct wire_records *out, char *error, size_t error_size)
{
	struct wire_records records = { 0 };
	int err = read_list(socket, clock_ms() + timeout_ms, &records, error, error_size);

	close(socket);
	if (err)
		wire_records_free(&records);
	else
		*out = records;
	return err;
}

int engine_query_next(int socket, struct wire_record *out, char *error, size_t error_size)
{
	int got = next_message(socket, out, error, error_size);

	/* a stream of events ends only with its connection */
	if (got == WIRE_END)
		return fail(-ECONNRESET, "the engine has ended the stream", error, error_size);
	return got;
}
