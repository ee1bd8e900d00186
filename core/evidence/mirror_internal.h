/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Shared by the files of the mirror: following events (mirror.c), reading (mirror_read.c), notifying (mirror_notify.c).
 */
#ifndef RDMASEC_EVIDENCE_MIRROR_INTERNAL_H
#define RDMASEC_EVIDENCE_MIRROR_INTERNAL_H

#include "evidence/mirror.h"
#include "netns/events.h"

/* See the table in mirror.c. */
enum mirror_part_state {
	MIRROR_STALE = 0, /* to be read again */
	MIRROR_REROUTED,  /* likewise, and what they lead to has changed even if they are the same */
	MIRROR_DOUBTED,   /* stale if something is offloaded to a netdev */
	MIRROR_LOADING,   /* `load` goes on */
	MIRROR_CURRENT,
};

struct mirror {
	struct netns *netns;
	mirror_changed_fn changed;
	void *arg;
	struct evidence ev;
	struct event_socket route_socket, xfrm_socket;
	struct event *route_event, *xfrm_event, *poll;
	enum mirror_part_state links, routes6, xfrm;
	bool doubted_in_load;
	int64_t links_read_ms, xfrm_due_ms;
	struct xfrm_load *load; /* NULL: they have been read */
	struct event *load_more;
	int64_t load_began_ms;
	int load_at_once_ms; /* before others get their turn */
	bool poll_is_fast;
	bool quiet; /* nobody is told: the first reading */
	uint64_t generation, gid_generation;
};

/* mirror_notify.c */
void mirror_notify(struct mirror *mirror, const struct mirror_change *change);
void mirror_notify_host(struct mirror *mirror);
void mirror_notify_xfrm(const struct xfrm_change *change, void *arg); /* the mirror */

/* Each reads its part anew, and tells what is otherwise. */
void mirror_read_links(struct mirror *mirror);
void mirror_read_routes6(struct mirror *mirror);
void mirror_read_macsec(struct mirror *mirror); /* where there may be any */
/* Begins, and mostly ends: else mirror->load_more goes on. */
void mirror_read_xfrm(struct mirror *mirror);
/* Called by the event loop. True: they have been read, and it was told. */
RS_MUST_USE bool mirror_read_more_xfrm(struct mirror *mirror);
/* Reads single SAs that events have left open. False: it cannot be told so, and all is to be read. */
RS_MUST_USE bool mirror_ask_xfrm(struct mirror *mirror);

#endif
