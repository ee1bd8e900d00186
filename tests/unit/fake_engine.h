/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* An engine in a thread that gives prepared answers, and a door that uses it. */
#ifndef RDMASEC_TESTS_FAKE_ENGINE_H
#define RDMASEC_TESTS_FAKE_ENGINE_H

#include <criterion/criterion.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "door/door.h"
#include "messages/protocol.h"
#include "util/fd_socket.h"

enum { ASKED_MAX = 16 };

static struct fake_engine {
	struct engine_address address;
	int listener;
	pthread_t thread;
	/* the answers; written between requests */
	int refuse;                        /* errno, 0: pass */
	struct wire_protection protection; /* to a query */
	/* the requests; read between requests */
	size_t asked;
	struct request commands[ASKED_MAX];
	int fds[ASKED_MAX];
} engine;

static inline void engine_answer(int s, const void *message, size_t len)
{
	struct wire_answer answer;
	ssize_t sent;
	int fd;

	if (wire_check(message, len, WIRE_BIT(WIRE_QUERY)) == WIRE_QUERY) {
		sent = send(s, &engine.protection, sizeof(engine.protection), MSG_NOSIGNAL);
		cr_assert_eq(sent, (ssize_t)sizeof(engine.protection));
		return;
	}
	cr_assert_lt(engine.asked, (size_t)ASKED_MAX);
	cr_assert_eq(wire_ask_read(message, len, &engine.commands[engine.asked], &fd), 0);
	engine.fds[engine.asked++] = fd;
	wire_answer_make(&answer, engine.refuse ? WIRE_REFUSE : WIRE_PASS, engine.refuse, "");
	sent = send(s, &answer, sizeof(answer), MSG_NOSIGNAL);
	cr_assert_eq(sent, (ssize_t)sizeof(answer));
}

static inline void *engine_serve(void *arg)
{
	char message[sizeof(struct wire_ask)];
	int s, n, fd;

	(void)arg;
	while ((s = accept(engine.listener, NULL, NULL)) >= 0) {
		n = wire_receive(s, message, sizeof(message), &fd);
		cr_assert_gt(n, 0);
		cr_assert_geq(fd, 0, "each request carries the uverbs fd");
		close(fd);
		engine_answer(s, message, (size_t)n);
		/* until the door is done: PASS is followed by a struct wire_done or by nothing */
		n = (int)recv(s, message, sizeof(message), 0);
		cr_assert(n == 0 || n == (int)sizeof(struct wire_done), "%d octets followed", n);
		close(s);
	}
	return NULL;
}

/* Starts the engine and a door whose kernel is `next`. */
static inline void engine_start(int (*next)(int fd, unsigned long request, void *arg))
{
	static struct door_ops ops;
	char name[WIRE_NAME_MAX];

	memset(&engine, 0, sizeof(engine));
	wire_make(&engine.protection, WIRE_PROTECTION);
	engine.listener = wire_listen(name);
	cr_assert_geq(engine.listener, 0);
	cr_assert_eq(wire_address(name, &engine.address.address, &engine.address.len), 0);
	ops = (struct door_ops){ .next = next,
				 .program_from_library = "no-program-to-start",
				 .engine = &engine.address };
	door_start(&ops);
	cr_assert_eq(pthread_create(&engine.thread, NULL, engine_serve, NULL), 0);
}

static inline void engine_stop(void)
{
	shutdown(engine.listener, SHUT_RDWR);
	pthread_join(engine.thread, NULL);
	close(engine.listener);
}

/* The last request. */
static inline const struct request *engine_asked(void)
{
	cr_assert_gt(engine.asked, 0u, "no request arrived");
	return &engine.commands[engine.asked - 1];
}

#endif
