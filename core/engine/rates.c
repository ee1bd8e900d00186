// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "engine/rates.h"
#include "util/hash.h"

#include <stdlib.h>

enum { RATES_MAX = 4096 };

/* `full_ms`: when the bucket will be full again (generic cell rate algorithm, ITU-T I.371). */
struct rate {
	struct rate_key key;
	int64_t full_ms;
	UT_hash_handle hh;
};

struct rates {
	struct rate *table;
};

struct rates *rates_new(void)
{
	return calloc(1, sizeof(struct rates));
}

/* A full bucket needs no entry. */
static void forget_full(struct rates *rates, int64_t now_ms)
{
	struct rate *rate, *next;

	HASH_ITER (hh, rates->table, rate, next) {
		if (rate->full_ms > now_ms)
			continue;
		HASH_DEL(rates->table, rate);
		free(rate);
	}
}

void rates_free(struct rates *rates)
{
	if (rates)
		forget_full(rates, INT64_MAX);
	free(rates);
}

static struct rate *find(struct rates *rates, const struct rate_key *key)
{
	struct rate *rate;

	HASH_FIND(hh, rates->table, key, sizeof(*key), rate);
	return rate;
}

static struct rate *find_or_make(struct rates *rates, const struct rate_key *key)
{
	struct rate *rate = find(rates, key);

	if (rate)
		return rate;
	rate = HASH_COUNT(rates->table) < RATES_MAX ? calloc(1, sizeof(*rate)) : NULL;
	if (!rate)
		return NULL;
	rate->key = *key;
	HASH_ADD(hh, rates->table, key, sizeof(rate->key), rate);
	if (rate->hh.tbl)
		return rate;
	free(rate);
	return NULL;
}

static bool allows(const struct rate *rate, int64_t now_ms, const struct rate_limit *limit)
{
	return rate->full_ms + limit->interval_ms <= now_ms + (int64_t)limit->interval_ms * limit->burst;
}

static void take(struct rate *rate, int64_t now_ms, const struct rate_limit *limit)
{
	rate->full_ms = (rate->full_ms > now_ms ? rate->full_ms : now_ms) + limit->interval_ms;
}

bool rates_take_both(struct rates *rates, int64_t now_ms, const struct rate_key *a, const struct rate_limit *limit_a,
		     const struct rate_key *b, const struct rate_limit *limit_b)
{
	struct rate *first, *second;

	if (HASH_COUNT(rates->table) + 2 > RATES_MAX)
		forget_full(rates, now_ms);
	first = find_or_make(rates, a);
	second = find_or_make(rates, b);
	if (!first || !second || !allows(first, now_ms, limit_a) || !allows(second, now_ms, limit_b))
		return false;
	take(first, now_ms, limit_a);
	take(second, now_ms, limit_b);
	return true;
}
