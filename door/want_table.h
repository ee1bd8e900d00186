/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A table of options, by rdma_cm id or by uverbs fd and QP.
 *
 * Entries are allocated while a call can still fail, and inserted when it no longer can. So the buckets are lists of
 * utlist, not a uthash, which allocates when it grows. All functions are thread-safe, under one lock that is free in
 * the child of fork(2); none is a cancellation point. An empty table takes no lock.
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
	/* A QP that sends through address handles, which belong to no QP: each handle must satisfy its options. */
	bool by_handles;
	uint64_t serial; /* unique in the table: distinguishes later entries of the same key */
};

enum { WANT_BUCKETS = 1024 };

/* Static, all zeros. */
struct want_table {
	atomic_size_t count;
	uint64_t serials;
	struct want_entry *buckets[WANT_BUCKETS];
};

/* A new entry, for want_table_put() or free(3). NULL: no memory. */
struct want_entry *want_entry_new(void);

/* Inserts an entry, which the table owns from now on, and frees one with the same key. Cannot fail. */
void want_table_put(struct want_table *table, struct want_entry *entry);

/* The same, unless the key has an entry: then frees `entry`. */
void want_table_put_if_new(struct want_table *table, struct want_entry *entry);

/* Copies the options of a key. False: none, and *out is zero. */
bool want_table_get(struct want_table *table, struct want_key key, struct want *out);

/* Sets one option (want_option_set()) of a key. 0, -EINVAL, -EPERM or -ENOMEM. */
RS_MUST_USE int want_table_set(struct want_table *table, struct want_key key, bool by_handles, int option,
			       const void *value, size_t size);

/*
 * Removes an entry around a call that may fail: the caller frees it with free(3), or puts it back with
 * want_table_put_if_new(). NULL: none. For owners that no other thread uses at the same time.
 */
struct want_entry *want_table_take(struct want_table *table, struct want_key key);

/* The serial of the entry of a key (0: none), and dropping exactly that entry, not a later one of the same key. */
uint64_t want_table_serial(struct want_table *table, struct want_key key);
void want_table_drop_serial(struct want_table *table, struct want_key key, uint64_t serial);

void want_table_drop(struct want_table *table, struct want_key key);
void want_table_drop_owner(struct want_table *table, uint64_t owner);

/* Combines all entries of an owner that have by_handles. 0; -EPERM: they contradict each other. */
RS_MUST_USE int want_table_join(struct want_table *table, uint64_t owner, struct want *out);

#endif
