// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The engine's socket against clients that violate the protocol. The loop runs in a thread, the clients in the test. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/internal.h"
#include "messages/protocol.h"
#include "process/foreign_private.h"
#include "skip.h"
#include "util/fd_socket.h"
#include "util/small_file.h"

static struct running {
	char name[WIRE_NAME_MAX];
	struct event_base *base;
	struct engine_server *server;
	struct foreign *foreign;
	pthread_t thread;
	int stop[2], block[2], blocked[2];
	atomic_uint logged, held_at_first;        /* records; connections when the first one was logged */
	atomic_uint awaited_user, before_awaited; /* a uid, and the records before its own */
} engine;

static void log_record(const struct wire_record *record, void *arg)
{
	unsigned before = atomic_fetch_add((atomic_uint *)arg, 1);

	if (before == 0)
		atomic_store(&engine.held_at_first, engine.server->connections);
	if (record->uid == atomic_load(&engine.awaited_user))
		atomic_store(&engine.before_awaited, before);
}

static void on_block(evutil_socket_t fd, short what, void *arg)
{
	char octet;

	(void)what;
	(void)arg;
	cr_assert_eq(read(fd, &octet, 1), 1);
	cr_assert_eq(write(engine.blocked[1], "", 1), 1);
	cr_assert_eq(read(fd, &octet, 1), 1);
}

/* The loop does nothing until unblock(). */
static void block(void)
{
	char octet;

	cr_assert_eq(write(engine.block[1], "", 1), 1);
	cr_assert_eq(read(engine.blocked[0], &octet, 1), 1);
}

