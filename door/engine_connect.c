// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Connecting to an engine, for doors and tools. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "descriptors.h"
#include "door.h"
#include "messages/protocol.h"
#include "util/clock.h"
#include "util/fd_socket.h"

static bool is_system_engine(const struct engine_address *engine)
{
	return engine->len && !strcmp(engine->address.sun_path, WIRE_SYSTEM_ENGINE);
}

/* A socket that is none of the program's standard streams, also for a program that has no free descriptor. */
static int new_socket(void)
{
	struct descriptor_room room;
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	s = s < 0 ? -errno : descriptor_leave_standard(s);
	if (s != -EMFILE || descriptor_room_begin(&room))
		return s;
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	s = s < 0 ? -errno : descriptor_leave_standard(s);
	descriptor_room_end(&room);
	return s;
}

int engine_connect(const struct engine_address *engine)
{
	const struct timeval limit = clock_timeval(WIRE_TIMEOUT_MS);
	/* of all attempts: a timer may interrupt each */
	const int64_t deadline = clock_ms() + WIRE_TIMEOUT_MS;
	int s, err = 0;

	if (!engine->len)
		return -ENOTCONN;
	s = new_socket();
	if (s < 0)
		return s;
	/* SO_SNDTIMEO also bounds connect(2), which waits when the engine's backlog is full */
	if (setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		err = -errno;
	while (!err && connect(s, (const struct sockaddr *)&engine->address, engine->len))
		err = errno == EINTR && clock_ms() < deadline ? 0 : errno == EINTR ? -EAGAIN : -errno;
	if (!err)
		err = wire_check_engine(s, is_system_engine(engine));
	if (!err)
		return s;
	close(s);
	return err;
}

int engine_receive(int s, void *message, size_t size)
{
	int64_t deadline = clock_ms() + WIRE_TIMEOUT_MS;
	const struct timeval look = clock_timeval(ENGINE_LOOK_MS);
	struct engine_looks looks = { .count = 0 };
	int n;

	if (setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof(look)))
		return -errno;
	do
		n = wire_receive(s, message, size, NULL);
	while ((n == -EINTR || (n == -EAGAIN && !engine_is_stuck(s, &looks))) && clock_ms() < deadline);
	if (n == 0)
		return -ECONNRESET;
	return n == -EAGAIN || n == -EINTR ? -ETIMEDOUT : n;
}

const char *engine_problem(const struct engine_address *engine, int err)
{
	if (!engine->len)
		return engine->problem;
	if (is_system_engine(engine) && (err == -ENOENT || err == -ECONNREFUSED))
		return "rdmasecd is installed but not running: start it with 'systemctl start rdmasecd'";
	/* an abstract name (unix(7)) is one of a network namespace */
	if (!engine->address.sun_path[0] && err == -ECONNREFUSED)
		return "the engine of 'rdmasec run' has ended, or the program has left its network namespace: run "
		       "rdmasec "
		       "inside of that namespace";
	if (err == -EMFILE)
		return "the program has no free file descriptor for the question: raise 'ulimit -n' (its hard limit)";
	if (err == -EPERM)
		return "the engine socket is not owned by root";
	return strerror(-err);
}

enum reason engine_problem_reason(const struct engine_address *engine, int err, bool connected)
{
	if (!engine->len)
		return engine->reason;
	if (err == -EMFILE)
		return REASON_NO_DESCRIPTOR;
	return connected ? REASON_ENGINE_ANSWER : REASON_NO_ENGINE;
}
