/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The network namespaces in use, each with a mirror of its evidence and the RDMA devices that are visible from it. A
 * namespace is freed with its last reference. All calls: one thread, that of the event base.
 */
#ifndef RDMASEC_WATCH_NAMESPACES_H
#define RDMASEC_WATCH_NAMESPACES_H

#include <sys/types.h>

#include "evidence/mirror.h"
#include "judge/bypass.h"
#include "judge/path.h"
#include "watch/listener.h"

struct namespaces;
struct namespace;

/*
 * `opener` NULL: only the namespace of this process is visible, and namespace_get() returns -EXDEV for others.
 * `changed` is called for each change of evidence or devices. 0 or -ENOMEM.
 */
RS_MUST_USE int namespaces_new(struct event_base *base, struct netns_opener *opener, namespace_changed_fn changed,
			       void *arg, struct namespaces **out);
void namespaces_free(struct namespaces *all);

/*
 * Finds or adds the namespace behind an open /proc/PID/ns/net, and takes a reference. The caller keeps `ns_fd`. -EXDEV:
 * it is not visible from here; -EMFILE: too many are in use; else as mirror_new(). Adding one reads its evidence.
 */
RS_MUST_USE int namespace_get(struct namespaces *all, int ns_fd, struct namespace **out);
/* The same for a program of this account. -EMFILE also if too many of those in use were first used by it. */
RS_MUST_USE int namespace_get_for(struct namespaces *all, int ns_fd, uint64_t account, struct namespace **out);
struct namespace *namespace_hold(struct namespace *in); /* returns `in` with one more reference */
void namespace_put(struct namespace *in);

/* A number that is never reused. */
uint64_t namespace_id(const struct namespace *in);
/* Counts changes of its evidence and its devices; never decreases. */
uint64_t namespace_generation(const struct namespace *in);
struct mirror *namespace_mirror(const struct namespace *in);
/* Opens netlink sockets of this namespace. */
const struct netlink_transport *namespace_transport(const struct namespace *in);

/*
 * Applies all queued events of evidence and of what leads packets elsewhere. Blocks for the parts that have to be read
 * again.
 */
void namespace_follow(struct namespace *in);

/* After namespace_follow(): reads all evidence of which the kernel sends no events. Blocks for those netlink dumps. */
void namespace_refresh(struct namespace *in);

/*
 * Reads the device behind an open uverbs fd with its GIDs, and the settings of their netdevs. *out is valid until the
 * next call for this namespace. -ENODEV and a text: the device cannot be identified.
 */
RS_MUST_USE int namespace_device(struct namespace *in, int uverbs_fd, const struct rdma_device **out, char *error,
				 size_t error_size);

/*
 * Makes the view of what leads packets elsewhere. In another network namespace than the engine's nothing is looked at:
 * its owner could make that long.
 */
void namespace_view_detours(struct namespace *in, struct bypass_view *out);
/* Whether the gate stops what is led elsewhere from this netdev. */
bool namespace_is_gated(struct namespace *in, int ifindex);

void namespaces_each(struct namespaces *all, void (*visit)(struct namespace *in, void *arg), void *arg);

#endif