static void unblock(void)
{
	cr_assert_eq(write(engine.block[1], "", 1), 1);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static void *serve(void *arg)
{
	const struct engine_options options = { .foreign = engine.foreign,
						.log = { .record = log_record, .arg = &engine.logged } };
	struct event *stop, *block;
	int listener = *(int *)arg;

	engine.base = engine_base_new();
	cr_assert_eq(engine_server_new(engine.base, policy_builtin(), listener, &options, &engine.server), 0);
	stop = event_new(engine.base, engine.stop[0], EV_READ, on_stop, engine.base);
	event_add(stop, NULL);
	block = event_new(engine.base, engine.block[0], EV_READ | EV_PERSIST, on_block, NULL);
	event_add(block, NULL);
	event_base_dispatch(engine.base);
	event_free(block);
	event_free(stop);
	engine_server_free(engine.server);
	event_base_free(engine.base);
	return NULL;
}

static void start(void)
{
	static int listener;

	memset(&engine, 0, sizeof(engine));
	cr_assert(!pipe(engine.stop) && !pipe(engine.block) && !pipe(engine.blocked));
	cr_assert_eq(foreign_start("/sys", &engine.foreign), 0);
	listener = wire_listen(engine.name);
	cr_assert_geq(listener, 0);
	cr_assert_eq(pthread_create(&engine.thread, NULL, serve, &listener), 0);
}

static void stop(void)
{
	cr_assert_eq(write(engine.stop[1], "", 1), 1);
	pthread_join(engine.thread, NULL);
	foreign_stop(engine.foreign);
	for (int i = 0; i < 2; i++) {
		close(engine.stop[i]);
		close(engine.block[i]);
		close(engine.blocked[i]);
	}
}

static int connect_to_engine(void)
{
	const struct timeval limit = { .tv_sec = 10 };
	struct sockaddr_un address;
	socklen_t len;
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	cr_assert_eq(wire_address(engine.name, &address, &len), 0);
	cr_assert_eq(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	if (connect(s, (struct sockaddr *)&address, len)) {
		close(s);
		return -errno;
	}
	return s;
}

static struct wire_ask question(void)
{
	const struct request request = { .kind = REQUEST_QP_CREATE, .qp_type = 2 };
	struct wire_ask ask;

	wire_ask_make(&ask, &request, 0);
	return ask;
}

static int connect_and_send(const void *message, size_t len, int fd)
{
	int s = connect_to_engine();

	cr_assert_geq(s, 0);
	cr_assert_eq(wire_send(s, message, len, fd), (int)len);
	return s;
}

/* Returns the errno of a refusal, 0 for a pass, -1 for a connection that was closed without an answer. Closes it. */
static int answer_from(int s)
{
	struct wire_answer answer;
	int got = wire_receive(s, &answer, sizeof(answer), NULL);

	close(s);
	if (got <= 0)
		return -1;
	cr_assert_eq(wire_check(&answer, got, WIRE_ANSWERS), WIRE_ANSWER);
	return answer.action == WIRE_PASS ? 0 : (int)answer.err;
}

static int answer_to(const void *message, size_t len, int fd)
{
	return answer_from(connect_and_send(message, len, fd));
}

/* The engine still serves: a valid question about a file that is no RDMA device is refused. */
static void expect_service(void)
{
	struct wire_ask ask = question();
	int null = open("/dev/null", O_RDWR);

	ask.fd = (uint32_t)null;
	cr_expect_eq(answer_to(&ask, sizeof(ask), null), EPERM);
	close(null);
}

/* A valid question about a file that is no RDMA device. It is not answered here. */
static int ask_about_null(int null)
{
	struct wire_ask ask = question();

	ask.fd = (uint32_t)null;
	return connect_and_send(&ask, sizeof(ask), null);
}

static void expect_that_it_was_looked_at(int s)
{
	struct wire_answer answer;

	cr_assert_eq(wire_receive(s, &answer, sizeof(answer), NULL), (int)sizeof(answer));
	close(s);
	cr_expect(strstr(answer.text, "(reason=device-not-open)"), "%s", answer.text);
}

static void stop_process(pid_t pid)
{
	int status;
	char path[32], text[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	cr_assert_eq(kill(pid, SIGSTOP), 0);
	do
		status = (int)small_file_read(AT_FDCWD, path, text, sizeof(text));
	while (status > 0 && !strstr(text, ") T"));
}

/*
 * A helper that sleeps may be stopped by a slow host or file system only. The question waits for it, and so does the
 * next one of the account, whose message stays in its socket.
 */
Test(engine_server, answers_after_a_helper_that_was_late, .init = start, .fini = stop)
{
	int null = open("/dev/null", O_RDWR), first, second;
	pid_t helper;

	expect_service();
	block();
	helper = foreign_helper_find(engine.foreign, FOREIGN_TAKER)->pid;
	stop_process(helper);
	unblock();
	first = ask_about_null(null);
	cr_expect_eq(poll(&(struct pollfd){ .fd = first, .events = POLLIN }, 1, 500), 0, "it is not refused");
	second = ask_about_null(null);
	cr_expect_eq(poll(&(struct pollfd){ .fd = second, .events = POLLIN }, 1, 200), 0, "it is not refused");
	cr_assert_eq(kill(helper, SIGCONT), 0);
	expect_that_it_was_looked_at(first);
	expect_that_it_was_looked_at(second);
	expect_service();
	close(null);
}

/* The number in the message is 0, not that of the pipe. */
Test(engine_server, refuses_fd_of_a_pipe, .init = start, .fini = stop)
{
	struct wire_ask ask = question();
	int pipes[2];

	cr_assert_eq(pipe(pipes), 0);
	cr_expect_eq(answer_to(&ask, sizeof(ask), pipes[0]), EPERM);
	close(pipes[0]);
	close(pipes[1]);
	expect_service();
	cr_expect_geq(atomic_load(&engine.logged), 1U, "the decision is logged");
}

Test(engine_server, refuses_number_of_another_fd, .init = start, .fini = stop)
{
	struct wire_ask ask = question();
	int pipes[2];

	cr_assert_eq(pipe(pipes), 0);
	ask.fd = (uint32_t)pipes[1];
	cr_expect_eq(answer_to(&ask, sizeof(ask), pipes[0]), EPERM);
	close(pipes[0]);
	close(pipes[1]);
	expect_service();
}

Test(engine_server, refuses_number_that_is_not_open, .init = start, .fini = stop)
{
	struct wire_ask ask = question();
	int null = open("/dev/null", O_RDWR);

	ask.fd = INT32_MAX;
	cr_expect_eq(answer_to(&ask, sizeof(ask), null), EPERM);
	close(null);
	expect_service();
}

Test(engine_server, refuses_fd_that_the_engine_uses, .init = start, .fini = stop)
{
	struct wire_ask ask = question();

	ask.fd = INT32_MAX;
	cr_expect_eq(answer_to(&ask, sizeof(ask), engine.stop[0]), EPERM);
	expect_service();
}

Test(engine_server, refuses_question_without_fd, .init = start, .fini = stop)
{
	struct wire_ask ask = question();

	ask.fd = INT32_MAX;
	cr_expect_eq(answer_to(&ask, sizeof(ask), -1), EPROTO);
	expect_service();
}

/* DOOR_BROKEN concerns no device, so it carries no fd. */
Test(engine_server, judges_broken_door_by_policy, .init = start, .fini = stop)
{
	const struct request request = { .kind = REQUEST_DOOR_BROKEN };
	int null = open("/dev/null", O_RDWR);
	struct wire_ask ask;

	wire_ask_make(&ask, &request, 0);
	cr_expect_eq(answer_to(&ask, sizeof(ask), -1), EPERM, "the built-in policy enforces");
	cr_expect_eq(answer_to(&ask, sizeof(ask), null), EPROTO, "with an fd");
	cr_expect_geq(atomic_load(&engine.logged), 1U, "the engine logs the first before it reads the second");
	close(null);
	expect_service();
}

Test(engine_server, refuses_wrong_lengths, .init = start, .fini = stop)
{
	static char bytes[sizeof(struct wire_record) * 4];
	struct wire_ask ask = question();

	memcpy(bytes, &ask, sizeof(ask));
	for (size_t len = 1; len < sizeof(ask) + 3; len++)
		if (len != sizeof(ask))
			cr_expect_eq(answer_to(bytes, len, -1), EPROTO, "%zu octets", len);
	cr_expect_eq(answer_to(bytes, sizeof(bytes), -1), EPROTO, "too long");
	expect_service();
}

Test(engine_server, refuses_done_before_a_question, .init = start, .fini = stop)
{
	struct wire_done done;

	wire_make(&done, WIRE_DONE);
	cr_expect_eq(answer_to(&done, sizeof(done), -1), EPROTO);
	expect_service();
}

Test(engine_server, refuses_answer_from_a_client, .init = start, .fini = stop)
{
	struct wire_answer answer;

	wire_answer_make(&answer, WIRE_PASS, 0, NULL);
	cr_expect_eq(answer_to(&answer, sizeof(answer), -1), EPROTO);
	expect_service();
}

Test(engine_server, refuses_end_from_a_client, .init = start, .fini = stop)
{
	struct wire_end end;

	wire_make(&end, WIRE_END);
	cr_expect_eq(answer_to(&end, sizeof(end), -1), EPROTO);
	expect_service();
}

Test(engine_server, refuses_another_version, .init = start, .fini = stop)
{
	struct wire_ask ask = question();

	ask.header.version++;
	cr_expect_eq(answer_to(&ask, sizeof(ask), -1), EPROTO);
	expect_service();
}

Test(engine_server, serves_after_messages_with_many_fds, .init = start, .fini = stop)
{
	struct wire_ask ask = question();
	struct iovec iov = { .iov_base = &ask, .iov_len = sizeof(ask) };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(100 * sizeof(int))];
	} control;
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	int s, fds[100];

	for (int i = 0; i < 100; i++)
		fds[i] = STDIN_FILENO;
	memset(&control, 0, sizeof(control));
	control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
					   .cmsg_type = SCM_RIGHTS,
					   .cmsg_len = CMSG_LEN(sizeof(fds)) };
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	for (int i = 0; i < 50; i++) {
		s = connect_to_engine();
		cr_assert_eq(sendmsg(s, &message, MSG_NOSIGNAL), (ssize_t)sizeof(ask));
		close(s);
	}
	expect_service();
}

