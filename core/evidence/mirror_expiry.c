// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The end of an IPv6 route's lifetime. The kernel passes over an expired route at once (fib6_check_expired()), and
 * reports its removal up to half a minute later (fib6_run_gc()). A router advertisement changes a lifetime without an
 * event (ndisc_router_discovery(), addrconf_prefix_rcv()), to a second at least. So the routes are read again at the
 * end of the first lifetime, and often enough before.
 */
#include "evidence/mirror_internal.h"

#include "util/clock.h"

enum {
	/*
	 * The time left is told in whole ticks of USER_HZ (10 ms), and a route expires in the kernel's tick after the
	 * last (at most 10 ms): so it expires within 20 ms of the time told.
	 */
	LATE_MS = 20,
	LOOK_MS = 10,    /* between looks in that time */
	AGAIN_MS = 500,  /* lifetimes are read, */
	AGAIN_PAUSE = 50 /* or after that many times as long as the reading took */
};

static bool has_lifetimes(const struct evidence *ev)
{
	if (ev->routes6_expire_ms)
		return true;
	for (size_t i = 0; i < ev->route6_count; i++)
		if (ev->routes6[i].expired) /* and may be renewed */
			return true;
	return false;
}

bool mirror_expiry_is_stale(const struct mirror *mirror)
{
	return mirror->routes6_due_ms && clock_ms() >= mirror->routes6_due_ms;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static void set_timer(struct mirror *mirror, int64_t at_ms, int64_t now_ms)
{
	const struct timeval when = clock_timeval(at_ms > now_ms ? (int)(at_ms - now_ms) : 0);

	if (at_ms)
		event_add(mirror->expiry, &when);
	else
		event_del(mirror->expiry);
}

/* In its last tick a route is listed as one without a lifetime, so a plan for this moment stays. */
static void keep_near_plan(struct mirror *mirror, int64_t now_ms)
{
	if (mirror->expires_ms && mirror->expires_ms <= now_ms + LOOK_MS && mirror->expired_ms > mirror->look_until_ms)
		mirror->look_until_ms = mirror->expired_ms;
}

void mirror_expiry_plan(struct mirror *mirror, int64_t began_ms)
{
	int64_t now_ms = clock_ms(), left_ms = mirror->ev.routes6_expire_ms;
	int64_t pause_ms = (now_ms - began_ms) * AGAIN_PAUSE, look_ms;

	/* what was planned stays, and a poll reads them again */
	if (mirror->ev.routes6_state == EVIDENCE_BROKEN)
		return;
	keep_near_plan(mirror, now_ms);
	mirror->expires_ms = left_ms ? began_ms + left_ms : 0;
	mirror->expired_ms = left_ms ? now_ms + left_ms + LATE_MS : 0;
	mirror->routes6_due_ms = 0;
	if (has_lifetimes(&mirror->ev))
		mirror->routes6_due_ms = now_ms + (pause_ms > AGAIN_MS ? pause_ms : AGAIN_MS);
	look_ms = earlier(left_ms ? mirror->expires_ms + LOOK_MS : 0, mirror->routes6_due_ms);
	if (mirror->look_until_ms)
		look_ms = earlier(look_ms, now_ms + LOOK_MS);
	set_timer(mirror, look_ms, now_ms);
}

enum mirror_part_state mirror_expiry_due(struct mirror *mirror)
{
	int64_t now_ms = clock_ms();
	bool expires = mirror->look_until_ms || (mirror->expires_ms && now_ms >= mirror->expires_ms);

	/* any user can have such routes in a namespace of its own: mirror_rest.c */
	if (mirror->rests && !netns_is_initial(mirror->netns)) {
		set_timer(mirror, now_ms + LOOK_MS, now_ms);
		return MIRROR_CURRENT;
	}
	/* this look is the last one */
	if (now_ms >= mirror->look_until_ms)
		mirror->look_until_ms = 0;
	return expires ? MIRROR_REROUTED : MIRROR_STALE;
}
