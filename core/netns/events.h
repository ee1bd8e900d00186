/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A netlink socket that listens to multicast groups: every message in order, or the news that some were lost. */
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

/* 0 or -errno, as socket(2) and NETLINK_ADD_MEMBERSHIP say. */
RS_MUST_USE int event_socket_open(struct event_socket *listening, struct netns *netns, int protocol,
				  const unsigned *groups, size_t count);
void event_socket_close(struct event_socket *listening);

/*
 * Takes all that is there, without waiting. 0; or -errno when something was lost or not understood by `message`: then
 * the rest has been taken all the same, and what the messages would have told has to be read anew. Datagrams of others
 * than the kernel are dropped. The buffer, which may have held keys, is wiped.
 */
RS_MUST_USE int event_socket_drain(struct event_socket *listening,
				   int (*message)(const struct nlmsghdr *message, void *arg), void *arg);

#endif