/* The limit of connections affects only the user that reaches it. */
Test(engine_server, closes_connections_above_the_limit_of_a_user, .init = start, .fini = stop)
{
	const struct rlimit many = { 8192, 8192 };
	int ready[2], go[2], status;
	char byte;
	pid_t child;

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &many), 0, "this test needs the right to open many files");
	cr_assert_eq(pipe(ready), 0);
	cr_assert_eq(pipe(go), 0);
	child = fork();
	if (child == 0) {
		int closed = 0;

		if (getuid() == 0 && setuid(12345))
			_exit(100);
		for (int i = 0; i < 1500; i++) {
			int s = connect_to_engine();
			struct pollfd end = { .fd = s, .events = POLLIN };

			if (s < 0)
				_exit(101);
			if (i >= 1100 && poll(&end, 1, 2000) == 1)
				closed++;
		}
		if (write(ready[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(102);
		_exit(closed == 400 ? 0 : 103);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	if (getuid() == 0)
		expect_service();
	cr_assert_eq(write(go[1], "", 1), 1);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "connections of the user: %d", WEXITSTATUS(status));
	expect_service();
}

enum { CROWDS = 4, CROWD = 1500 };

/* Connects as often as it can, and holds the connections until `go` is closed. */
static void crowd(uid_t uid, int ready, int go)
{
	char octet;

	if (setuid(uid))
		_exit(100);
	for (int i = 0; i < CROWD; i++)
		if (connect_to_engine() < 0)
			_exit(101);
	if (write(ready, "", 1) != 1)
		_exit(102);
	_exit(read(go, &octet, 1) != 0);
}

Test(engine_server, four_users_leave_connections_to_a_fifth, .init = start, .fini = stop)
{
	const struct rlimit many = { 8192, 8192 };
	int ready[2], go[2], status;
	pid_t fifth;
	char octet;

	if (getuid())
		skip_test("takes root, to become other users");
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &many), 0);
	cr_assert(!pipe(ready) && !pipe(go));
	for (int i = 0; i < CROWDS; i++)
		if (fork() == 0) {
			close(go[1]);
			crowd(12345 + (uid_t)i, ready[1], go[0]);
		}
	for (int i = 0; i < CROWDS; i++)
		cr_assert_eq(read(ready[0], &octet, 1), 1);
	fifth = fork();
	if (fifth == 0) {
		struct wire_ask ask = question();
		int null = open("/dev/null", O_RDWR);

		ask.fd = (uint32_t)null;
		_exit(setuid(23456) || answer_to(&ask, sizeof(ask), null) != EPERM);
	}
	cr_assert_eq(waitpid(fifth, &status, 0), fifth);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the fifth user gets an answer");
	close(go[1]);
	for (int i = 0; i < CROWDS; i++)
		cr_expect(wait(&status) > 0 && WIFEXITED(status) && !WEXITSTATUS(status), "%d", status);
}

