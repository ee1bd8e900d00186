/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The SPD and SAD of one network namespace, read once and then kept by the kernel's own events (the multicast groups
 * XFRMNLGRP_SA, POLICY, EXPIRE, MIGRATE and MAPPING), and hashed, so that a decision about one remote costs the same
 * whatever the number of policies and SAs.
 *
 * Join the groups first, then load, then apply what came meanwhile, and decide when nothing is left in the socket:
 * applying again what the dump already had does no harm in the end, but may in between (a DELSA of before the dump
 * takes away its successor of the same SPI, until the NEWSA behind it).
 *
 * Some events leave open what became of one SA: the kernel is asked for that one when all events have been applied
 * (xfrm_table_ask()). What it answers is newer than any of them, and than some that are still to come; for these holds
 * what holds of a dump.
 *
 * What no event tells, so that whoever keeps the table has to load anew: ENOBUFS on the socket; a netdev with
 * packet-offloaded entries going down (xfrm_table_has_offload()); and the kernel finding no memory for an event, which
 * nobody is told.
 *
 * Not thread-safe, but many may read while nobody writes.
 */
#ifndef RDMASEC_XFRM_TABLE_H
#define RDMASEC_XFRM_TABLE_H

#include <linux/netlink.h>

#include <stdbool.h>
#include <stdint.h>

#include "util/attributes.h"
#include "util/evidence_state.h"
#include "xfrm/facts.h"

struct netlink_transport;
struct xfrm_table;

enum { XFRM_TABLE_ERROR_MAX = 128 };

/* An empty table in state EVIDENCE_UNREAD; NULL: no memory. */
struct xfrm_table *xfrm_table_new(void);
void xfrm_table_free(struct xfrm_table *table);

/*
 * Reads all anew over `transport`, in the calling thread's network namespace, with all that evidence_read() checks.
 * Returns the table's state; unless it is EVIDENCE_READ the table is empty, and `error` says why when it is BROKEN.
 */
enum evidence_state xfrm_table_load(struct xfrm_table *table, const struct netlink_transport *transport, char *error,
				    size_t error_size);

/*
 * The same, a part at a time: a hundred thousand SAs take seconds, in which others are to be served. Until its end the
 * table is BROKEN, and nothing may be applied to it or asked for. NULL: no memory, and the table is BROKEN.
 */
struct xfrm_load;
struct xfrm_load *xfrm_load_begin(struct xfrm_table *table, const struct netlink_transport *transport);
/* Goes on until `until_ms` of clock_ms(), or a little longer; never less than one step. True: it is at its end. */
RS_MUST_USE bool xfrm_load_go_on(struct xfrm_load *load, int64_t until_ms);
/* Frees it; where it was not at its end, the table is BROKEN. */
void xfrm_load_end(struct xfrm_load *load);

/*
 * The state that xfrm_table_load() left, or BROKEN since an event that could not be applied, and as long as there are
 * questions; and why. No table (NULL) is EVIDENCE_UNREAD.
 */
enum evidence_state xfrm_table_state(const struct xfrm_table *table);
const char *xfrm_table_error(const struct xfrm_table *table);

/* ---- events ---- */

enum xfrm_change_kind {
	XFRM_CHANGE_NOTHING = 0,
	XFRM_CHANGE_SA,
	XFRM_CHANGE_EXPIRING, /* an SA reached a soft limit: it protects as before, until a hard one ends it */
	XFRM_CHANGE_POLICY,
	XFRM_CHANGE_EVERYTHING,
};

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded" /* compared by memcmp() */

/* What one event changed, for finding those whom it concerns. */
struct xfrm_change {
	enum xfrm_change_kind kind;
	bool added;          /* or replaced, by one of the same addresses; else gone */
	bool packet_offload; /* of either */
	uint8_t mode;        /* SA, also an expiring one */
	uint8_t dir, type;   /* policy */
	uint8_t reserved[3];
	/* SA */
	int family;
	union ip_address saddr, daddr;
	uint32_t spi, reqid;
	/* policy */
	struct xfrm_selector_evidence sel;
};

#pragma GCC diagnostic pop

/*
 * Applies one event; its length must have been checked against the datagram's, everything within is checked here. 0,
 * and *out says what changed. -ESTALE, or -ENOMEM: what happened cannot be applied (a flush, a migration, a message
 * that is not understood...): the table is BROKEN, and every decision by it UNKNOWN, until it is loaded anew. The
 * message may carry keys: nothing of them is kept, and the caller wipes its buffer.
 */
RS_MUST_USE int xfrm_table_apply(struct xfrm_table *table, const struct nlmsghdr *message, struct xfrm_change *out);

/* Has an event left something to be asked for? Until then the table is BROKEN. */
bool xfrm_table_has_questions(const struct xfrm_table *table);

/*
 * Asks for it over `transport`, in the calling thread's network namespace; `changed` hears of each SA that is otherwise
 * than it was known, and cannot decide by the table yet. 0, and there are no questions any more. -ESTALE, -ENOMEM or
 * what the transport said: it cannot be told, and all has to be loaded anew, as after xfrm_table_apply(). Blocks as
 * xfrm_table_load().
 */
RS_MUST_USE int xfrm_table_ask(struct xfrm_table *table, const struct netlink_transport *transport,
			       void (*changed)(const struct xfrm_change *change, void *arg), void *arg);

/* ---- what is in it ---- */

size_t xfrm_table_policy_count(const struct xfrm_table *table);
size_t xfrm_table_sa_count(const struct xfrm_table *table);
/* Is anything offloaded to a netdev? Its going down takes that away without an event (xfrm_dev_down()). */
bool xfrm_table_has_offload(const struct xfrm_table *table);
bool xfrm_table_has_sub_policy(const struct xfrm_table *table);
bool xfrm_table_has_packet_offload(const struct xfrm_table *table, uint8_t dir);

/*
 * A visit of the entries that could match, in the order of their coming, and of others. Ends with NULL; good until the
 * table changes.
 */
struct xfrm_walk {
	const void *next[2];
};

/* The policies of a direction that could take a flow; an address that is NULL is not known. No table has none. */
void xfrm_table_policies(const struct xfrm_table *table, uint8_t dir, int family, const union ip_address *saddr,
			 const union ip_address *daddr, struct xfrm_walk *out);
const struct xfrm_policy_evidence *xfrm_walk_policy(struct xfrm_walk *walk);

/* The SAs of these addresses (NULL: of any; as ever, an SA's own source may be zero) and of this reqid, or any. */
struct xfrm_sa_query {
	int family;
	const union ip_address *saddr, *daddr;
	bool any_reqid;
	uint32_t reqid;
};
void xfrm_table_sas(const struct xfrm_table *table, const struct xfrm_sa_query *query, struct xfrm_walk *out);
const struct xfrm_sa_evidence *xfrm_walk_sa(struct xfrm_walk *walk);

#endif
