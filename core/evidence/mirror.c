// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Follows events, and reads the parts that they made stale. Each part has a state; "." leaves it as it is:
 *
 *     event                                   links     IPv6 routes  xfrm
 *     the first reading                       STALE     STALE        STALE
 *     a link, an address, an unknown message  STALE     STALE        .
 *     an IPv6 route                           .         STALE        .
 *     a rule of IPv6, a next hop              .         REROUTED     .
 *     a route or a rule of IPv4               notify: they are not read
 *     a gateway of an IPv6 route              .         REROUTED     .
 *     messages about neighbours were lost     .         REROUTED     .
 *     the lifetime of an IPv6 route ends      .         REROUTED     .
 *     an advertised prefix, or a poll and     .         STALE        .
 *     lifetimes were read long ago
 *     messages of rtnetlink were lost         STALE     STALE        .            (and notify)
 *     an xfrm event was lost or not applied   .         .            STALE
 *     the links have been read                CURRENT   .            DOUBTED, in place of CURRENT
 *     a poll, and the part is BROKEN          STALE     STALE        STALE
 *     a poll, and the last load is old        .         .            STALE
 *
 * Actions, in this order, until every part is CURRENT or a load takes longer:
 *
 *     links STALE            read them: CURRENT
 *     routes STALE           read them: CURRENT
 *     routes REROUTED        read them, notify even if they are the same: CURRENT
 *     xfrm DOUBTED           STALE if anything is offloaded, else CURRENT
 *     xfrm has questions     ask the kernel for single SAs: CURRENT, or STALE if that fails
 *     xfrm STALE             begin a load, which is LOADING until it ends
 *
 * During a load events stay in the xfrm socket. If links are read during a load, `doubted_in_load` is set, and xfrm is
 * DOUBTED after it.
 */
#include "evidence/mirror_internal.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence/private.h"
#include "util/clock.h"

enum {
	CATCH_UP_TRIES = 5,
	LOAD_AT_ONCE_MS = 25,
	TURN_MS = 20,    /* for queued events, in a turn of the loop */
	FOLLOW_MS = 250, /* the same, for a question: then they count as lost */
	POLL_SLOW_MS = 1000,
	SETTINGS_MS = 1000, /* sysctls of all netdevs; mirror_read_settings() reads those of one at once */
};

/* ---- events ---- */

/* struct rtmsg and struct fib_rule_hdr begin with it. */
static bool is_of_ipv4(const struct nlmsghdr *message)
{
	const struct rtgenmsg *header = NLMSG_DATA(message);

	return message->nlmsg_len >= NLMSG_LENGTH(sizeof(*header)) && header->rtgen_family == AF_INET;
}

static int take_route_message(const struct nlmsghdr *message, void *arg)
{
	struct mirror *mirror = arg;
	bool is_route = message->nlmsg_type == RTM_NEWROUTE || message->nlmsg_type == RTM_DELROUTE;
	bool is_rule = message->nlmsg_type == RTM_NEWRULE || message->nlmsg_type == RTM_DELRULE;

	if ((is_route || is_rule) && is_of_ipv4(message)) {
		mirror->rerouted4 = true;
		return 0;
	}
	switch (message->nlmsg_type) {
	case RTM_NEWRULE:
	case RTM_DELRULE:
	case RTM_NEWNEXTHOP: /* of either family: notifies for both */
	case RTM_DELNEXTHOP:
		mirror->routes6 = MIRROR_REROUTED;
		return 0;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
	case RTM_NEWPREFIX: /* may set the lifetime of a route */
		break;
	default:
		mirror->links = MIRROR_STALE;
	}
	if (mirror->routes6 != MIRROR_REROUTED)
		mirror->routes6 = MIRROR_STALE;
	return 0;
}

static int take_xfrm_message(const struct nlmsghdr *message, void *arg)
{
	struct mirror *mirror = arg;
	struct xfrm_change change;
	int err = xfrm_table_apply(mirror->ev.xfrm, message, &change);

	if (!err && change.kind != XFRM_CHANGE_NOTHING)
		mirror_notify_xfrm(&change, mirror);
	return err;
}

/* Returns whether events were lost. In a turn of the loop (`ms` TURN_MS), those that take longer come in the next one.
 */
static bool drain_socket(struct event_socket *listening, int ms, int (*take)(const struct nlmsghdr *message, void *arg),
			 struct mirror *mirror)
{
	int err = event_socket_drain(listening, ms, take, mirror);

