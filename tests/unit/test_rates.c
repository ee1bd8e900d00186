// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Token buckets: burst and average rate, per user and for many users. */
#include <criterion/criterion.h>

#include "engine/rates.h"

static const struct rate_limit every_second = { .interval_ms = 1000, .burst = 3 };
static const struct rate_limit no_limit = { .interval_ms = 0, .burst = 1 };

static bool take(struct rates *rates, int64_t now_ms, uint32_t uid)
{
	const struct rate_key user = { .uid = uid }, any = { .namespace_id = 1 };

	return rates_take_both(rates, now_ms, &user, &every_second, &any, &no_limit);
}

Test(rates, allows_burst_then_one_per_interval)
{
	struct rates *rates = rates_new();
	int64_t now = 5000;

	for (int i = 0; i < every_second.burst; i++)
		cr_expect(take(rates, now, 1), "%d", i);
	cr_expect_not(take(rates, now, 1));
	cr_expect_not(take(rates, now + 999, 1), "a refused request takes no token and adds none");
	cr_expect(take(rates, now + 1000, 1));
	cr_expect_not(take(rates, now + 1000, 1));
	/* never more than a burst, even after a long pause */
	now += 3600 * 1000;
	for (int i = 0; i < every_second.burst; i++)
		cr_expect(take(rates, now, 1), "%d", i);
	cr_expect_not(take(rates, now, 1));
	rates_free(rates);
}

Test(rates, limits_each_user_separately)
{
	struct rates *rates = rates_new();

	for (int i = 0; i < every_second.burst; i++)
		cr_expect(take(rates, 0, 1));
	cr_expect_not(take(rates, 0, 1));
	cr_expect(take(rates, 0, 2));
	rates_free(rates);
}

/* If one bucket refuses, the other one loses no token. */
Test(rates, takes_from_both_or_neither)
{
	const struct rate_key user = { .uid = 1 }, peer = { .namespace_id = 7 }, other = { .namespace_id = 8 };
	const struct rate_limit once = { .interval_ms = 1000, .burst = 1 };
	struct rates *rates = rates_new();

	cr_expect(rates_take_both(rates, 0, &user, &every_second, &peer, &once));
	for (int i = 0; i < 10; i++)
		cr_expect_not(rates_take_both(rates, 0, &user, &every_second, &peer, &once));
	cr_expect(rates_take_both(rates, 0, &user, &every_second, &other, &once));
	cr_expect(rates_take_both(rates, 1000, &user, &every_second, &peer, &once));
	rates_free(rates);
}

Test(rates, limits_number_of_buckets)
{
	struct rates *rates = rates_new();
	unsigned refused = 0;

	for (uint32_t uid = 1; uid <= 10000; uid++)
		refused += !take(rates, 0, uid);
	cr_expect_gt(refused, 0U, "the number of buckets is limited");
	cr_expect_not(take(rates, 0, 20000));
	cr_expect(take(rates, 1000, 20000), "a full bucket is removed");
	rates_free(rates);
}