enum { CONNECT_AFTER = 120 }; /* fits in the listener's backlog */

Test(engine_server, a_question_has_its_turn_before_later_connections, .init = start, .fini = stop)
{
	const struct rlimit many = { 8192, 8192 };
	struct wire_ask ask = question();
	int null = open("/dev/null", O_RDWR), asks, others[CONNECT_AFTER];

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &many), 0);
	ask.fd = (uint32_t)null;
	block();
	asks = connect_and_send(&ask, sizeof(ask), null);
	for (int i = 0; i < CONNECT_AFTER; i++)
		cr_assert_geq(others[i] = connect_to_engine(), 0);
	unblock();
	cr_expect_eq(answer_from(asks), EPERM);
	/* the record follows the answer */
	block();
	unblock();
	cr_assert_eq(atomic_load(&engine.logged), 1);
	cr_expect_lt(atomic_load(&engine.held_at_first), CONNECT_AFTER);
	for (int i = 0; i < CONNECT_AFTER; i++)
		close(others[i]);
	close(null);
}

enum { BUSY_USER = 12345, OTHER_USER, BUSY_QUESTIONS = 50 };

/* Becomes the user and asks `count` questions at once. Ends with 0 if all were answered. */
static void ask_as(uid_t uid, int count, int ready)
{
	struct wire_ask ask = question();
	int null = open("/dev/null", O_RDWR), asks[BUSY_QUESTIONS];

	ask.fd = (uint32_t)null;
	if (setuid(uid))
		_exit(100);
	for (int i = 0; i < count; i++)
		asks[i] = connect_and_send(&ask, sizeof(ask), null);
	if (write(ready, "", 1) != 1)
		_exit(101);
	for (int i = 0; i < count; i++)
		if (answer_from(asks[i]) != EPERM)
			_exit(102);
	_exit(0);
}

