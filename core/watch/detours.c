// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "watch/detours.h"

#include <arpa/inet.h> /* before the kernel's, which leave out what it defines */

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "evidence/mirror.h"
#include "gate/stands.h"
#include "hazards/cache.h"
#include "netns/events.h"
#include "util/array.h"
#include "util/clock.h"

enum {
	FOLLOW_MS = 250, /* for queued events: then they count as lost */
	TICK_MS = 1000,
	/*
	 * After events, the next ones wait for a multiple of the time that reading took: rules that change all the time
	 * cost a fifth of it. But a revocation waits no longer than that.
	 */
	REST_FACTOR = 4,
	REST_MIN_MS = 1,
	REST_MAX_MS = 250,
};

struct gated {
	int ifindex;
	bool stands;
};

struct detours {
	struct mirror *mirror;
	struct event_base *base;
	void (*changed)(void *arg);
	void *arg;
	struct hazard_cache *cache;
	struct event_socket rules_socket, filters_socket;
	struct event *rules_event, *filters_event, *rest, *tick;
	struct gated *gates;
	size_t gate_count;
	bool rules_stale, filters_stale;
	uint64_t generation;
	uint64_t gid_generation; /* of the mirror, when filters and gates were read */
};

/* ---- dropping ---- */

static void drop_filters(struct detours *detours)
{
	hazard_cache_drop_traffic(detours->cache);
	free(detours->gates);
	detours->gates = NULL;
	detours->gate_count = 0;
	detours->gid_generation = mirror_gid_generation(detours->mirror);
}

/* Netdevs take their filters along, and the gate must stand on new ones. Of this the mirror has notified. */
static void heed_links(struct detours *detours)
{
	if (detours->gid_generation != mirror_gid_generation(detours->mirror))
		drop_filters(detours);
}

static void notify(struct detours *detours)
{
	detours->generation++;
	detours->changed(detours->arg);
}

static void drop_stale(struct detours *detours)
{
	if (!detours->rules_stale && !detours->filters_stale)
		return;
	if (detours->rules_stale)
		hazard_cache_drop_netfilter(detours->cache);
	if (detours->filters_stale)
		drop_filters(detours);
	detours->rules_stale = detours->filters_stale = false;
	notify(detours);
}

/* ---- events ---- */

static int take_any(const struct nlmsghdr *message, void *arg)
{
	bool *stale = arg;

	(void)message;
	*stale = true;
	return 0;
}

static void drain(struct event_socket *listening, bool *stale)
{
	if (event_socket_drain(listening, FOLLOW_MS, take_any, stale))
		*stale = true;
}

void detours_follow(struct detours *detours)
{
	drain(&detours->rules_socket, &detours->rules_stale);
	drain(&detours->filters_socket, &detours->filters_stale);
	drop_stale(detours);
}

void detours_refresh(struct detours *detours)
{
	heed_links(detours);
	detours->filters_stale |= hazard_cache_programs_differ(detours->cache);
	detours->rules_stale |= hazard_cache_legacy_differs(detours->cache);
	/* there are no events of them */
	if (detours->rules_socket.fd < 0)
		hazard_cache_drop_netfilter(detours->cache);
	drop_stale(detours);
}

static int rest_ms(struct detours *detours)
{
	int64_t ms = hazard_cache_took_us(detours->cache) * REST_FACTOR / 1000;

	return ms < REST_MIN_MS ? REST_MIN_MS : ms > REST_MAX_MS ? REST_MAX_MS : (int)ms;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct detours *detours = arg;
	const struct timeval pause = clock_timeval(rest_ms(detours));

	(void)fd;
	(void)what;
	detours_follow(detours);
	if (detours->rules_event)
		event_del(detours->rules_event);
	event_del(detours->filters_event);
	event_add(detours->rest, &pause);
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
	struct detours *detours = arg;

	(void)fd;
	(void)what;
	if (detours->rules_event)
		event_add(detours->rules_event, NULL);
	event_add(detours->filters_event, NULL);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval again = clock_timeval(TICK_MS);
	struct detours *detours = arg;

	(void)fd;
	(void)what;
	detours_refresh(detours);
	if (hazard_cache_drop_failures(detours->cache))
		notify(detours);
	event_add(detours->tick, &again);
}

/* ---- what a verdict asks for ---- */

uint64_t detours_generation(const struct detours *detours)
{
	return detours->generation;
}

static const struct netfilter *netfilter_of(void *context, const char **error)
{
	struct detours *detours = context;

	return hazard_cache_netfilter(detours->cache, error);
}

