/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What xfrm_table*.c, their tests and their bench share. */
#ifndef RDMASEC_XFRM_TABLE_INTERNAL_H
#define RDMASEC_XFRM_TABLE_INTERNAL_H

/* Without this, uthash ends the process when malloc() fails. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "xfrm/table.h"

/* ---- groups (table_index.c): lists of those that are looked for together, in the order of their coming ---- */

enum xfrm_group_kind {
	SAS_ALL,
	SAS_OF_REQID,
	SAS_OF_PAIR,           /* of addresses */
	SAS_OF_PAIR_AND_REQID, /* the usual question */
	POLICIES_ALL,          /* of a direction */
	POLICIES_OF_HOSTS,     /* of a direction, for one source and one destination */
	POLICIES_OF_NETS,      /* of a direction and family: the others */
};

enum { XFRM_LINKS_MAX = 4 }; /* an SA is in four groups, a policy in two */

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded" /* hashed and compared as octets */

/* What a kind does not ask for is zero. */
struct xfrm_group_key {
	uint32_t kind, family, dir, reqid;
	union ip_address saddr, daddr;
};

/* What names an SA: __xfrm_state_lookup() in net/xfrm/xfrm_state.c. Not its source, reqid or interface. */
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
	uint64_t sequence; /* of its coming */
	size_t link_count;
	struct xfrm_link links[XFRM_LINKS_MAX];
};

/* Takes it into the groups of these keys. 0, or -ENOMEM and it is in none. */
RS_MUST_USE int xfrm_groups_join(struct xfrm_group **groups, struct xfrm_entry *entry,
				 const struct xfrm_group_key *keys, size_t count);
void xfrm_groups_leave(struct xfrm_group **groups, struct xfrm_entry *entry);

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
	UT_hash_handle hh; /* by policy.index: xfrm_gen_index() gives none twice in a namespace */
};

/* An SA that the kernel is to be asked for. */
struct xfrm_question {
	struct xfrm_sa_id id;
	UT_hash_handle hh;
};

struct xfrm_table {
	enum evidence_state state;
	char error[XFRM_TABLE_ERROR_MAX];
	/*
	 * The events of policies lack the security context that dumps have (xfrm_notify_policy() against
	 * dump_one_policy()), and only SELinux gives one: with it, no event of a policy can be believed.
	 */
	bool policies_may_have_contexts;
	struct xfrm_sa_entry *sas;
	struct xfrm_policy_entry *policies;
	struct xfrm_group *groups;
	struct xfrm_question *questions;
	uint64_t sequence;
	size_t offloaded, sub_policies, packet_offloaded[3]; /* by direction */
};

struct xfrm_sa_id xfrm_sa_id(const struct xfrm_sa_evidence *sa);
struct xfrm_sa_entry *xfrm_table_sa(const struct xfrm_table *table, const struct xfrm_sa_id *id);
struct xfrm_policy_entry *xfrm_table_policy(const struct xfrm_table *table, uint32_t index);

/* 0, -EEXIST or -ENOMEM. A policy's direction is below XFRM_POLICY_MAX. */
RS_MUST_USE int xfrm_table_add_sa(struct xfrm_table *table, const struct xfrm_sa_evidence *sa);
RS_MUST_USE int xfrm_table_add_policy(struct xfrm_table *table, const struct xfrm_policy_evidence *policy);
void xfrm_table_drop_sa(struct xfrm_table *table, struct xfrm_sa_entry *entry);
void xfrm_table_drop_policy(struct xfrm_table *table, struct xfrm_policy_entry *entry);
void xfrm_table_drop_sas(struct xfrm_table *table);
void xfrm_table_drop_policies(struct xfrm_table *table);

/* Empties it, into this state. */
void xfrm_table_reset(struct xfrm_table *table, enum evidence_state state, const char *error);
/* Words why something cannot be applied: -ESTALE. */
RS_MUST_USE int xfrm_table_stale(struct xfrm_table *table, const char *why);
/* BROKEN from now on, and without questions: table->error has been set. */
void xfrm_table_break(struct xfrm_table *table);

/* ---- questions (table.c) ---- */

/*
 * How many SAs are asked for one by one. A question was seen to take some 10 us, as long as one to four SAs of a load:
 * so this is 10 ms, where a load of as many is not much faster, and has everybody judged again.
 */
enum { XFRM_QUESTIONS_MAX = 1024 };

/* Once, however often it is added. 0, -ENOMEM, or -ESTALE and an error: it has to be read with all others. */
RS_MUST_USE int xfrm_question_add(struct xfrm_table *table, const struct xfrm_sa_id *id);
void xfrm_questions_drop(struct xfrm_table *table);

/* ---- what an event does (table_apply.c) ---- */

/*
 * The SA is as told: added, or in the place of the one of this name. 0 and, if that is a change, *out says which;
 * -ENOMEM.
 */
RS_MUST_USE int xfrm_table_put_sa(struct xfrm_table *table, const struct xfrm_sa_evidence *sa, struct xfrm_change *out);
void xfrm_table_sa_gone(struct xfrm_table *table, const struct xfrm_sa_id *id, struct xfrm_change *out);

#endif
