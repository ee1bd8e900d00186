// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "hazards/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hazards/filters.h"
#include "netlink/dump.h"
#include "util/array.h"
#include "util/clock.h"
#include "util/text.h"

enum { ERROR_MAX = 128 };

struct netdev {
	int ifindex, err;
	struct traffic *traffic; /* NULL: see `error` */
	char error[ERROR_MAX];
};

struct hazard_cache {
	const struct netlink_transport *transport;
	bool is_own;
	bool has_netfilter; /* it was read, or could not be */
	int err;
	struct netfilter *netfilter; /* NULL: see `error` */
	char error[ERROR_MAX];
	bool has_legacy;
	struct legacy_rules legacy;
	struct netdev **netdevs; /* an array of pointers: callers keep those of their texts */
	size_t netdev_count;
	int64_t took_us;
};

struct hazard_cache *hazard_cache_new(const struct netlink_transport *transport, bool is_own)
{
	struct hazard_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	cache->transport = transport;
	cache->is_own = is_own;
	return cache;
}

void hazard_cache_free(struct hazard_cache *cache)
{
	if (!cache)
		return;
	hazard_cache_drop_netfilter(cache);
	hazard_cache_drop_traffic(cache);
	free(cache);
}

/* Without privilege the kernel has no more to say than that. */
static void explain(int err, char error[ERROR_MAX])
{
	if (err == -EPERM)
		text_copy(error, ERROR_MAX, "it takes CAP_NET_ADMIN to read it");
	else if (err && !error[0])
		text_copy(error, ERROR_MAX, strerror(-err));
}

const struct netfilter *hazard_cache_netfilter(struct hazard_cache *cache, const char **error)
{
	int64_t began_us = clock_work_us();

	if (!cache->has_netfilter) {
		cache->error[0] = '\0';
		cache->err = netfilter_read(cache->transport, &cache->netfilter, cache->error, sizeof(cache->error));
		if (cache->err)
			cache->netfilter = NULL;
		explain(cache->err, cache->error);
		cache->has_netfilter = true;
		cache->took_us += clock_work_us() - began_us;
	}
	*error = cache->error;
	return cache->netfilter;
}

const struct legacy_rules *hazard_cache_legacy(struct hazard_cache *cache)
{
	if (!cache->is_own)
		return NULL;
	if (!cache->has_legacy)
		legacy_read(&cache->legacy);
	cache->has_legacy = true;
	return &cache->legacy;
}

bool hazard_cache_legacy_differs(const struct hazard_cache *cache)
{
	struct legacy_rules now;

	if (!cache->has_legacy)
		return false;
	legacy_read(&now);
	return !legacy_same(&now, &cache->legacy);
}

bool hazard_cache_is_forbidden(const struct hazard_cache *cache)
{
	return cache->err == -EPERM;
}

static struct netdev *find(const struct hazard_cache *cache, int ifindex)
{
	for (size_t i = 0; i < cache->netdev_count; i++)
		if (cache->netdevs[i]->ifindex == ifindex)
			return cache->netdevs[i];
	return NULL;
}

/* Returns NULL without memory. */
static struct netdev *read_netdev(struct hazard_cache *cache, int ifindex)
{
	struct netdev *netdev = calloc(1, sizeof(*netdev));

	if (!netdev)
		return NULL;
	netdev->ifindex = ifindex;
	netdev->err = traffic_read(cache->transport, ifindex, cache->is_own, &netdev->traffic, netdev->error,
				   sizeof(netdev->error));
	if (netdev->err)
		netdev->traffic = NULL;
	explain(netdev->err, netdev->error);
	if (!array_append(&cache->netdevs, &cache->netdev_count, &netdev, sizeof(netdev)))
		return netdev;
	traffic_free(netdev->traffic);
	free(netdev);
	return NULL;
}

const struct traffic *hazard_cache_traffic(struct hazard_cache *cache, int ifindex, const char **error)
{
	struct netdev *netdev = find(cache, ifindex);
	int64_t began_us = clock_work_us();

	if (!netdev) {
		netdev = read_netdev(cache, ifindex);
		cache->took_us += clock_work_us() - began_us;
	}
	*error = netdev ? netdev->error : "no memory";
	return netdev ? netdev->traffic : NULL;
}

void hazard_cache_drop_netfilter(struct hazard_cache *cache)
{
	netfilter_free(cache->netfilter);
	cache->netfilter = NULL;
	cache->has_netfilter = cache->has_legacy = false;
	cache->err = 0;
}

void hazard_cache_drop_traffic(struct hazard_cache *cache)
{
	for (size_t i = 0; i < cache->netdev_count; i++) {
		traffic_free(cache->netdevs[i]->traffic);
		free(cache->netdevs[i]);
	}
	free(cache->netdevs);
	cache->netdevs = NULL;
	cache->netdev_count = 0;
}

bool hazard_cache_programs_differ(const struct hazard_cache *cache)
{
	for (size_t i = 0; cache->is_own && i < cache->netdev_count; i++) {
		const struct netdev *netdev = cache->netdevs[i];

		if (netdev->traffic && netdev->traffic->programs != traffic_count_programs(netdev->ifindex))
			return true;
	}
	return false;
}

static bool may_succeed_later(int err)
{
	return err && err != -EPERM && err != -E2BIG;
}

bool hazard_cache_drop_failures(struct hazard_cache *cache)
{
	bool rules = may_succeed_later(cache->err), filters = false;

	for (size_t i = 0; i < cache->netdev_count; i++)
		filters |= may_succeed_later(cache->netdevs[i]->err);
	if (rules)
		hazard_cache_drop_netfilter(cache);
	if (filters)
		hazard_cache_drop_traffic(cache);
	return rules || filters;
}

int64_t hazard_cache_took_us(struct hazard_cache *cache)
{
	int64_t us = cache->took_us;

	cache->took_us = 0;
	return us;
}