Test(engine_server, a_user_with_many_questions_delays_another_by_one_of_them, .init = start, .fini = stop)
{
	int ready[2], status;
	char octet;

	if (getuid())
		skip_test("takes root, to become other users");
	cr_assert_eq(pipe(ready), 0);
	atomic_store(&engine.awaited_user, OTHER_USER);
	block();
	for (uid_t uid = BUSY_USER; uid <= OTHER_USER; uid++) {
		if (fork() == 0)
			ask_as(uid, uid == BUSY_USER ? BUSY_QUESTIONS : 1, ready[1]);
		cr_assert_eq(read(ready[0], &octet, 1), 1);
	}
	unblock();
	for (int i = 0; i < 2; i++)
		cr_expect(wait(&status) > 0 && WIFEXITED(status) && !WEXITSTATUS(status), "%d", status);
	block();
	unblock();
	cr_assert_eq(atomic_load(&engine.logged), BUSY_QUESTIONS + 1);
	cr_expect_leq(atomic_load(&engine.before_awaited), 2);
}

/* The loop of a busy engine sees the time-out and the question at once. */
Test(engine_server, answers_a_question_that_it_reads_after_the_time_for_it, .init = start, .fini = stop)
{
	struct wire_ask ask = question();
	int null = open("/dev/null", O_RDWR), asks = connect_to_engine();

	ask.fd = (uint32_t)null;
	/* the answer to another client: the first one was accepted before it */
	cr_assert_eq(answer_to(&ask, sizeof(ask), null), EPERM);
	block();
	cr_assert_eq(wire_send(asks, &ask, sizeof(ask), null), (int)sizeof(ask));
	cr_assert_eq(usleep((ASK_SILENCE_MS + 100) * 1000), 0);
	unblock();
	cr_expect_eq(answer_from(asks), EPERM);
	close(null);
}

/* A question's file stays in the socket until a helper takes it; other messages may have none. */
Test(engine_server, serves_after_files_in_other_messages, .init = start, .fini = stop)
{
	struct wire_request request;
	int null = open("/dev/null", O_RDWR), ends[2];
	struct pollfd end;

	wire_make(&request, WIRE_MONITOR);
	cr_expect_eq(answer_to(&request, sizeof(request), null), -1);
	cr_expect_eq(answer_to("", 0, null), -1, "an empty message");
	cr_assert_eq(pipe(ends), 0);
	cr_expect_eq(answer_to(&request, sizeof(request), ends[1]), -1);
	close(ends[1]);
	end = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	cr_expect_eq(poll(&end, 1, 10000), 1, "the file is closed");
	expect_service();
}

Test(engine_server, ends_an_empty_list, .init = start, .fini = stop)
{
	struct wire_request request;
	struct wire_record record;
	int s = connect_to_engine(), got;

	wire_make(&request, WIRE_LIST_QPS);
	cr_assert_gt(wire_send(s, &request, sizeof(request), -1), 0);
	got = wire_receive(s, &record, sizeof(record), NULL);
	cr_assert_gt(got, 0);
	cr_expect_eq(wire_check(&record, got, WIRE_LISTS), WIRE_END, "there are no QPs here");
	close(s);
	expect_service();
}

Test(engine_server, sends_decisions_to_a_monitor, .init = start, .fini = stop)
{
	struct wire_request request;
	struct wire_record record;
	int monitor = connect_to_engine(), got;

	wire_make(&request, WIRE_MONITOR);
	cr_assert_gt(wire_send(monitor, &request, sizeof(request), -1), 0);
	/* the engine handles the request before the questions that follow */
	expect_service();
	expect_service();
	got = wire_receive(monitor, &record, sizeof(record), NULL);
	cr_assert_gt(got, 0);
	cr_assert_eq(wire_check(&record, got, WIRE_LISTS), WIRE_RECORD);
	cr_expect_eq(record.event, WIRE_EVENT_DECIDED);
	cr_expect_eq(record.outcome, WIRE_OUTCOME_REFUSED);
	cr_expect_eq(record.pid, getpid());
	close(monitor);
	expect_service();
}

