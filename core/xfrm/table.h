/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The SPD and SAD of one network namespace. A table is read once and then updated by the kernel's events (the multicast
 * groups XFRMNLGRP_SA, POLICY, EXPIRE, MIGRATE and MAPPING). It is hashed, so the cost of a decision about one remote
 * does not depend on the number of policies and SAs.
 *
 * Join the groups first, then load, then apply the events that arrived during the load, and decide when the socket is
 * empty. The dump may already contain the effect of an event. Applying it again ends in the right state, but the table
 * may be wrong until then: a DELSA from before the dump removes its successor with the same SPI, until the NEWSA behind
 * it.
 *
 * Some events do not determine the new state of an SA. When all events have been applied, xfrm_table_ask() asks the
 * kernel for each of these SAs. Its answers are newer than these events, and newer than some that are still queued;
 * applying the queued ones is as harmless as after a dump.
 *
 * The owner of the table must load it again after changes without an event: ENOBUFS on the socket; a netdev with
 * packet-offloaded entries that goes down (xfrm_table_has_offload()); and events for which the kernel found no memory,
 * which it does not report.
 *
 * Not thread-safe, but many threads may read a table that no thread changes.
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

/*
 * Returns an empty table in state EVIDENCE_UNREAD, or NULL: no memory. Free with xfrm_table_free(), which accepts NULL.
 */
struct xfrm_table *xfrm_table_new(void);
void xfrm_table_free(struct xfrm_table *table);
/*
 * Limits the policies and SAs together; 0: no limit. One more is refused as if there were no memory, and a table that
 * cannot be read to its end is BROKEN.
 */
void xfrm_table_limit(struct xfrm_table *table, size_t max);

/*
 * Replaces the contents with all policies and SAs, read over `transport`, with the checks of evidence_read(). Returns
 * the table's state. Unless it is EVIDENCE_READ the table is empty; if it is EVIDENCE_BROKEN, `error` gives the reason.
 * Blocks for at most two seconds for each datagram, and five minutes in total.
 */
enum evidence_state xfrm_table_load(struct xfrm_table *table, const struct netlink_transport *transport, char *error,
				    size_t error_size);

/*
 * The same in steps, since a hundred thousand SAs take seconds. Until its end the table is BROKEN and must not be
 * changed otherwise. Returns NULL if there is no memory, and the table is BROKEN. End it with xfrm_load_end().
 */
struct xfrm_load;
struct xfrm_load *xfrm_load_begin(struct xfrm_table *table, const struct netlink_transport *transport);
/*
 * Continues until `until_ms` of clock_ms() or a little longer, and for at least one step. Returns true if the load has
 * ended, with or without success. Blocks for one datagram longer at most.
 */
RS_MUST_USE bool xfrm_load_go_on(struct xfrm_load *load, int64_t until_ms);
/* Frees the load. If it had not ended, the table is BROKEN. */
void xfrm_load_end(struct xfrm_load *load);

/*
 * Returns the state that xfrm_table_load() left; BROKEN after an event that could not be applied, and as long as there
 * are questions; UNREAD for NULL. xfrm_table_error() returns the reason, or "". It is valid until the table changes.
 */
enum evidence_state xfrm_table_state(const struct xfrm_table *table);
const char *xfrm_table_error(const struct xfrm_table *table);

/* ---- events ---- */

enum xfrm_change_kind {
	XFRM_CHANGE_NOTHING = 0,
	XFRM_CHANGE_SA,
	XFRM_CHANGE_EXPIRING, /* an SA reached a soft limit: it protects until a hard one ends it */
	XFRM_CHANGE_POLICY,
	XFRM_CHANGE_EVERYTHING,
};

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded" /* compared with memcmp() */

/* What one event changed, for finding the queue pairs that it affects. */
struct xfrm_change {
	enum xfrm_change_kind kind;
	bool added;          /* or replaced by one with the same addresses; false: removed */
	bool packet_offload; /* the entry is, or was, packet-offloaded */
	uint8_t mode;        /* of an SA, also of an expiring one */
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
 * Applies one event. The caller has checked its length against the datagram's; everything within is checked here.
 * Returns 0, and *out describes the change. Returns -ESTALE or -ENOMEM for an event that cannot be applied (a flush, a
 * migration, a message that is not understood...): the table is BROKEN, and every decision by it UNKNOWN, until it is
 * loaded again. The message may carry keys: none is kept, and the caller wipes its buffer. Does not block.
 */
RS_MUST_USE int xfrm_table_apply(struct xfrm_table *table, const struct nlmsghdr *message, struct xfrm_change *out);

/* Returns whether an event left an SA to ask the kernel for. The table is BROKEN as long as there is one. */
bool xfrm_table_has_questions(const struct xfrm_table *table);

/*
 * Asks the kernel for these SAs over `transport`. Calls `changed` for each SA that differs from the table; the callback
 * must not decide by the table yet. Returns 0, and no question is left. Returns -ESTALE, -ENOMEM or the error of the
 * transport if the state of an SA is still unknown: the table must be loaded again, as after xfrm_table_apply(). Blocks
 * for at most NETLINK_LONGEST_MS.
 */
RS_MUST_USE int xfrm_table_ask(struct xfrm_table *table, const struct netlink_transport *transport,
			       void (*changed)(const struct xfrm_change *change, void *arg), void *arg);

/* ---- contents ---- */

size_t xfrm_table_policy_count(const struct xfrm_table *table);
size_t xfrm_table_sa_count(const struct xfrm_table *table);
/*
 * Returns whether an entry is offloaded to a netdev. A netdev that goes down removes it without an event
 * (xfrm_dev_down()).
 */
bool xfrm_table_has_offload(const struct xfrm_table *table);
bool xfrm_table_has_packet_offload(const struct xfrm_table *table, uint8_t dir);

/*
 * An iteration over the entries that could match, in the order of their arrival. It may include other entries. Valid
 * until the table changes.
 */
struct xfrm_walk {
	const void *next[2];
};

/*
 * Begins an iteration over the policies of a direction that could match a flow. NULL as an address means unknown. NULL
 * as the table is an empty table.
 */
void xfrm_table_policies(const struct xfrm_table *table, uint8_t dir, int family, const union ip_address *saddr,
			 const union ip_address *daddr, struct xfrm_walk *out);
/* Returns the next policy, owned by the table; NULL at the end. */
const struct xfrm_policy_evidence *xfrm_walk_policy(struct xfrm_walk *walk);

/* The SAs with these addresses (NULL: any; an SA whose own source is zero matches too) and with this reqid, or any. */
struct xfrm_sa_query {
	int family;
	const union ip_address *saddr, *daddr;
	bool any_reqid;
	uint32_t reqid;
};
/* Begins an iteration over SAs, like xfrm_table_policies(). */
void xfrm_table_sas(const struct xfrm_table *table, const struct xfrm_sa_query *query, struct xfrm_walk *out);
/* Returns the next SA, owned by the table; NULL at the end. */
const struct xfrm_sa_evidence *xfrm_walk_sa(struct xfrm_walk *walk);

#endif
