/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* How often something may be done for each of many: token buckets, kept while they are not full. */
#ifndef RDMASEC_ENGINE_RATES_H
#define RDMASEC_ENGINE_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "evidence/facts.h"
#include "util/attributes.h"

/* For whom: all fields count. It has no padding. */
struct rate_key {
	uint64_t namespace_id;
	union ip_address peer;
	uint32_t uid;
	uint32_t reserved;
};

/* On average once in `interval_ms`, but up to `burst` times at once. */
struct rate_limit {
	int interval_ms, burst;
};

struct rates;

struct rates *rates_new(void); /* NULL: no memory */
void rates_free(struct rates *rates);

/* May it be done now (CLOCK_MONOTONIC), for both? Then it counts for both. No memory, or too many keys at once: no. */
bool rates_take_both(struct rates *rates, int64_t now_ms, const struct rate_key *a, const struct rate_limit *limit_a,
		     const struct rate_key *b, const struct rate_limit *limit_b);

#endif