/* A monitor that does not read does not delay others; the engine counts its lost events. */
Test(engine_server, counts_events_that_a_monitor_does_not_read, .init = start, .fini = stop)
{
	struct wire_request request;
	struct wire_record record;
	int monitor = connect_to_engine(), got;
	uint64_t lost = 0;

	wire_make(&request, WIRE_MONITOR);
	cr_assert_gt(wire_send(monitor, &request, sizeof(request), -1), 0);
	for (int i = 0; i < 1000; i++)
		expect_service();
	while (!lost && (got = wire_receive(monitor, &record, sizeof(record), NULL)) > 0) {
		cr_assert_eq(wire_check(&record, got, WIRE_LISTS), WIRE_RECORD);
		expect_service();
		if (record.event == WIRE_EVENT_LOST)
			lost = record.count;
	}
	cr_expect_gt(lost, 0U);
	close(monitor);
}

/* ---- limits of a user ---- */

/* Sends `count` requests. Returns the number of those that end with EBUSY at once, or -1. */
static int count_busy(enum wire_type what, int count)
{
	struct wire_request request;
	struct wire_end end;
	int busy = 0, held[128];

	cr_assert_leq(count, 128);
	wire_make(&request, what);
	for (int i = 0; i < count; i++) {
		int s = held[i] = connect_to_engine();
		struct pollfd answer = { .fd = s, .events = POLLIN };

		if (s < 0 || wire_send(s, &request, sizeof(request), -1) < 0)
			return -1;
		/* the engine handles the request before the questions that follow */
		expect_service();
		if (poll(&answer, 1, 0) == 1 && wire_receive(s, &end, sizeof(end), NULL) == (int)sizeof(end) &&
		    end.err == EBUSY)
			busy++;
	}
	for (int i = 0; i < count; i++)
		close(held[i]);
	expect_service();
	return busy;
}

/* Takes as many monitors as it gets, and holds them until `go` is closed. */
static void take_monitors(uid_t uid, int ready, int go)
{
	struct wire_request request;
	char octet;

	if (setuid(uid))
		_exit(100);
	wire_make(&request, WIRE_MONITOR);
	for (int i = 0; i < 20; i++)
		if (wire_send(connect_to_engine(), &request, sizeof(request), -1) < 0)
			_exit(101);
	/* the engine handles the requests before the question that follows */
	expect_service();
	if (write(ready, "", 1) != 1)
		_exit(102);
	_exit(read(go, &octet, 1) != 0);
}

Test(engine_server, four_users_leave_a_monitor_to_others, .init = start, .fini = stop)
{
	int ready[2], go[2], status;
	pid_t fifth;
	char octet;

	if (getuid())
		skip_test("takes root, to become other users");
	cr_assert(!pipe(ready) && !pipe(go));
	for (int i = 0; i < CROWDS; i++) {
		if (fork() == 0) {
			close(go[1]);
			take_monitors(12345 + (uid_t)i, ready[1], go[0]);
		}
		cr_assert_eq(read(ready[0], &octet, 1), 1);
	}
	fifth = fork();
	if (fifth == 0)
		_exit(setuid(23456) ? 100 : count_busy(WIRE_MONITOR, 1));
	cr_assert_eq(waitpid(fifth, &status, 0), fifth);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", WEXITSTATUS(status));
	close(go[1]);
	for (int i = 0; i < CROWDS; i++)
		cr_expect(wait(&status) > 0 && WIFEXITED(status) && !WEXITSTATUS(status), "%d", status);
}

Test(engine_server, refuses_monitors_above_the_limit_of_a_user, .init = start, .fini = stop)
{
	int status;
	pid_t child;

	if (geteuid() != 0)
		cr_skip_test("needs root");
	child = fork();
	if (child == 0) {
		if (setuid(12345))
			_exit(100);
		/* the limit is 16 */
		_exit(count_busy(WIRE_MONITOR, 26));
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 10, "%d", WEXITSTATUS(status));
	expect_service();
	cr_expect_eq(count_busy(WIRE_MONITOR, 80), 0, "root has no limit");
}
