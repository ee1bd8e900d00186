/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A mirror: the evidence of one network namespace, kept current. It follows multicast events (xfrm, links, addresses,
 * routes) and polls facts without events (sysctls, and MACsec, since drivers/net/macsec.c has no multicast group).
 * A part that cannot be kept current is read again, and is unknown until then.
 *
 * Used by one thread only: that of the event base.
 */
#ifndef RDMASEC_EVIDENCE_MIRROR_H
#define RDMASEC_EVIDENCE_MIRROR_H

#include <event2/event.h>

#include "evidence/facts.h"
#include "netns/netns.h"
#include "xfrm/table.h"

enum mirror_change_kind {
	MIRROR_CHANGE_HOST = 0, /* links, addresses, routes, settings: any queue pair may be affected */
	MIRROR_CHANGE_XFRM,     /* `xfrm` describes it */
	MIRROR_CHANGE_SECY,     /* the SecY of `ifindex` */
	MIRROR_CHANGE_DETOURS,  /* rules or filters that may lead packets elsewhere; not from a mirror */
};

struct mirror_change {
	enum mirror_change_kind kind;
	const struct xfrm_change *xfrm;
	int ifindex;
};

/* Priorities in the loop of engine_base_new(): events that update evidence, and all others. */
enum { WATCH_PRIORITY = 0, OTHERS_PRIORITY };

struct mirror;
typedef void (*mirror_changed_fn)(struct mirror *mirror, const struct mirror_change *change, void *arg);

/*
 * Creates a mirror: subscribes, then reads, so that no change is missed. Returns 0 or -errno. Takes over `netns`,
 * except on failure. Fails without subscriptions, because the mirror could not detect that it is outdated. `changed` is
 * called from the event loop and from the functions below, never from mirror_new(). `list_max`: policies and SAs beyond
 * that number make the xfrm part BROKEN, and links, IPv6 routes or SecYs their part; 0: no limit. Blocks while it
 * reads.
 */
RS_MUST_USE int mirror_new(struct event_base *base, struct netns *netns, size_t list_max, mirror_changed_fn changed,
			   void *arg, struct mirror **out);
/* Frees the mirror and closes its namespace. */
void mirror_free(struct mirror *mirror);

/*
 * Returns the current evidence: applies all queued events, and reads the facts that have no events. Policies and SAs
 * may be incomplete, see mirror_is_reading(). Valid until the next call or the event loop. Blocks while it reads.
 */
const struct evidence *mirror_now(struct mirror *mirror);
/* The same without the events: after mirror_follow(). */
const struct evidence *mirror_read_silent(struct mirror *mirror);
/* Applies all queued events, and reads only the parts that they made stale. Blocks while it reads. */
void mirror_follow(struct mirror *mirror);
/* Returns the evidence as of the last event or poll. Valid like that of mirror_now(). Does not block. */
const struct evidence *mirror_last(const struct mirror *mirror);

/*
 * Returns whether policies and SAs are being read. A large number is read in steps, and is BROKEN until the end, which
 * XFRM_CHANGE_EVERYTHING reports.
 */
bool mirror_is_reading(const struct mirror *mirror);

/* Counts changes, except those of SAs that begin to expire. A decision is valid as long as the count is the same. */
uint64_t mirror_generation(const struct mirror *mirror);
/* Counts changes of links and addresses, by which GIDs may have changed. */
uint64_t mirror_gid_generation(const struct mirror *mirror);

/* Polls facts without events every MIRROR_POLL_MS, for queue pairs that such facts protect; else every second. */
enum { MIRROR_POLL_MS = 100 };
void mirror_poll_fast(struct mirror *mirror, bool fast);
/* The same for questions that wait for such facts. Each begin has one end. */
void mirror_hurry_begin(struct mirror *mirror);
void mirror_hurry_end(struct mirror *mirror);

/* Reads the settings of one netdev, which have no events. Blocks like netns_settings(). */
void mirror_read_settings(struct mirror *mirror, const char *netdev);

/* Returns the namespace, owned by the mirror. */
struct netns *mirror_netns(const struct mirror *mirror);

#endif
