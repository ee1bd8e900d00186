// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* A mirror of a real network namespace, which the test makes for itself and changes. Needs root, else it is skipped. */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mirror.h"

static struct event_base *base;
static struct mirror *mirror;
static unsigned host_changes, xfrm_changes;

static void on_change(struct mirror *changed, const struct mirror_change *change, void *arg)
{
	cr_expect_eq(arg, &host_changes);
	cr_expect(changed);
	host_changes += change->kind == MIRROR_CHANGE_HOST;
	xfrm_changes += change->kind == MIRROR_CHANGE_XFRM;
}

static void shell(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

static void setup(void)
{
	struct netns *netns;

	if (geteuid() != 0 || unshare(CLONE_NEWNET))
		cr_skip_test("needs root");
	base = event_base_new();
	cr_assert_eq(netns_open(NULL, -1, &netns), 0);
	cr_assert_eq(mirror_new(base, netns, on_change, &host_changes, &mirror), 0);
	cr_assert_eq(host_changes + xfrm_changes, 0U, "nobody is told of the first reading");
}

static void teardown(void)
{
	if (mirror)
		mirror_free(mirror);
	if (base)
		event_base_free(base);
}

TestSuite(mirror, .init = setup, .fini = teardown, .timeout = 60);

static const struct link_evidence *lo(void)
{
	return evidence_link_by_name(mirror_last(mirror), "lo");
}

Test(mirror, what_stays_is_no_change)
{
	uint64_t generation = mirror_generation(mirror), gids = mirror_gid_generation(mirror);

	for (int i = 0; i < 3; i++)
		mirror_now(mirror);
	cr_expect_eq(mirror_generation(mirror), generation);
	cr_expect_eq(mirror_gid_generation(mirror), gids);
	cr_expect_eq(host_changes + xfrm_changes, 0U);
}

Test(mirror, follows_links)
{
	uint64_t generation = mirror_generation(mirror), gids = mirror_gid_generation(mirror);

	cr_assert(lo());
	cr_assert_not(lo()->up);
	shell("ip link set lo up");
	mirror_follow(mirror);
	cr_expect(lo()->up);
	cr_expect_gt(mirror_generation(mirror), generation);
	cr_expect_gt(mirror_gid_generation(mirror), gids, "GIDs follow links and addresses");
	cr_expect_gt(host_changes, 0U);
	shell("ip link set lo down");
	mirror_follow(mirror);
	cr_expect_not(lo()->up);
}

Test(mirror, follows_ipv6_routes_and_rules)
{
	size_t routes;
	unsigned told;

	shell("ip link set lo up");
	mirror_follow(mirror);
	routes = mirror_last(mirror)->route6_count;
	shell("ip -6 route add fd99::/64 dev lo");
	mirror_follow(mirror);
	cr_expect_eq(mirror_last(mirror)->route6_count, routes + 1);
	told = host_changes;
	shell("ip -6 rule add to fd98::/64 table 100");
	mirror_follow(mirror);
	cr_expect_gt(host_changes, told, "the routes are the same, and may not be the ones that are taken");
}

Test(mirror, follows_policies)
{
	const struct evidence *ev = mirror_last(mirror);

	if (ev->xfrm_state != EVIDENCE_READ)
		cr_skip_test("this kernel has no xfrm");
	shell("ip xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir out action block");
	mirror_follow(mirror);
	cr_expect_eq(xfrm_table_policy_count(ev->xfrm), 1U);
	cr_expect_gt(xfrm_changes, 0U);
	shell("ip xfrm policy delete src 10.0.0.1 dst 10.0.0.2 dir out");
	mirror_follow(mirror);
	cr_expect_eq(xfrm_table_policy_count(ev->xfrm), 0U);
	shell("ip xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir out action block && ip xfrm policy flush");
	mirror_follow(mirror);
	cr_expect_eq(xfrm_table_policy_count(ev->xfrm), 0U, "a flush cannot be applied, and is read anew");
	cr_expect_eq(ev->xfrm_state, EVIDENCE_READ);
}

/* More than the socket holds: the kernel says that it lost some, and all is read anew. */
Test(mirror, events_are_lost)
{
	const struct evidence *ev = mirror_last(mirror);

	if (ev->xfrm_state != EVIDENCE_READ)
		cr_skip_test("this kernel has no xfrm");
	shell("for i in $(seq 0 39999); do echo xfrm policy add src 10.0.$((i / 256)).$((i % 256)) dst 10.9.9.9 dir "
	      "out "
	      "action block; done | ip -batch -");
	mirror_follow(mirror);
	cr_expect_eq(ev->xfrm_state, EVIDENCE_READ, "%s", ev->xfrm_error);
	cr_expect_eq(xfrm_table_policy_count(ev->xfrm), 40000U);
}

Test(mirror, settings_are_asked_for)
{
	uint64_t generation = mirror_generation(mirror);

	mirror_read_settings(mirror, "lo");
	cr_expect_eq(mirror_generation(mirror), generation);
	/* lo has them on from the start (drivers/net/loopback.c): off is the change */
	cr_assert(lo()->xfrm_off);
	shell("echo 0 >/proc/sys/net/ipv4/conf/lo/disable_xfrm");
	mirror_read_settings(mirror, "lo");
	cr_expect_not(lo()->xfrm_off);
	cr_expect_gt(mirror_generation(mirror), generation);
	cr_expect_gt(host_changes, 0U);
	mirror_read_settings(mirror, "nosuch");
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

/* Nobody asks: events wake the loop, and settings are found by the poll. */
Test(mirror, follows_by_itself)
{
	const struct timeval enough = { .tv_sec = 3 };
	struct event *timer = evtimer_new(base, on_time, base);

	shell("ip link set lo up; echo 0 >/proc/sys/net/ipv4/conf/lo/disable_xfrm");
	evtimer_add(timer, &enough);
	event_base_dispatch(base);
	event_free(timer);
	cr_expect(lo()->up);
	cr_expect_not(lo()->xfrm_off);
	cr_expect_gt(host_changes, 0U);
}
