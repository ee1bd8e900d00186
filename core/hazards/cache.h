/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What leads packets elsewhere in one network namespace, read when it is first asked for, and kept until it is dropped.
 * One thread.
 */
#ifndef RDMASEC_HAZARDS_CACHE_H
#define RDMASEC_HAZARDS_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "hazards/legacy.h"
#include "hazards/netfilter.h"
#include "hazards/traffic.h"

struct hazard_cache;

/*
 * Returns an empty cache, or NULL without memory. `transport` must outlive it. `is_own`: it leads to the calling
 * thread's network namespace, where programs of tcx can be counted.
 */
struct hazard_cache *hazard_cache_new(const struct netlink_transport *transport, bool is_own);
void hazard_cache_free(struct hazard_cache *cache); /* NULL is allowed */

/*
 * Return what was read, owned by the cache until it is dropped. NULL: it is not known, and *error says why; the text
 * belongs to the cache as well. Both block like netfilter_read() and traffic_read() the first time. A failure is kept,
 * too.
 */
const struct netfilter *hazard_cache_netfilter(struct hazard_cache *cache, const char **error);
const struct traffic *hazard_cache_traffic(struct hazard_cache *cache, int ifindex, const char **error);

/*
 * The tables of iptables-legacy, read together with the rules of nftables and dropped with them. NULL: they are not
 * those of the calling thread's network namespace, and not looked at. Blocks like legacy_read() the first time.
 */
const struct legacy_rules *hazard_cache_legacy(struct hazard_cache *cache);

/* Whether the rules of netfilter could not be read for lack of CAP_NET_ADMIN. */
bool hazard_cache_is_forbidden(const struct hazard_cache *cache);

/* Have the rules, or the filters of all netdevs, read again. */
void hazard_cache_drop_netfilter(struct hazard_cache *cache);
void hazard_cache_drop_traffic(struct hazard_cache *cache);

/* There are no events of them: reads them again. Returns whether they differ from those that were read. */
bool hazard_cache_legacy_differs(const struct hazard_cache *cache);

/*
 * Programs of tcx come and go without an event: counts them again on each netdev that was read. Returns whether a
 * number differs. Makes one bpf(2) for each.
 */
bool hazard_cache_programs_differ(const struct hazard_cache *cache);

/*
 * Drops what could not be read, if another attempt may succeed: not for lack of privilege, nor where there is too much.
 * Returns whether there was any.
 */
bool hazard_cache_drop_failures(struct hazard_cache *cache);

/* How long reading has taken since this was called last, in microseconds. */
int64_t hazard_cache_took_us(struct hazard_cache *cache);

#endif
