/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Shared by load.c, table*.c, their tests and their bench. */
#ifndef RDMASEC_XFRM_TABLE_INTERNAL_H
#define RDMASEC_XFRM_TABLE_INTERNAL_H

#include "util/hash.h"
#include "xfrm/table.h"

/* ---- groups (table_index.c): lists of entries that are looked up together, in the order of their arrival ---- */

enum xfrm_group_kind {
	SAS_ALL,
	SAS_OF_REQID,
	SAS_OF_PAIR,           /* of addresses */
	SAS_OF_PAIR_AND_REQID, /* the usual lookup */
	POLICIES_ALL,          /* of a direction */
	POLICIES_OF_HOSTS,     /* of a direction, for one source and one destination */
	POLICIES_OF_NETS,      /* of a direction and family: all others */
};

enum { XFRM_LINKS_MAX = 4 }; /* an SA is in four groups, a policy in two */

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded" /* hashed and compared as octets */

/* Fields that a kind does not use are zero. */
struct xfrm_group_key {
	uint32_t kind, family, dir, reqid;
	union ip_address saddr, daddr;
};

/*
 * The identity of an SA: __xfrm_state_lookup() in net/xfrm/xfrm_state.c. Source, reqid and interface are not part of
 * it.
 */
struct xfrm_sa_id {
	uint32_t family, proto, spi;
	struct xfrm_mark_evidence mark;
	union ip_address daddr;
};

#pragma GCC diagnostic pop

struct xfrm_link {
	struct xfrm_link *prev, *next;
	struct xfrm_group *group;
	const struct xfrm_entry *entry;
};

struct xfrm_group {
	struct xfrm_group_key key;
	struct xfrm_link *members;
	UT_hash_handle hh;
};

struct xfrm_entry {
	uint64_t sequence; /* order of arrival */
	size_t link_count;
	struct xfrm_link links[XFRM_LINKS_MAX];
};

/*
 * Adds the entry to the groups of these keys. Returns 0, or -ENOMEM, and it is in none. The caller owns the entry, and
 * calls xfrm_groups_leave() before freeing it.
 */
RS_MUST_USE int xfrm_groups_join(struct xfrm_group **groups, struct xfrm_entry *entry,
				 const struct xfrm_group_key *keys, size_t count);
void xfrm_groups_leave(struct xfrm_group **groups, struct xfrm_entry *entry);

/* Write the keys of the groups to which an SA or policy belongs. Return their number. */
size_t xfrm_sa_groups(const struct xfrm_sa_evidence *sa, struct xfrm_group_key keys[XFRM_LINKS_MAX]);
size_t xfrm_policy_groups(const struct xfrm_policy_evidence *policy, struct xfrm_group_key keys[XFRM_LINKS_MAX]);

/* ---- entries (table.c) ---- */

struct xfrm_sa_entry {
	struct xfrm_entry entry; /* first */
	struct xfrm_sa_evidence sa;
	struct xfrm_sa_id id;
	UT_hash_handle hh;
};

struct xfrm_policy_entry {
	struct xfrm_entry entry; /* first */
	struct xfrm_policy_evidence policy;
	UT_hash_handle hh; /* by policy.index, which xfrm_gen_index() makes unique in a namespace */
};

/* An SA to ask the kernel for. */
struct xfrm_question {
	struct xfrm_sa_id id;
	UT_hash_handle hh;
};

struct xfrm_table {
	enum evidence_state state;
	char error[XFRM_TABLE_ERROR_MAX];
	/*
	 * Events of policies lack the security context that dumps have (xfrm_notify_policy() against
	 * dump_one_policy()). Only SELinux assigns one: with it, no event of a policy is reliable.
	 */
	bool policies_may_have_contexts;
	struct xfrm_sa_entry *sas;
	struct xfrm_policy_entry *policies;
	struct xfrm_group *groups;
	struct xfrm_question *questions;
	uint64_t sequence;
	size_t entries_max;                    /* 0: no limit */
	size_t offloaded, packet_offloaded[3]; /* by direction */
};

struct xfrm_sa_id xfrm_sa_id(const struct xfrm_sa_evidence *sa);
/* Return the entry, owned by the table, or NULL. */
struct xfrm_sa_entry *xfrm_table_sa(const struct xfrm_table *table, const struct xfrm_sa_id *id);
struct xfrm_policy_entry *xfrm_table_policy(const struct xfrm_table *table, uint32_t index);

/* Add a copy. Return 0, -EEXIST or -ENOMEM. A policy's direction is below XFRM_POLICY_MAX. */
RS_MUST_USE int xfrm_table_add_sa(struct xfrm_table *table, const struct xfrm_sa_evidence *sa);
RS_MUST_USE int xfrm_table_add_policy(struct xfrm_table *table, const struct xfrm_policy_evidence *policy);
void xfrm_table_drop_sa(struct xfrm_table *table, struct xfrm_sa_entry *entry);
void xfrm_table_drop_policy(struct xfrm_table *table, struct xfrm_policy_entry *entry);
void xfrm_table_drop_sas(struct xfrm_table *table);
void xfrm_table_drop_policies(struct xfrm_table *table);

/* Removes all entries and questions, and sets state and error. */
void xfrm_table_reset(struct xfrm_table *table, enum evidence_state state, const char *error);
/* Sets table->error to the reason why an event cannot be applied. Returns -ESTALE. */
RS_MUST_USE int xfrm_table_stale(struct xfrm_table *table, const char *why);
/* Sets the state to BROKEN and removes all questions. The caller has set table->error. */
void xfrm_table_break(struct xfrm_table *table);

/* ---- questions (table.c) ---- */

/*
 * The largest number of SAs that are asked for one by one. A question took about 10 us, as long as one to four SAs of a
 * load. So this is 10 ms; a load of as many SAs is not much faster, and re-evaluates every queue pair.
 */
enum { XFRM_QUESTIONS_MAX = 1024 };

/*
 * Adds a question, unless the SA has one. Returns 0, -ENOMEM, or -ESTALE and table->error: only a load can read this
 * SA.
 */
RS_MUST_USE int xfrm_question_add(struct xfrm_table *table, const struct xfrm_sa_id *id);
void xfrm_questions_drop(struct xfrm_table *table);

/* ---- the effect of an event (table_apply.c) ---- */

/* Adds the SA, or replaces the one with the same identity. Returns 0, and sets *out if this is a change; or -ENOMEM. */
RS_MUST_USE int xfrm_table_put_sa(struct xfrm_table *table, const struct xfrm_sa_evidence *sa, struct xfrm_change *out);
/* Removes the SA and sets *out, if the table contains it. */
void xfrm_table_sa_gone(struct xfrm_table *table, const struct xfrm_sa_id *id, struct xfrm_change *out);

#endif
