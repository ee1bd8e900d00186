/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A netlink socket that joins multicast groups. It delivers every message in order, or reports that some were lost. */
#ifndef RDMASEC_NETNS_EVENTS_H
#define RDMASEC_NETNS_EVENTS_H

#include <linux/netlink.h>
#include <stddef.h>

#include "netns/netns.h"
#include "util/attributes.h"

struct event_socket {
	int fd; /* -1: none */
	void *buffer;
};

/*
 * Opens the socket and joins `groups` (numbers, not bits) in `netns`. Returns 0 or -errno of netns_listen(), and blocks
 * like it. Close with event_socket_close(), which accepts a socket whose fd is -1.
 */
RS_MUST_USE int event_socket_open(struct event_socket *listening, struct netns *netns, int protocol,
				  const unsigned *groups, size_t count);
void event_socket_close(struct event_socket *listening);

/*
 * Passes every queued message to `message`, without waiting. Returns 0; -EINPROGRESS after `ms`, when more may be
 * queued and none was lost. Returns another -errno if messages were lost or `message` failed: the caller must then read
 * again the state that they describe. The queue has been emptied all the same, except when the time was over before,
 * and if the socket is unusable. Drops datagrams of other processes. Wipes the buffer, which may have held keys.
 */
RS_MUST_USE int event_socket_drain(struct event_socket *listening, int ms,
				   int (*message)(const struct nlmsghdr *message, void *arg), void *arg);

#endif
