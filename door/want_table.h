/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What was asked for, by what it was asked for: rdma_cm ids, or QPs of a uverbs fd.
 *
 * Entries are allocated by who can still say no, and put in where nothing may fail any more. So the buckets are lists
 * of utlist and not a uthash, which allocates when it grows. All functions are thread-safe, under one lock that fork(2)
 * leaves free in the child; none is a cancellation point. An empty table costs no lock.
 */
#ifndef RDMASEC_DOOR_WANT_TABLE_H
#define RDMASEC_DOOR_WANT_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attributes.h"
#include "util/want.h"

struct want_key {
	uint64_t owner;  /* the id's address; of a QP its fd */
	uint64_t number; /* of a QP its handle */
};

struct want_entry {
	struct want_entry *next;
	struct want_key key;
	struct want want;
	/* A QP that sends through address handles, which are made for no QP in particular: they have to satisfy it. */
	bool by_handles;
	uint64_t serial; /* the table's: tells this entry from a later one of the same key */
};

enum { WANT_BUCKETS = 1024 };

/* Static, all zeros. */
struct want_table {
	atomic_size_t count;
	uint64_t serials;
	struct want_entry *buckets[WANT_BUCKETS];
};

/* To be put in, or freed with free(3); NULL: ENOMEM. */
struct want_entry *want_entry_new(void);

/* Puts an entry in, which is the table's from now on, instead of one that has its key. Cannot fail. */
void want_table_put(struct want_table *table, struct want_entry *entry);

/* The same, unless the key has an entry already: then this one is freed. */
void want_table_put_if_new(struct want_table *table, struct want_entry *entry);

/* A copy of what is asked for; false: nothing is, and *out has zeros. */
bool want_table_get(struct want_table *table, struct want_key key, struct want *out);

/* Sets an option (want_option_set()) of a key, which is new or not. 0, -EINVAL, -EPERM or -ENOMEM. */
RS_MUST_USE int want_table_set(struct want_table *table, struct want_key key, bool by_handles, int option,
			       const void *value, size_t size);

/*
 * Takes an entry out for what may yet fail: NULL, it has none; else give it back with want_table_put_if_new() or
 * free(3) it. For owners that nobody else can name meanwhile.
 */
struct want_entry *want_table_take(struct want_table *table, struct want_key key);

/* Of the entry that a key has, 0: none. What is dropped by it is that entry only, and not one of the same key that came
 * after it. */
uint64_t want_table_serial(struct want_table *table, struct want_key key);
void want_table_drop_serial(struct want_table *table, struct want_key key, uint64_t serial);

void want_table_drop(struct want_table *table, struct want_key key);
void want_table_drop_owner(struct want_table *table, uint64_t owner);

/* What satisfies all entries of an owner that have by_handles. 0 or, where nothing does, -EPERM. */
RS_MUST_USE int want_table_join(struct want_table *table, uint64_t owner, struct want *out);

#endif
