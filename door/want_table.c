// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "want_table.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <utlist.h>

#include "want_option.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void hold(void)
{
	pthread_mutex_lock(&lock);
}

static void release(void)
{
	pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void survive_fork(void)
{
	/* without it, a child of fork(2) in a program with threads may find the lock held: it would hang, not run
	 * unprotected */
	pthread_atfork(hold, release, release);
}

struct want_entry *want_entry_new(void)
{
	return calloc(1, sizeof(struct want_entry));
}

static struct want_entry **bucket_of(struct want_table *table, struct want_key key)
{
	/* Knuth's multiplicative hash: fds and handles are small and dense, addresses have equal low bits */
	uint64_t hash = (key.owner * 31 + key.number) * 0x9e3779b97f4a7c15u;

	return &table->buckets[hash >> (64 - 10)];
}
_Static_assert(WANT_BUCKETS == 1 << 10, "the hash's length");

static bool same_key(struct want_key a, struct want_key b)
{
	return a.owner == b.owner && a.number == b.number;
}

static struct want_entry *find(struct want_table *table, struct want_key key)
{
	struct want_entry *entry;

	LL_FOREACH (*bucket_of(table, key), entry)
		if (same_key(entry->key, key))
			return entry;
	return NULL;
}

static void add(struct want_table *table, struct want_entry *entry)
{
	struct want_entry **bucket = bucket_of(table, entry->key);

	entry->serial = ++table->serials;
	LL_PREPEND(*bucket, entry);
	atomic_fetch_add(&table->count, 1);
}

/* `entry` may be NULL. */
static void remove_entry(struct want_table *table, struct want_entry *entry)
{
	struct want_entry **bucket;

	if (!entry)
		return;
	bucket = bucket_of(table, entry->key);
	LL_DELETE(*bucket, entry);
	atomic_fetch_sub(&table->count, 1);
}

void want_table_put(struct want_table *table, struct want_entry *entry)
{
	struct want_entry *old;

	hold();
	old = find(table, entry->key);
	remove_entry(table, old);
	add(table, entry);
	release();
	free(old);
}

void want_table_put_if_new(struct want_table *table, struct want_entry *entry)
{
	struct want_entry *old;

	hold();
	old = find(table, entry->key);
	if (!old)
		add(table, entry);
	release();
	if (old)
		free(entry);
}

bool want_table_get(struct want_table *table, struct want_key key, struct want *out)
{
	struct want_entry *entry = NULL;

	*out = (struct want){ 0 };
	if (!atomic_load(&table->count))
		return false;
	hold();
	entry = find(table, key);
	if (entry)
		*out = entry->want;
	release();
	return entry;
}

int want_table_set(struct want_table *table, struct want_key key, bool by_handles, int option, const void *value,
		   size_t size)
{
	struct want_entry *fresh = want_entry_new(), *entry;
	int err;

	if (!fresh)
		return -ENOMEM;
	hold();
	entry = find(table, key);
	err = want_option_set(entry ? &entry->want : &fresh->want, option, value, size);
	if (!err && !entry) {
		fresh->key = key;
		fresh->by_handles = by_handles;
		add(table, fresh);
		fresh = NULL;
	}
	release();
	free(fresh);
	return err;
}

struct want_entry *want_table_take(struct want_table *table, struct want_key key)
{
	struct want_entry *entry;

	if (!atomic_load(&table->count))
		return NULL;
	hold();
	entry = find(table, key);
	remove_entry(table, entry);
	release();
	return entry;
}

uint64_t want_table_serial(struct want_table *table, struct want_key key)
{
	struct want_entry *entry;
	uint64_t serial;

	if (!atomic_load(&table->count))
		return 0;
	hold();
	entry = find(table, key);
	serial = entry ? entry->serial : 0;
	release();
	return serial;
}

void want_table_drop_serial(struct want_table *table, struct want_key key, uint64_t serial)
{
	struct want_entry *entry;

	hold();
	entry = find(table, key);
	if (entry && entry->serial != serial)
		entry = NULL;
	remove_entry(table, entry);
	release();
	free(entry);
}

void want_table_drop(struct want_table *table, struct want_key key)
{
	free(want_table_take(table, key));
}

void want_table_drop_owner(struct want_table *table, uint64_t owner)
{
	struct want_entry *dropped = NULL, *entry, *next;

	if (!atomic_load(&table->count))
		return;
	hold();
	for (size_t i = 0; i < WANT_BUCKETS; i++) {
		LL_FOREACH_SAFE (table->buckets[i], entry, next) {
			if (entry->key.owner != owner)
				continue;
			remove_entry(table, entry);
			LL_PREPEND(dropped, entry);
		}
	}
	release();
	LL_FOREACH_SAFE (dropped, entry, next)
		free(entry);
}

int want_table_join(struct want_table *table, uint64_t owner, struct want *out)
{
	struct want all = { 0 };
	struct want_entry *entry;
	int err = 0;

	if (!atomic_load(&table->count)) {
		*out = all;
		return 0;
	}
	hold();
	for (size_t i = 0; !err && i < WANT_BUCKETS; i++)
		LL_FOREACH (table->buckets[i], entry)
			if (!err && entry->key.owner == owner && entry->by_handles)
				err = want_both(&all, &entry->want, &all);
	release();
	if (!err)
		*out = all;
	return err;
}
