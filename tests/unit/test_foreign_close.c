// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Sockets that clients leave with files in them: helpers close them, or hold them where a close might not end. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "foreign_fixture.h"

/* ---- closing ---- */

static int a_socket_with_a_file(const char *message, size_t len, int *client, int *reader)
{
	int pair[2], ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(foreign_send(pair[0], message, len, &ends[1], 1, 0), (int)len);
	close(ends[1]);
	*client = pair[0];
	*reader = ends[0];
	return pair[1];
}

Test(foreign, closes_a_socket_with_an_unread_file, .init = start, .fini = stop)
{
	int client, reader, socket = a_socket_with_a_file("x", 1, &client, &reader);
	char octet;

	foreign_close_socket(foreign, socket, ACCOUNT);
	cr_expect(is_at_end(reader, 10000));
	cr_expect_eq(read(client, &octet, 1), 0, "the client sees the end");
}

/* recvmsg(2) returns 0 for it, as at the end. */
Test(foreign, leaves_an_empty_message_with_a_file_to_a_helper, .init = start, .fini = stop)
{
	int client, reader, socket = a_socket_with_a_file("", 0, &client, &reader);

	foreign_close_socket(foreign, socket, ACCOUNT);
	cr_expect_eq(foreign_helper_find(foreign, FOREIGN_SOCKET_CLOSER)->sent, 1);
	cr_expect(is_at_end(reader, 10000));
}

Test(foreign, closes_a_socket_without_messages_itself, .init = start, .fini = stop)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	foreign_close_socket(foreign, pair[1], ACCOUNT);
	cr_expect_eq(foreign_helper_find(foreign, FOREIGN_SOCKET_CLOSER)->sent, 0);
	cr_expect_eq(fcntl(pair[1], F_GETFD), -1);
}

/* A closer that hangs keeps the further sockets of that account, and another one serves the others. */
Test(foreign, jails_the_account_whose_socket_hangs, .init = start, .fini = stop)
{
	int client, reader, first = a_socket_with_a_file("x", 1, &client, &reader), second, third, readers[2];

	foreign_close_socket(foreign, first, ACCOUNT);
	while (!atomic_load(&foreign_helper_find(foreign, FOREIGN_SOCKET_CLOSER)->slot->closed))
		usleep(1000);
	stop_helper(FOREIGN_SOCKET_CLOSER);
	second = a_socket_with_a_file("x", 1, &client, &readers[0]);
	third = a_socket_with_a_file("x", 1, &client, &readers[1]);
	foreign_close_socket(foreign, second, ACCOUNT);
	foreign_helper_find(foreign, FOREIGN_SOCKET_CLOSER)->seen_ms -= 10000; /* as if it had been long ago */
	foreign_close_socket(foreign, third, OTHER_ACCOUNT);
	cr_expect(is_at_end(readers[1], 10000), "the other account's is closed");
	cr_expect_not(is_at_end(readers[0], 0));
	cr_expect_eq(foreign_stuck(foreign), 1);
	cr_expect_eq(take(ACCOUNT, HELD), 0, "its questions are not refused");
}

/* ---- an account with many sockets, of which one hangs ---- */

/* Of the account, whose sockets are held from now on. */
static void jail_the_account(void)
{
	int client, reader, first = a_socket_with_a_file("x", 1, &client, &reader);
	struct foreign_helper *closer;

	stop_helper(FOREIGN_SOCKET_CLOSER);
	closer = foreign_helper_find(foreign, FOREIGN_SOCKET_CLOSER);
	atomic_store(&closer->slot->account, ACCOUNT);
	foreign_close_socket(foreign, first, ACCOUNT);
	closer->seen_ms -= 10000; /* as if it had been long ago */
	foreign_close_socket(foreign, a_socket_with_a_file("x", 1, &client, &reader), OTHER_ACCOUNT);
	cr_assert_eq(closer->role, FOREIGN_JAIL);
}

/* Returns whether the engine still has the socket. */
static bool stays_open(uint64_t account, int *reader)
{
	int client, socket = a_socket_with_a_file("x", 1, &client, reader);

	foreign_close_socket(foreign, socket, account);
	close(client);
	return fcntl(socket, F_GETFD) >= 0;
}

static unsigned helpers_with(enum foreign_role role)
{
	unsigned count = 0;

	for (size_t i = 0; i < FOREIGN_HELPERS_MAX; i++)
		count += foreign->helpers[i].role == role;
	return count;
}

Test(foreign, holds_sockets_of_a_jailed_account, .init = start, .fini = stop)
{
	enum { MANY = 200 };
	int readers[MANY];

	jail_the_account();
	for (int i = 0; i < MANY; i++)
		cr_expect_not(stays_open(ACCOUNT, &readers[i]));
	cr_expect_eq(helpers_with(FOREIGN_HOLDER), 1);
	cr_expect_not(is_at_end(readers[0], 0), "nothing is closed, for that might hang");
	cr_expect_eq(kill(foreign_helper_find(foreign, FOREIGN_JAIL)->pid, SIGKILL), 0);
	foreign_helper_find(foreign, FOREIGN_JAIL)->until_ms = 0;
	while (helpers_with(FOREIGN_JAIL))
		(void)foreign_hangs(foreign, ACCOUNT);
	for (int i = 0; i < MANY; i++)
		cr_expect(is_at_end(readers[i], 10000), "what is held is closed with the end of the jail");
}

/* At the limit the engine keeps the account's sockets, as it has no place that cannot hang; others are served. */
Test(foreign, bounds_the_holders_of_an_account, .init = start, .fini = stop)
{
	enum { EACH = 3, HOLDERS = 4 };
	int reader, others;
	pid_t holders[HOLDERS];

	jail_the_account();
	foreign->held_max = EACH;
	for (int i = 0; i < HOLDERS; i++) {
		for (int j = 0; j < EACH; j++)
			cr_expect_not(stays_open(ACCOUNT, &reader), "holder %d, socket %d", i, j);
		holders[i] = foreign_helper_find(foreign, FOREIGN_HOLDER)->pid;
		/* as of one that hangs with what it closes: SIGKILL does not end it */
		foreign_helper_find(foreign, FOREIGN_HOLDER)->pidfd = eventfd(0, EFD_CLOEXEC);
	}
	cr_expect(stays_open(ACCOUNT, &reader));
	cr_expect_eq(helpers_with(FOREIGN_HOLDER_ENDS), HOLDERS);
	cr_expect_not(stays_open(OTHER_ACCOUNT, &others));
	cr_expect(is_at_end(others, 10000));
	for (int i = 0; i < HOLDERS; i++)
		kill(holders[i], SIGKILL);
}
