/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A network namespace, to be looked into without being in it. An application is judged by what holds in its own
 * namespace; but setns(2) wants CAP_SYS_ADMIN, which the engine must not have. So a small process beside it, the
 * opener, keeps that capability and does nothing with it but open netlink sockets and read a few settings in namespaces
 * that it is handed. A socket stays in the namespace where it was opened, so the engine talks on it by itself.
 *
 * All of this is for one thread at a time: the one that made the opener, which ends with that thread.
 */
#ifndef RDMASEC_NETNS_NETNS_H
#define RDMASEC_NETNS_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "netlink/dump.h"
#include "util/attributes.h"

struct netns_opener;
struct netns;

/*
 * Starts the opener: to be called with CAP_SYS_ADMIN and CAP_NET_ADMIN, before they are dropped and while there is one
 * thread. 0 once it has confined itself; -EPERM: the capabilities are not there; -errno.
 */
RS_MUST_USE int netns_opener_start(struct netns_opener **out);
void netns_opener_stop(struct netns_opener *opener); /* after every netns_close(); NULL is fine */

/* Readable when the opener has ended. It cannot be started again by a process that has dropped its privileges. */
int netns_opener_pidfd(const struct netns_opener *opener);

/*
 * `ns_fd`: as open(2) gives it of /proc/PID/ns/net, or -1 for the calling thread's own; it stays the caller's.
 * `opener` NULL: only our own can be opened, with nobody's help. 0; -EXDEV: another one, and no opener; -EINVAL: not a
 * network namespace; -errno.
 *
 * An open netns, and every socket of it, keeps the namespace alive, with its netdevs, after its last process has gone:
 * close it with its last client.
 */
RS_MUST_USE int netns_open(struct netns_opener *opener, int ns_fd, struct netns **out);
void netns_close(struct netns *ns); /* sockets handed out stay open; NULL is fine */

/* Is it the one of which stat(2) says so? While it is open, no other can have these numbers. */
bool netns_same(const struct netns *ns, dev_t dev, ino_t ino);

/* The initial one, of the host. */
bool netns_is_initial(const struct netns *ns);

/* Below, `ns` NULL is our own namespace. */

/* As netlink_kernel, in that namespace. Lives as long as `ns`. */
const struct netlink_transport *netns_transport(struct netns *ns);

/*
 * A socket that hears `groups` (numbers, not bits), non-blocking and with a large buffer. What does not fit into it
 * anymore is told by ENOBUFS: then everything has to be read anew. 0, or -errno: -EPROTONOSUPPORT, -EPERM...
 */
RS_MUST_USE int netns_listen(struct netns *ns, int protocol, const unsigned int *groups, size_t count, int *out_fd);

/* net.ipv4.conf.NETDEV.{disable_xfrm,disable_policy}, net.ipv6.conf.NETDEV.disable_policy; there is no fourth. */
struct netns_settings {
	bool xfrm_off, policy_off, policy_off6;
};

/* `netdev` may be "all". A setting that cannot be read counts as on. -errno: nobody could be asked, or -EINVAL for a
 * name that no netdev has. */
RS_MUST_USE int netns_settings(struct netns *ns, const char *netdev, struct netns_settings *out);

enum netns_listening { NETNS_LISTENING_UNKNOWN = 0, NETNS_LISTENS_NOT, NETNS_LISTENS };

/* Whether a socket receives acquires: that of a key manager, or of a monitor such as `ip xfrm monitor`. */
enum netns_listening netns_key_manager(struct netns *ns);

#endif
