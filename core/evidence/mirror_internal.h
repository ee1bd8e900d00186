/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Shared by the files of the mirror: following events (mirror.c), its share of the time (mirror_rest.c), reading
 * (mirror_read.c), notifying (mirror_notify.c).
 */
#ifndef RDMASEC_EVIDENCE_MIRROR_INTERNAL_H
#define RDMASEC_EVIDENCE_MIRROR_INTERNAL_H

#include "evidence/mirror.h"
#include "netns/events.h"

/* See the table in mirror.c. */
enum mirror_part_state {
	MIRROR_STALE = 0, /* must be read again */
	MIRROR_REROUTED,  /* the same, and notify even if no route differs */
	MIRROR_DOUBTED,   /* stale if an entry is offloaded to a netdev */
	MIRROR_LOADING,   /* `load` is in progress */
	MIRROR_CURRENT,
};

/* What the choice among routes depends on: rt6_check_neigh() in net/ipv6/route.c. */
enum gateway_state { GATEWAY_UNKNOWN = 0, GATEWAY_VALID, GATEWAY_FAILED, GATEWAY_OTHER };

struct mirror_gateway {
	union ip_address address;
	int ifindex;
	enum gateway_state state;
};

enum { MIRROR_GATEWAYS = 8 };

struct mirror {
	struct netns *netns;
	mirror_changed_fn changed;
	void *arg;
	struct evidence ev;
	struct event_socket route_socket, neighbour_socket, xfrm_socket;
	struct event *route_event, *neighbour_event, *xfrm_event, *poll;
	struct event *rest; /* its end: mirror_rest.c */
	bool rests;
	enum mirror_part_state links, routes6, xfrm;
	bool rerouted4; /* a route or a rule of IPv4 changed, which was not notified yet */
	bool doubted_in_load;
	int64_t links_read_ms, xfrm_due_ms;
	/* IPv6 routes with a lifetime: mirror_expiry.c. CLOCK_MONOTONIC; 0: none. */
	struct event *expiry;
	int64_t expires_ms, expired_ms; /* of the first to expire: not before, and surely then */
	int64_t look_until_ms, routes6_due_ms;
	/* The gateways whose state changed last: mirror_gateway.c. */
	struct mirror_gateway gateways[MIRROR_GATEWAYS];
	unsigned next_gateway;
	struct xfrm_load *load; /* NULL: no load is in progress */
	struct event *load_more;
	int64_t load_began_ms;
	int load_at_once_ms; /* length of a step of a load, after which other events are served */
	bool poll_is_fast;   /* mirror_poll_fast() */
	unsigned hurries;    /* mirror_hurry_begin() */
	bool quiet;          /* no notifications during the first reading */
	uint64_t generation, gid_generation;
};

/* mirror_notify.c: each counts a change and calls mirror->changed, unless mirror->quiet. */
void mirror_notify(struct mirror *mirror, const struct mirror_change *change);
void mirror_notify_host(struct mirror *mirror);
void mirror_notify_xfrm(const struct xfrm_change *change, void *arg); /* the mirror */

/* mirror_rest.c: leaves the events of the mirror in their sockets for a while, after a turn that began then. */
void mirror_rest(struct mirror *mirror, int64_t began_us);
/* The length of that while, after a turn of `took_us`. */
int mirror_rest_ms(const struct mirror *mirror, int64_t took_us);
void mirror_rest_end(struct mirror *mirror);
void mirror_on_rested(evutil_socket_t fd, short what, void *arg);

/*
 * mirror_expiry.c: the end of a route's lifetime has no event. Called after each reading of the routes, which began
 * then: sets the timer for the next look at them.
 */
void mirror_expiry_plan(struct mirror *mirror, int64_t began_ms);
/* The timer has fired. Returns the state of the routes now; MIRROR_CURRENT: it has been set again. */
enum mirror_part_state mirror_expiry_due(struct mirror *mirror);
/* Whether lifetimes, which also change without an event, were read too long ago. */
bool mirror_expiry_is_stale(const struct mirror *mirror);

/* mirror_gateway.c: takes a message about a neighbour. Returns 0 or -EPROTO. `arg` is the mirror. */
int mirror_take_neighbour(const struct nlmsghdr *message, void *arg);

/* Each reads its part again and notifies of differences. Blocks like evidence_read(). */
void mirror_read_links(struct mirror *mirror);
void mirror_read_routes6(struct mirror *mirror);
void mirror_read_macsec(struct mirror *mirror); /* does nothing if no SecY can exist */
/* Begins a load and, unless it takes long, ends it; otherwise mirror->load_more continues it. */
void mirror_read_xfrm(struct mirror *mirror);
/* Called by the event loop. Returns true if the load has ended; mirror->changed has been called then. */
RS_MUST_USE bool mirror_read_more_xfrm(struct mirror *mirror);
/* Asks for the single SAs that events left open. Returns false if that failed: all must be read again. */
RS_MUST_USE bool mirror_ask_xfrm(struct mirror *mirror);

#endif
