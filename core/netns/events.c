// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Source: net/netlink/af_netlink.c. The kernel drops a message that does not fit, and recvmsg(2) then returns ENOBUFS.
 */
#include "netns/events.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink/dump.h"
#include "util/clock.h"

enum { CLOCK_EVERY = 32 }; /* datagrams */

int event_socket_open(struct event_socket *listening, struct netns *netns, int protocol, const unsigned *groups,
		      size_t count)
{
	void *buffer;
	int fd = -1, err = netlink_buffer_new(&buffer);

	if (err)
		return err;
	err = netns_listen(netns, protocol, groups, count, &fd);
	if (err) {
		netlink_buffer_free(buffer);
		return err;
	}
	*listening = (struct event_socket){ .fd = fd, .buffer = buffer };
	return 0;
}

void event_socket_close(struct event_socket *listening)
{
	if (listening->fd < 0)
		return;
	close(listening->fd);
	netlink_buffer_free(listening->buffer);
	listening->fd = -1;
}

static int take_datagram(const char *at, size_t len, int (*message)(const struct nlmsghdr *message, void *arg),
			 void *arg)
{
	const struct nlmsghdr *header;
	int err = 0;

	while (!err && (header = netlink_next(&at, &len))) {
		if (header->nlmsg_type >= NLMSG_MIN_TYPE)
			err = message(header, arg);
		else if (header->nlmsg_type != NLMSG_NOOP)
			err = -EPROTO;
	}
	return !err && len ? -EPROTO : err;
}

/* Takes one datagram. Returns 0 or -errno; -EAGAIN: the socket is empty. */
static int take_next(struct event_socket *listening, int (*message)(const struct nlmsghdr *message, void *arg),
		     void *arg)
{
	struct sockaddr_nl from = { .nl_family = AF_UNSPEC };
	struct iovec into = { .iov_base = listening->buffer, .iov_len = NETLINK_BUFFER_SIZE };
	struct msghdr header = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &into, .msg_iovlen = 1 };
	ssize_t len = recvmsg(listening->fd, &header, MSG_DONTWAIT);
	int err = 0;

	if (len < 0)
		return -errno;
	if (header.msg_flags & MSG_TRUNC)
		err = -EMSGSIZE;
	else if (header.msg_namelen == sizeof(from) && from.nl_family == AF_NETLINK && from.nl_pid == 0)
		err = take_datagram(listening->buffer, (size_t)len, message, arg);
	explicit_bzero(listening->buffer, (size_t)len);
	return err;
}

int event_socket_drain(struct event_socket *listening, int ms,
		       int (*message)(const struct nlmsghdr *message, void *arg), void *arg)
{
	int64_t end_ms = clock_ms() + ms;
	int worst = 0, err = 0;

	for (unsigned i = 0; listening->fd >= 0 && err != -EAGAIN; i++) {
		if (i && i % CLOCK_EVERY == 0 && clock_ms() >= end_ms)
			return worst ? worst : -EINPROGRESS;
		err = take_next(listening, message, arg);
		if (err && err != -EAGAIN && err != -EINTR)
			worst = err;
		/* the socket no longer works, and would never return EAGAIN */
		if (err == -EBADF || err == -ENOTCONN || err == -ENOTSOCK)
			break;
	}
	return worst;
}