static const struct traffic *traffic_of(void *context, int ifindex, const char **error)
{
	struct detours *detours = context;

	heed_links(detours);
	return hazard_cache_traffic(detours->cache, ifindex, error);
}

static const struct legacy_rules *legacy_of(void *context)
{
	struct detours *detours = context;

	return hazard_cache_legacy(detours->cache);
}

static bool gated(void *context, const struct evidence *ev, int ifindex)
{
	struct detours *detours = context;
	struct gated gate = { .ifindex = ifindex };
	int err;

	heed_links(detours);
	for (size_t i = 0; i < detours->gate_count; i++)
		if (detours->gates[i].ifindex == ifindex)
			return detours->gates[i].stands;
	gate.stands = gate_stands(ev, ifindex);
	err = array_append(&detours->gates, &detours->gate_count, &gate, sizeof(gate));
	(void)err; /* asked again the next time */
	return gate.stands;
}

bool detours_are_gated(struct detours *detours, int ifindex)
{
	return gated(detours, mirror_last(detours->mirror), ifindex);
}

void detours_view(struct detours *detours, struct bypass_view *out)
{
	*out = (struct bypass_view){
		.netfilter = netfilter_of,
		.traffic = traffic_of,
		.legacy = legacy_of,
		.gated = gated,
		.context = detours,
	};
}

/* ---- */

static int subscribe(struct detours *detours)
{
	static const unsigned rules = NFNLGRP_NFTABLES, filters = RTNLGRP_TC;
	struct netns *netns = mirror_netns(detours->mirror);
	int err = event_socket_open(&detours->filters_socket, netns, NETLINK_ROUTE, &filters, 1);

	if (err)
		return err;
	err = event_socket_open(&detours->rules_socket, netns, NETLINK_NETFILTER, &rules, 1);
	/* no nfnetlink in the kernel, or no CAP_NET_ADMIN: reading the rules reports the same */
	return err == -EPROTONOSUPPORT || err == -EPERM ? 0 : err;
}

static struct event *listen_on(struct detours *detours, const struct event_socket *socket)
{
	struct event *event = event_new(detours->base, socket->fd, EV_READ | EV_PERSIST, on_event, detours);

	if (!event)
		return NULL;
	/* fails in a loop without priorities, as in tests */
	(void)event_priority_set(event, WATCH_PRIORITY);
	if (!event_add(event, NULL))
		return event;
	event_free(event);
	return NULL;
}

static int listen_to_all(struct detours *detours)
{
	const struct timeval first = clock_timeval(TICK_MS);

	detours->rest = evtimer_new(detours->base, on_rested, detours);
	detours->tick = evtimer_new(detours->base, on_tick, detours);
	detours->filters_event = listen_on(detours, &detours->filters_socket);
	if (detours->rules_socket.fd >= 0)
		detours->rules_event = listen_on(detours, &detours->rules_socket);
	if (!detours->rest || !detours->tick || !detours->filters_event ||
	    (detours->rules_socket.fd >= 0 && !detours->rules_event))
		return -ENOMEM;
	(void)event_priority_set(detours->rest, WATCH_PRIORITY);
	(void)event_priority_set(detours->tick, WATCH_PRIORITY);
	return event_add(detours->tick, &first) ? -ENOMEM : 0;
}

int detours_new(struct event_base *base, struct mirror *mirror, void (*changed)(void *arg), void *arg,
		struct detours **out)
{
	struct detours *detours = calloc(1, sizeof(*detours));
	int err;

	if (!detours)
		return -ENOMEM;
	*detours = (struct detours){ .mirror = mirror, .base = base, .changed = changed, .arg = arg };
	detours->rules_socket.fd = detours->filters_socket.fd = -1;
	detours->gid_generation = mirror_gid_generation(mirror);
	detours->cache = hazard_cache_new(netns_transport(mirror_netns(mirror)), true);
	err = detours->cache ? subscribe(detours) : -ENOMEM;
	if (!err)
		err = listen_to_all(detours);
	if (err)
		detours_free(detours);
	else
		*out = detours;
	return err;
}

void detours_free(struct detours *detours)
{
	if (!detours)
		return;
	if (detours->rules_event)
		event_free(detours->rules_event);
	if (detours->filters_event)
		event_free(detours->filters_event);
	if (detours->rest)
		event_free(detours->rest);
	if (detours->tick)
		event_free(detours->tick);
	event_socket_close(&detours->rules_socket);
	event_socket_close(&detours->filters_socket);
	hazard_cache_free(detours->cache);
	free(detours->gates);
	free(detours);
}