	return err == -EINPROGRESS ? ms != TURN_MS : err != 0;
}

static void drain(struct mirror *mirror, int ms)
{
	if (drain_socket(&mirror->route_socket, ms, take_route_message, mirror)) {
		mirror->links = MIRROR_STALE;
		mirror->rerouted4 = true;
		if (mirror->routes6 != MIRROR_REROUTED)
			mirror->routes6 = MIRROR_STALE;
	}
	if (drain_socket(&mirror->neighbour_socket, ms, mirror_take_neighbour, mirror))
		mirror->routes6 = MIRROR_REROUTED;
	if (mirror->xfrm != MIRROR_LOADING && drain_socket(&mirror->xfrm_socket, ms, take_xfrm_message, mirror))
		mirror->xfrm = MIRROR_STALE;
}

/* A netdev that goes down takes offloaded policies and SAs along without an event (xfrm_dev_down()). */
static void doubt_offload(struct mirror *mirror)
{
	if (mirror->xfrm == MIRROR_LOADING)
		mirror->doubted_in_load = true;
	else if (mirror->xfrm == MIRROR_CURRENT)
		mirror->xfrm = MIRROR_DOUBTED;
}

static void read_stale_host(struct mirror *mirror)
{
	enum mirror_part_state routes6 = mirror->routes6;
	bool notify = mirror->rerouted4 || routes6 == MIRROR_REROUTED;

	mirror->rerouted4 = false;
	if (mirror->links != MIRROR_CURRENT) {
		mirror->links = MIRROR_CURRENT;
		mirror->gid_generation++;
		mirror_read_links(mirror);
		doubt_offload(mirror);
	}
	if (routes6 != MIRROR_CURRENT) {
		mirror->routes6 = MIRROR_CURRENT;
		mirror_read_routes6(mirror);
	}
	if (notify)
		mirror_notify_host(mirror);
}

static void read_stale_xfrm(struct mirror *mirror)
{
	if (mirror->xfrm == MIRROR_DOUBTED)
		mirror->xfrm = xfrm_table_has_offload(mirror->ev.xfrm) ? MIRROR_STALE : MIRROR_CURRENT;
	if (mirror->xfrm == MIRROR_CURRENT && !mirror_ask_xfrm(mirror))
		mirror->xfrm = MIRROR_STALE;
	if (mirror->xfrm == MIRROR_STALE)
		mirror_read_xfrm(mirror);
}

static bool read_stale(struct mirror *mirror)
{
	bool host = mirror->links != MIRROR_CURRENT || mirror->routes6 != MIRROR_CURRENT || mirror->rerouted4;
	bool xfrm = mirror->xfrm == MIRROR_STALE || mirror->xfrm == MIRROR_DOUBTED ||
		    (mirror->xfrm == MIRROR_CURRENT && xfrm_table_has_questions(mirror->ev.xfrm));

	if (!host && !xfrm)
		return false;
	read_stale_host(mirror);
	read_stale_xfrm(mirror);
	return true;
}

/*
 * Reads again what became stale during a reading. If this does not end, or takes long, the next event or poll
 * continues: what was read was current when this began.
 */
static void catch_up(struct mirror *mirror, int ms)
{
	int64_t end_ms = clock_ms() + ms;
	int tries = CATCH_UP_TRIES;

	do
		drain(mirror, ms);
	while (read_stale(mirror) && --tries && clock_ms() < end_ms);
}

/* MACsec first: if a SecY is gone, so is its link, and the next drain reports that. */
static void read_silent_facts(struct mirror *mirror)
{
	struct evidence *ev = &mirror->ev;

	mirror_read_macsec(mirror);
	if (clock_ms() - mirror->links_read_ms > SETTINGS_MS)
		mirror_read_links(mirror);
	/* a part that could not be read may be readable now */
	if (ev->links_state == EVIDENCE_BROKEN)
		mirror->links = MIRROR_STALE;
	if ((ev->routes6_state == EVIDENCE_BROKEN || mirror_expiry_is_stale(mirror)) &&
	    mirror->routes6 == MIRROR_CURRENT)
		mirror->routes6 = MIRROR_STALE;
	if (mirror->xfrm != MIRROR_LOADING &&
	    (xfrm_table_state(ev->xfrm) == EVIDENCE_BROKEN || clock_ms() > mirror->xfrm_due_ms))
		mirror->xfrm = MIRROR_STALE;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	int64_t began_us = clock_work_us();

	(void)fd;
	(void)what;
	catch_up(arg, TURN_MS);
	mirror_rest(arg, began_us);
}

