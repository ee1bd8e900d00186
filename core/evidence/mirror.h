/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A mirror: the evidence of one network namespace, kept current. It follows multicast events (xfrm, links, addresses,
 * IPv6 routes) and polls what has none (MACsec, since drivers/net/macsec.c has no multicast group; sysctls). A part
 * that cannot be kept current is read from the start, and is unknown until then.
 *
 * One thread: that of the event base.
 */
#ifndef RDMASEC_EVIDENCE_MIRROR_H
#define RDMASEC_EVIDENCE_MIRROR_H

#include <event2/event.h>

#include "evidence/facts.h"
#include "netns/netns.h"
#include "xfrm/table.h"

enum mirror_change_kind {
	MIRROR_CHANGE_HOST = 0, /* links, addresses, routes, settings: anything that is sent may be concerned */
	MIRROR_CHANGE_XFRM,     /* `xfrm` says what */
	MIRROR_CHANGE_SECY,     /* the SecY of `ifindex` */
};

struct mirror_change {
	enum mirror_change_kind kind;
	const struct xfrm_change *xfrm;
	int ifindex;
};

/* Of the events by which evidence is followed, in the loop of engine_base_new(); others have the next. */
enum { WATCH_PRIORITY = 0, OTHERS_PRIORITY };

struct mirror;
typedef void (*mirror_changed_fn)(struct mirror *mirror, const struct mirror_change *change, void *arg);

/*
 * Subscribes first and reads then, so that nothing falls between. Takes over `netns`, unless it fails. `changed` is
 * called from the event loop and from mirror_now(), never from mirror_new(). 0 or -errno: without subscriptions there
 * is no mirror, for it could not know that it is old.
 */
RS_MUST_USE int mirror_new(struct event_base *base, struct netns *netns, mirror_changed_fn changed, void *arg,
			   struct mirror **out);
void mirror_free(struct mirror *mirror);

/*
 * The evidence as it is now: every change that the kernel has told of is in it, and what it does not tell of is read in
 * this call; but see mirror_is_reading(). Valid until the next call or the event loop.
 */
const struct evidence *mirror_now(struct mirror *mirror);
/* Takes what the kernel has told of, and asks nothing but what that made stale. */
void mirror_follow(struct mirror *mirror);
/* As of the last event or poll. */
const struct evidence *mirror_last(const struct mirror *mirror);

/*
 * Are policies and SAs being read, which is done a part at a time where there are very many? Until it has ended, with a
 * change of XFRM_CHANGE_EVERYTHING, they are BROKEN: what they may protect is not known yet, but will be.
 */
bool mirror_is_reading(const struct mirror *mirror);

/* Counts changes, but for SAs that are dying: as long as it stays, a decision stands. */
uint64_t mirror_generation(const struct mirror *mirror);
/* Counts those by which GIDs may have changed: of links and addresses. */
uint64_t mirror_gid_generation(const struct mirror *mirror);

/* While something lives that silent facts protect, they are asked for every MIRROR_POLL_MS, else every second. */
enum { MIRROR_POLL_MS = 100 };
void mirror_poll_fast(struct mirror *mirror, bool fast);

/* Reads the settings of one netdev, which have no events. */
void mirror_read_settings(struct mirror *mirror, const char *netdev);

struct netns *mirror_netns(const struct mirror *mirror);

#endif
