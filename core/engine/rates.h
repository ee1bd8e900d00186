/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Rate limits for many keys: token buckets, kept only while they are not full. For one thread; never blocks. */
#ifndef RDMASEC_ENGINE_RATES_H
#define RDMASEC_ENGINE_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "evidence/facts.h"
#include "util/attributes.h"

/* Names a bucket. */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded" /* hashed and compared as octets */
struct rate_key {
	uint64_t namespace_id;
	union ip_address peer;
	uint32_t uid;
	uint32_t reserved;
};
#pragma GCC diagnostic pop

/* On average once in `interval_ms`, up to `burst` times at once. */
struct rate_limit {
	int interval_ms, burst;
};

struct rates;

/* Returns NULL if there is no memory; the caller frees it with rates_free(). */
struct rates *rates_new(void);
void rates_free(struct rates *rates); /* NULL is allowed */

/*
 * Returns true and takes a token from both buckets if both have one at `now_ms` (CLOCK_MONOTONIC). Else, without
 * memory, or with too many keys: returns false and takes none.
 */
bool rates_take_both(struct rates *rates, int64_t now_ms, const struct rate_key *a, const struct rate_limit *limit_a,
		     const struct rate_key *b, const struct rate_limit *limit_b);

#endif
