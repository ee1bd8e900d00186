// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* A door gives up an engine that is stuck before the time for an answer is over. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "door/door.h"
#include "messages/protocol.h"
#include "util/clock.h"
#include "util/fd_socket.h"

static pid_t engine;
static int s;

/* An engine that listens, accepts nothing, and runs or sleeps. */
static void start(void)
{
	struct sockaddr_un address;
	char name[32];
	socklen_t len;
	int ready[2], listener;
	char octet;

	snprintf(name, sizeof(name), "@rdmasec-alive-%d", (int)getpid());
	cr_assert_eq(pipe(ready), 0);
	engine = fork();
	if (engine == 0) {
		listener = wire_listen_at(name, SOCK_SEQPACKET, 0600);
		if (listener < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	cr_assert_eq(read(ready[0], &octet, 1), 1);
	cr_assert_eq(wire_address(name, &address, &len), 0);
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(s, (struct sockaddr *)&address, len), 0);
}

static void stop(void)
{
	kill(engine, SIGKILL);
	waitpid(engine, NULL, 0);
	close(s);
}

Test(engine_alive, gives_up_a_stopped_engine, .init = start, .fini = stop)
{
	struct wire_answer answer;
	int64_t began = clock_ms();

	kill(engine, SIGSTOP);
	waitpid(engine, NULL, WUNTRACED);
	cr_expect_eq(engine_receive(s, &answer, sizeof(answer)), -ETIMEDOUT);
	cr_expect_lt(clock_ms() - began, WIRE_TIMEOUT_MS / 2);
}

Test(engine_alive, waits_for_an_engine_that_sleeps, .init = start, .fini = stop)
{
	struct engine_looks looks = { .count = 0 };

	for (int i = 0; i < 20; i++)
		cr_expect_not(engine_is_stuck(s, &looks));
}

Test(engine_alive, counts_looks_in_a_row, .init = start, .fini = stop)
{
	struct engine_looks looks = { .count = 0 };
	unsigned count = 0;

	kill(engine, SIGSTOP);
	waitpid(engine, NULL, WUNTRACED);
	while (!engine_is_stuck(s, &looks))
		count++;
	cr_expect(count >= 1 && count <= 3, "%u", count);
	kill(engine, SIGCONT);
	waitpid(engine, NULL, WCONTINUED);
	cr_expect_not(engine_is_stuck(s, &looks));
}