static void on_load_more(evutil_socket_t fd, short what, void *arg)
{
	struct mirror *mirror = arg;

	(void)fd;
	(void)what;
	if (mirror_read_more_xfrm(mirror))
		catch_up(mirror, TURN_MS);
}

static void on_expiry(evutil_socket_t fd, short what, void *arg)
{
	struct mirror *mirror = arg;
	int64_t began_us = clock_work_us();
	enum mirror_part_state routes6 = mirror_expiry_due(mirror);

	(void)fd;
	(void)what;
	if (routes6 == MIRROR_CURRENT)
		return;
	if (mirror->routes6 != MIRROR_REROUTED)
		mirror->routes6 = routes6;
	catch_up(mirror, TURN_MS);
	mirror_rest(mirror, began_us);
}

static void poll_again(struct mirror *mirror, int64_t took_us)
{
	int ms = mirror->poll_is_fast || mirror->hurries ? MIRROR_POLL_MS : POLL_SLOW_MS;
	int rest_ms = mirror_rest_ms(mirror, took_us);
	const struct timeval when = clock_timeval(rest_ms > ms ? rest_ms : ms);

	event_add(mirror->poll, &when);
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct mirror *mirror = arg;
	int64_t began_us = clock_work_us();

	(void)fd;
	(void)what;
	read_silent_facts(mirror);
	catch_up(mirror, TURN_MS);
	poll_again(mirror, clock_work_us() - began_us);
}

/* ---- the mirror ---- */

const struct evidence *mirror_now(struct mirror *mirror)
{
	catch_up(mirror, FOLLOW_MS);
	return mirror_read_silent(mirror);
}

const struct evidence *mirror_read_silent(struct mirror *mirror)
{
	read_silent_facts(mirror);
	return &mirror->ev;
}

void mirror_follow(struct mirror *mirror)
{
	catch_up(mirror, FOLLOW_MS);
}

const struct evidence *mirror_last(const struct mirror *mirror)
{
	return &mirror->ev;
}

bool mirror_is_reading(const struct mirror *mirror)
{
	return mirror->xfrm == MIRROR_LOADING;
}

uint64_t mirror_generation(const struct mirror *mirror)
{
	return mirror->generation;
}

uint64_t mirror_gid_generation(const struct mirror *mirror)
{
	return mirror->gid_generation;
}

void mirror_poll_fast(struct mirror *mirror, bool fast)
{
	if (mirror->poll_is_fast == fast)
		return;
	mirror->poll_is_fast = fast;
	poll_again(mirror, 0);
}

void mirror_hurry_begin(struct mirror *mirror)
{
	if (!mirror->hurries++)
		poll_again(mirror, 0);
}

void mirror_hurry_end(struct mirror *mirror)
{
	mirror->hurries--;
}

struct netns *mirror_netns(const struct mirror *mirror)
{
	return mirror->netns;
}

static int subscribe(struct mirror *mirror)
{
	static const unsigned route_groups[] = { RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
						 RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_ROUTE,
						 RTNLGRP_IPV6_RULE,  RTNLGRP_IPV6_PREFIX, RTNLGRP_NEXTHOP };
	/* on a socket of their own: many may come, and those of links are not lost among them */
	static const unsigned neighbours = RTNLGRP_NEIGH;
	/* never XFRMNLGRP_ACQUIRE: the kernel would count this socket as a key manager (km_is_alive()) */
	static const unsigned xfrm_groups[] = { XFRMNLGRP_SA, XFRMNLGRP_POLICY, XFRMNLGRP_EXPIRE, XFRMNLGRP_MIGRATE,
						XFRMNLGRP_MAPPING };
	int err = event_socket_open(&mirror->route_socket, mirror->netns, NETLINK_ROUTE, route_groups,
				    sizeof(route_groups) / sizeof(route_groups[0]));

	if (!err)
		err = event_socket_open(&mirror->neighbour_socket, mirror->netns, NETLINK_ROUTE, &neighbours, 1);
	if (err)
		return err;
	err = event_socket_open(&mirror->xfrm_socket, mirror->netns, NETLINK_XFRM, xfrm_groups,
				sizeof(xfrm_groups) / sizeof(xfrm_groups[0]));
	/* no xfrm in the kernel, or no CAP_NET_ADMIN: reading the part reports the same */
	return err == -EPROTONOSUPPORT || err == -EPERM ? 0 : err;
}

