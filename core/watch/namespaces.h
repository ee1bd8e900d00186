/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The network namespaces in use, each with a mirror of its evidence and with the RDMA devices as they are seen from it.
 * A namespace is in use while a client in it is known; its mirror goes with its last one.
 */
#ifndef RDMASEC_WATCH_NAMESPACES_H
#define RDMASEC_WATCH_NAMESPACES_H

#include <sys/types.h>

#include "evidence/mirror.h"
#include "judge/path.h"
#include "watch/listener.h"

struct namespaces;
struct namespace;

/* `opener` NULL: only this process's own namespace can be seen, and clients of others get -EXDEV. */
RS_MUST_USE int namespaces_new(struct event_base *base, struct netns_opener *opener, namespace_changed_fn changed,
			       void *arg, struct namespaces **out);
void namespaces_free(struct namespaces *all);

/*
 * The namespace behind an open /proc/PID/ns/net, of which it takes a reference; `ns_fd` stays the caller's. -EXDEV: it
 * cannot be seen from here; -EMFILE: too many are in use; else as mirror_new().
 */
RS_MUST_USE int namespace_get(struct namespaces *all, int ns_fd, struct namespace **out);
/* The same for this user's program: -EMFILE also where too many that nobody else has brought in are his. */
RS_MUST_USE int namespace_get_for(struct namespaces *all, int ns_fd, uid_t uid, struct namespace **out);
struct namespace *namespace_again(struct namespace *in); /* one more reference */
void namespace_put(struct namespace *in);

/* No other namespace has, or will have, this number. */
uint64_t namespace_id(const struct namespace *in);
/* Counts changes of its evidence and of its devices, and never counts back. */
uint64_t namespace_generation(const struct namespace *in);
struct mirror *namespace_mirror(const struct namespace *in);
/* Opens this namespace's netlink sockets. */
const struct netlink_transport *namespace_transport(const struct namespace *in);

/* Everything that the kernel does not tell of by itself is read now: before a question is judged. */
void namespace_look_anew(struct namespace *in);

/*
 * The device behind an open uverbs fd, with its GIDs, and the settings of their netdevs, as they are now. Valid until
 * the next call for this namespace. -ENODEV and a text: it cannot be told.
 */
RS_MUST_USE int namespace_device(struct namespace *in, int uverbs_fd, const struct rdma_device **out, char *error,
				 size_t error_size);

/* All of them, for what has to be looked at in each. */
void namespaces_each(struct namespaces *all, void (*visit)(struct namespace *in, void *arg), void *arg);

#endif
