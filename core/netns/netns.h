/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Access to another network namespace without entering it. An application is judged by the state of its own namespace,
 * but setns(2) needs CAP_SYS_ADMIN, which the engine must not have. So a small separate process, the opener, keeps that
 * capability. It only opens netlink sockets and reads a few settings in namespaces whose fds it receives. A socket
 * stays in the namespace where it was opened, so the engine uses it without the opener.
 *
 * One thread only: the one that started the opener, which ends with that thread. A call that asks the opener blocks
 * until it replies, and fails with -ETIMEDOUT after five seconds.
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
 * Starts the opener. Call it with CAP_SYS_ADMIN and CAP_NET_ADMIN, before they are dropped and while the process has
 * one thread. Returns 0 when the opener has confined itself; -EPERM: the capabilities are missing; else -errno. Blocks.
 */
RS_MUST_USE int netns_opener_start(struct netns_opener **out);
/* Ends the opener and waits for its end. Call it after every netns_close(). NULL is allowed. */
void netns_opener_stop(struct netns_opener *opener);

/*
 * Returns an fd that is readable when the opener has ended; the opener keeps it. A process that has dropped its
 * privileges cannot start another opener.
 */
int netns_opener_pidfd(const struct netns_opener *opener);

/*
 * Opens the namespace of `ns_fd`, an fd of /proc/PID/ns/net, or the calling thread's own if it is -1. The caller keeps
 * ns_fd. `opener` may be NULL for the thread's own namespace. Returns 0; -EXDEV: another namespace, and no opener;
 * -EINVAL: not a network namespace; else -errno. Close with netns_close().
 *
 * An open netns, and every socket opened through it, keeps the namespace and its netdevs alive after its last process
 * has ended. Close it with its last client.
 */
RS_MUST_USE int netns_open(struct netns_opener *opener, int ns_fd, struct netns **out);
/* Sockets that were opened through it stay open. NULL is allowed. */
void netns_close(struct netns *ns);

/* Returns whether stat(2) of the namespace gives these numbers. No other namespace has them while `ns` is open. */
bool netns_same(const struct netns *ns, dev_t dev, ino_t ino);

/* Returns whether it is that of this process, whose other files and system calls are about it, too. */
bool netns_is_own(const struct netns *ns);

/* Returns whether it is the initial namespace, that of the host. */
bool netns_is_initial(const struct netns *ns);

/* Below, NULL as `ns` means the calling thread's own namespace. */

/* Returns a netlink_kernel for that namespace, valid as long as `ns`. Its open() asks the opener. */
const struct netlink_transport *netns_transport(struct netns *ns);

/*
 * Opens a non-blocking socket with a large buffer that joins `groups` (numbers, not bits). ENOBUFS reports that
 * messages did not fit: the caller must then read everything again. Returns 0, or -errno: -EPROTONOSUPPORT, -EPERM...
 * The caller owns *out_fd.
 */
RS_MUST_USE int netns_listen(struct netns *ns, int protocol, const unsigned int *groups, size_t count, int *out_fd);

/*
 * net.ipv4.conf.NETDEV.{disable_xfrm,disable_policy} and net.ipv6.conf.NETDEV.disable_policy. IPv6 has no disable_xfrm.
 */
struct netns_settings {
	bool xfrm_off, policy_off, policy_off6;
};

/*
 * Reads the settings of a netdev, or of "all". A setting that cannot be read counts as on. Returns 0; -EINVAL: no
 * netdev can have this name; else -errno: the opener could not answer.
 */
RS_MUST_USE int netns_settings(struct netns *ns, const char *netdev, struct netns_settings *out);

enum netns_listening { NETNS_LISTENING_UNKNOWN = 0, NETNS_LISTENS_NOT, NETNS_LISTENS };

/*
 * Returns whether a socket receives acquires: that of a key manager, or of a monitor such as `ip xfrm monitor`. Source:
 * managers.c.
 */
enum netns_listening netns_key_manager(struct netns *ns);

#endif