static int watch(struct mirror *mirror, struct event_base *base)
{
	mirror->poll = evtimer_new(base, on_poll, mirror);
	mirror->load_more = evtimer_new(base, on_load_more, mirror);
	mirror->rest = evtimer_new(base, mirror_on_rested, mirror);
	mirror->expiry = evtimer_new(base, on_expiry, mirror);
	mirror->route_event = event_new(base, mirror->route_socket.fd, EV_READ | EV_PERSIST, on_event, mirror);
	mirror->neighbour_event = event_new(base, mirror->neighbour_socket.fd, EV_READ | EV_PERSIST, on_event, mirror);
	if (!mirror->poll || !mirror->load_more || !mirror->rest || !mirror->expiry || !mirror->route_event ||
	    !mirror->neighbour_event)
		return -ENOMEM;
	/* fails in a loop without priorities, as in tests */
	(void)event_priority_set(mirror->poll, WATCH_PRIORITY);
	(void)event_priority_set(mirror->load_more, OTHERS_PRIORITY);
	(void)event_priority_set(mirror->route_event, WATCH_PRIORITY);
	(void)event_priority_set(mirror->neighbour_event, WATCH_PRIORITY);
	(void)event_priority_set(mirror->rest, WATCH_PRIORITY);
	(void)event_priority_set(mirror->expiry, WATCH_PRIORITY);
	if (event_add(mirror->route_event, NULL) || event_add(mirror->neighbour_event, NULL))
		return -ENOMEM;
	if (mirror->xfrm_socket.fd < 0)
		return 0;
	mirror->xfrm_event = event_new(base, mirror->xfrm_socket.fd, EV_READ | EV_PERSIST, on_event, mirror);
	if (!mirror->xfrm_event)
		return -ENOMEM;
	(void)event_priority_set(mirror->xfrm_event, WATCH_PRIORITY);
	return event_add(mirror->xfrm_event, NULL) ? -ENOMEM : 0;
}

static void let_go(struct mirror *mirror)
{
	if (mirror->poll)
		event_free(mirror->poll);
	if (mirror->load_more)
		event_free(mirror->load_more);
	if (mirror->rest)
		event_free(mirror->rest);
	mirror_rest_end(mirror);
	if (mirror->expiry)
		event_free(mirror->expiry);
	if (mirror->route_event)
		event_free(mirror->route_event);
	if (mirror->neighbour_event)
		event_free(mirror->neighbour_event);
	if (mirror->xfrm_event)
		event_free(mirror->xfrm_event);
	event_socket_close(&mirror->route_socket);
	event_socket_close(&mirror->neighbour_socket);
	event_socket_close(&mirror->xfrm_socket);
	if (mirror->load)
		xfrm_load_end(mirror->load);
	evidence_free(&mirror->ev);
	free(mirror);
}

int mirror_new(struct event_base *base, struct netns *netns, size_t list_max, mirror_changed_fn changed, void *arg,
	       struct mirror **out)
{
	struct mirror *mirror = calloc(1, sizeof(*mirror));
	int err;

	if (!mirror)
		return -ENOMEM;
	mirror->netns = netns;
	mirror->changed = changed;
	mirror->arg = arg;
	mirror->route_socket.fd = mirror->neighbour_socket.fd = mirror->xfrm_socket.fd = -1;
	mirror->load_at_once_ms = LOAD_AT_ONCE_MS;
	mirror->ev.list_max = list_max;
	mirror->ev.xfrm = xfrm_table_new();
	err = mirror->ev.xfrm ? subscribe(mirror) : -ENOMEM;
	if (!err)
		xfrm_table_limit(mirror->ev.xfrm, list_max);
	if (!err)
		err = watch(mirror, base);
	if (err) {
		let_go(mirror);
		return err;
	}
	evidence_read_host(netns, &mirror->ev);
	mirror->quiet = true;
	mirror_now(mirror);
	mirror->quiet = false;
	poll_again(mirror, 0);
	*out = mirror;
	return 0;
}

void mirror_free(struct mirror *mirror)
{
	struct netns *netns = mirror->netns;

	let_go(mirror);
	netns_close(netns);
}
