// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The engine's end of the connection to the opener. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns/private.h"
#include "util/clock.h"
#include "util/fd_socket.h"

/* The opener never waits, but the kernel may have to load a module for a first socket. */
enum { ANSWER_WITHIN_S = 5 };

struct netns_opener {
	int socket;
	int pidfd;
	pid_t pid;
	uint32_t sequence;
};

static int receive_reply(const struct netns_opener *opener, struct netns_reply *out, int *out_fd)
{
	int n;

	do
		n = wire_receive(opener->socket, out, sizeof(*out), out_fd);
	while (n == -EINTR);
	if (n == -EAGAIN)
		return -ETIMEDOUT;
	if (n < 0)
		return n;
	if (n == sizeof(*out))
		return 0;
	if (*out_fd >= 0)
		close(*out_fd);
	return n ? -EBADMSG : -ECONNRESET;
}

/* Skips late replies to requests that timed out. */
static int await_reply(const struct netns_opener *opener, uint32_t sequence, struct netns_reply *out, int *out_fd)
{
	int err;

	for (;;) {
		err = receive_reply(opener, out, out_fd);
		if (err || out->sequence == sequence)
			return err;
		if (*out_fd >= 0)
			close(*out_fd);
	}
}

int netns_opener_ask(struct netns_opener *opener, int ns_fd, struct netns_request *request, struct netns_reply *out,
		     int *out_fd)
{
	struct netns_reply reply;
	int fd = -1, err;

	/* 0 is the opener's greeting */
	opener->sequence += opener->sequence == UINT32_MAX ? 2 : 1;
	request->sequence = opener->sequence;
	err = wire_send(opener->socket, request, sizeof(*request), ns_fd);
	err = err < 0 ? err : await_reply(opener, request->sequence, &reply, &fd);
	if (err)
		return err;
	err = reply.err > 0 ? -EBADMSG : reply.err;
	if (!err && (fd >= 0) != (out_fd != NULL))
		err = -EBADMSG;
	if (err) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	*out = reply;
	if (out_fd)
		*out_fd = fd;
	return 0;
}

/* ---- start and stop ---- */

static int fork_opener(struct netns_opener *opener, int theirs)
{
	const pid_t parent = getpid();

	opener->pid = fork();
	if (opener->pid < 0)
		return -errno;
	if (opener->pid == 0)
		netns_opener_main(theirs, parent);
	opener->pidfd = (int)syscall(SYS_pidfd_open, opener->pid, 0);
	return opener->pidfd < 0 ? -errno : 0;
}

static int hear_greeting(const struct netns_opener *opener)
{
	struct netns_reply greeting;
	int fd = -1, err = await_reply(opener, 0, &greeting, &fd);

	if (fd >= 0)
		close(fd);
	return err ? err : greeting.err;
}

int netns_opener_start(struct netns_opener **out)
{
	const struct timeval limit = clock_timeval(ANSWER_WITHIN_S * 1000);
	struct netns_opener *opener = calloc(1, sizeof(*opener));
	int pair[2], err;

	if (!opener)
		return -ENOMEM;
	opener->socket = opener->pidfd = opener->pid = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		err = -errno;
	} else {
		opener->socket = pair[0];
		err = setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
				      setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit))
			      ? -errno
			      : fork_opener(opener, pair[1]);
		close(pair[1]);
	}
	if (!err)
		err = hear_greeting(opener);
	if (err) {
		netns_opener_stop(opener);
		return err;
	}
	*out = opener;
	return 0;
}

/* The opener ends when its socket is closed. */
void netns_opener_stop(struct netns_opener *opener)
{
	if (!opener)
		return;
	if (opener->socket >= 0)
		close(opener->socket);
	if (opener->pid > 0)
		while (waitpid(opener->pid, NULL, 0) < 0 && errno == EINTR)
			;
	if (opener->pidfd >= 0)
		close(opener->pidfd);
	free(opener);
}

int netns_opener_pidfd(const struct netns_opener *opener)
{
	return opener->pidfd;
}
