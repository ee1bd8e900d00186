// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The share of a mirror. Any user can have events in a network namespace of its own as fast as the kernel sends them,
 * and as many links as it likes to be read again. So a mirror that took some time rests for a multiple of it, and all
 * that rest share what one of them would have. A rest delays events only: a question about the namespace reads them
 * itself (mirror_follow()), at the cost of the program that asks.
 */
#include "evidence/mirror_internal.h"

#include "util/clock.h"

enum {
	REST_FACTOR = 4,          /* a mirror has a fifth of the time */
	REST_MIN_US = 1000,       /* the loop's timers are no finer */
	REST_INITIAL_MAX_MS = 50, /* the host's own namespace: revocation waits no longer */
	REST_MAX_MS = 10000,
};

/* Of this process, which has one loop. */
static unsigned resting;

int mirror_rest_ms(const struct mirror *mirror, int64_t took_us)
{
	bool is_initial = netns_is_initial(mirror->netns);
	int64_t us = took_us * REST_FACTOR, max_ms = is_initial ? REST_INITIAL_MAX_MS : REST_MAX_MS;

	if (!is_initial)
		us *= resting + 1;
	us = us < REST_MIN_US ? REST_MIN_US : us;
	return us / 1000 > max_ms ? (int)max_ms : (int)(us / 1000);
}

void mirror_rest(struct mirror *mirror, int64_t began_us)
{
	const struct timeval pause = clock_timeval(mirror_rest_ms(mirror, clock_work_us() - began_us));

	if (!mirror->rests)
		resting++;
	mirror->rests = true;
	event_del(mirror->route_event);
	event_del(mirror->neighbour_event);
	if (mirror->xfrm_event)
		event_del(mirror->xfrm_event);
	event_add(mirror->rest, &pause);
}

void mirror_rest_end(struct mirror *mirror)
{
	if (mirror->rests)
		resting--;
	mirror->rests = false;
}

void mirror_on_rested(evutil_socket_t fd, short what, void *arg)
{
	struct mirror *mirror = arg;

	(void)fd;
	(void)what;
	mirror_rest_end(mirror);
	event_add(mirror->route_event, NULL);
	event_add(mirror->neighbour_event, NULL);
	/* during a load its events wait */
	if (mirror->xfrm_event && mirror->xfrm != MIRROR_LOADING)
		event_add(mirror->xfrm_event, NULL);
}
