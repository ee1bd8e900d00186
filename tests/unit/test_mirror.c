// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * A mirror of a real network namespace, which each test creates and changes. Needs root; otherwise the tests are
 * skipped.
 */
#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <string.h>

#include "evidence/mirror_internal.h"
#include "netns_fixture.h"
#include "skip.h"
#include "util/clock.h"
#include "xfrm/table_internal.h"
#include "xfrm_messages.h"

static struct event_base *base;
static struct mirror *mirror;
static unsigned host_changes, xfrm_changes, loads, expiring;

static void on_change(struct mirror *changed, const struct mirror_change *change, void *arg)
{
	cr_expect_eq(arg, &host_changes);
	cr_expect(changed);
	host_changes += change->kind == MIRROR_CHANGE_HOST;
	xfrm_changes += change->kind == MIRROR_CHANGE_XFRM;
	loads += change->kind == MIRROR_CHANGE_XFRM && change->xfrm->kind == XFRM_CHANGE_EVERYTHING;
	expiring += change->kind == MIRROR_CHANGE_XFRM && change->xfrm->kind == XFRM_CHANGE_EXPIRING;
}

static void setup(void)
{
	struct netns *netns;

	netns_enter();
	base = event_base_new();
	cr_assert_eq(netns_open(NULL, -1, &netns), 0);
	cr_assert_eq(mirror_new(base, netns, 0, on_change, &host_changes, &mirror), 0);
	cr_assert_eq(host_changes + xfrm_changes, 0U, "the first reading notifies of no change");
	mirror->load_at_once_ms = 600000; /* on every host: only one test reads in steps */
}

static void teardown(void)
{
	if (mirror)
		mirror_free(mirror);
	if (base)
		event_base_free(base);
}

TestSuite(mirror, .init = setup, .fini = teardown, .timeout = 240);

static const struct link_evidence *lo(void)
{
	return evidence_link_by_name(mirror_last(mirror), "lo");
}

Test(mirror, reports_no_change_if_all_stays)
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
	cr_expect_gt(mirror_gid_generation(mirror), gids, "GIDs depend on links and addresses");
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
	cr_expect_gt(host_changes, told, "a rule may select another route, though the routes are the same");
}

/* They are not read: a path asks the kernel for its own. */
Test(mirror, reports_routes_and_rules_of_ipv4)
{
	static const char *const changes[] = { "ip route add 10.99.0.0/24 dev lo", "ip route del 10.99.0.0/24 dev lo",
					       "ip rule add to 10.98.0.0/24 table 100",
					       "ip rule add uidrange 0-0 table 100" };

	shell("ip link set lo up");
	mirror_follow(mirror);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		unsigned told = host_changes;

		shell(changes[i]);
		mirror_follow(mirror);
		cr_expect_eq(host_changes, told + 1, "%s", changes[i]);
	}
}

Test(mirror, follows_policies)
{
	const struct evidence *ev = mirror_last(mirror);

	if (xfrm_table_state(ev->xfrm) != EVIDENCE_READ)
		skip_test("this kernel has no xfrm");
	shell("ip xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir out action block");
	mirror_follow(mirror);
	cr_expect_eq(xfrm_table_policy_count(ev->xfrm), 1U);
	cr_expect_gt(xfrm_changes, 0U);
	shell("ip xfrm policy delete src 10.0.0.1 dst 10.0.0.2 dir out");
	mirror_follow(mirror);
	cr_expect_eq(xfrm_table_policy_count(ev->xfrm), 0U);
	shell("ip xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir out action block && ip xfrm policy flush");
	mirror_follow(mirror);
	cr_expect_eq(xfrm_table_policy_count(ev->xfrm), 0U, "a flush cannot be applied, and policies are read again");
	cr_expect_eq(xfrm_table_state(ev->xfrm), EVIDENCE_READ);
}

/* More events than fit in the socket: the kernel reports a loss, and everything is read again. */
Test(mirror, reads_again_after_lost_events)
{
	const struct evidence *ev = mirror_last(mirror);

	if (xfrm_table_state(ev->xfrm) != EVIDENCE_READ)
		skip_test("this kernel has no xfrm");
	shell("for i in $(seq 0 39999); do echo xfrm policy add src 10.0.$((i / 256)).$((i % 256)) dst 10.9.9.9 dir "
	      "out "
	      "action block; done | ip -batch -");
	mirror_follow(mirror);
	cr_expect_eq(xfrm_table_state(ev->xfrm), EVIDENCE_READ, "%s", xfrm_table_error(ev->xfrm));
	cr_expect_eq(xfrm_table_policy_count(ev->xfrm), 40000U);
}

static void add_policies(unsigned first, unsigned count)
{
	struct ip_batch batch = ip_begin();

	for (unsigned i = first; i < first + count; i++)
		ip_say(&batch, "xfrm policy add src 10.0.%u.%u dst 10.9.9.9 dir out action block", i / 250, i % 250);
	ip_end(&batch);
}

/* A long load runs in steps between other work, and no event that arrives during it is lost. */
Test(mirror, reads_a_part_at_a_time)
{
	enum { FIRST = 2000, SECOND = 10 };
	const struct evidence *ev = mirror_last(mirror);
	unsigned rounds = 0;

	if (xfrm_table_state(ev->xfrm) != EVIDENCE_READ)
		skip_test("this kernel has no xfrm");
	mirror->load_at_once_ms = 0;
	add_policies(0, FIRST);
	mirror_follow(mirror);
	loads = 0;
	mirror->xfrm = MIRROR_STALE;
	mirror_follow(mirror);
	cr_assert(mirror_is_reading(mirror), "the policies do not fit in one datagram");
	cr_expect_eq(xfrm_table_state(ev->xfrm), EVIDENCE_BROKEN);
	cr_expect(strstr(xfrm_table_error(ev->xfrm), "still being read"));
	add_policies(FIRST, SECOND);
	mirror_now(mirror);
	cr_expect(mirror_is_reading(mirror), "only the event loop continues the load");
	cr_expect_eq(loads, 0U);
	for (; mirror_is_reading(mirror) && rounds < 1000; rounds++)
		cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	cr_expect_gt(rounds, 2U);
	cr_expect_eq(loads, 1U);
	cr_expect_eq(xfrm_table_state(ev->xfrm), EVIDENCE_READ, "%s", xfrm_table_error(ev->xfrm));
	cr_expect_eq(xfrm_table_policy_count(ev->xfrm), FIRST + SECOND);
}

Test(mirror, can_end_during_reading)
{
	if (xfrm_table_state(mirror_last(mirror)->xfrm) != EVIDENCE_READ)
		skip_test("this kernel has no xfrm");
	mirror->load_at_once_ms = 0;
	add_policies(0, 2000);
	mirror->xfrm = MIRROR_STALE;
	mirror_follow(mirror);
	cr_assert(mirror_is_reading(mirror));
	mirror_free(mirror);
	mirror = NULL;
}

/* ---- SAs ---- */

static void need_xfrm(void)
{
	if (xfrm_table_state(mirror_last(mirror)->xfrm) != EVIDENCE_READ)
		skip_test("this kernel has no xfrm");
}

static void need_esp(void)
{
	need_xfrm();
	if (!netns_has_esp())
		skip_test("this kernel has no ESP: nothing can be negotiated");
	mirror_follow(mirror);
	xfrm_changes = loads = 0;
}

static void expect_sas(size_t count)
{
	const struct evidence *ev = mirror_last(mirror);

	cr_expect_eq(xfrm_table_sa_count(ev->xfrm), count, "%zu", xfrm_table_sa_count(ev->xfrm));
	cr_expect_eq(xfrm_table_state(ev->xfrm), EVIDENCE_READ, "%s", xfrm_table_error(ev->xfrm));
}

#define NAME "src 10.0.0.2 dst 10.0.0.1 proto esp "

static struct xfrm_sa_evidence sa_of(uint32_t spi)
{
	return (struct xfrm_sa_evidence){
		.family = AF_INET,
		.proto = IPPROTO_ESP,
		.spi = spi,
		.saddr = { { 10, 0, 0, 2 } },
		.daddr = { { 10, 0, 0, 1 } },
	};
}

static const struct xfrm_sa_evidence *known(uint32_t spi)
{
	struct xfrm_sa_evidence sa = sa_of(spi);
	struct xfrm_sa_id id = xfrm_sa_id(&sa);
	const struct xfrm_sa_entry *entry = xfrm_table_sa(mirror->ev.xfrm, &id);

	return entry ? &entry->sa : NULL;
}

/*
 * Applies a made-up UPDSA, so that the kernel is asked also on hosts without ESP; there the kernel's SA comes from
 * ALLOCSPI.
 */
static void tell_of_update(uint32_t spi, struct xfrm_mark_evidence mark)
{
	struct xfrm_sa_evidence sa = sa_of(spi);
	struct xfrm_change change;
	struct nl_msg *message;

	sa.mark = mark;
	message = sa_message(XFRM_MSG_UPDSA, &sa);
	cr_assert_eq(xfrm_table_apply(mirror->ev.xfrm, nlmsg_hdr(message), &change), 0);
	nlmsg_free(message);
	cr_assert(xfrm_table_has_questions(mirror->ev.xfrm));
}

Test(mirror, asks_for_single_sas)
{
	const struct xfrm_mark_evidence none = { 0, 0 };
	uint64_t generation;

	need_xfrm();
	shell("ip xfrm state allocspi " NAME "reqid 7 mode transport min 257 max 257 >/dev/null");
	mirror_follow(mirror);
	expect_sas(0);
	generation = mirror_generation(mirror);
	tell_of_update(257, none);
	tell_of_update(258, none);
	mirror_follow(mirror);
	expect_sas(1);
	cr_expect(known(257) && known(257)->reqid == 7, "the SA is that of the kernel's answer, not that of the event");
	cr_expect_eq(xfrm_changes, 1U);
	cr_expect_eq(mirror_generation(mirror), generation + 1);
	shell("ip xfrm state delete " NAME "spi 257");
	tell_of_update(257, none);
	mirror_follow(mirror);
	expect_sas(0);
	cr_expect_eq(loads, 0U);
}

/* A lookup returns the first SA with a matching mark: here, one without a mark. */
Test(mirror, asks_for_sa_by_its_mark)
{
	const struct xfrm_mark_evidence five = { 5, 0xff };

	need_xfrm();
	shell("ip xfrm state allocspi " NAME "reqid 7 mode transport mark 5 mask 0xff min 257 max 257 >/dev/null");
	tell_of_update(257, five);
	mirror_follow(mirror);
	expect_sas(1);
	cr_expect_eq(loads, 0U);
	shell("ip xfrm state allocspi " NAME "reqid 7 mode transport min 258 max 258 >/dev/null");
	tell_of_update(258, five);
	mirror_follow(mirror);
	expect_sas(2);
	cr_expect_eq(loads, 1U, "an ambiguous answer causes a load");
	cr_expect(known(258));
}

Test(mirror, follows_a_negotiation)
{
	need_esp();
	shell("ip xfrm state allocspi " NAME "reqid 7 mode transport min 257 max 257 >/dev/null");
	mirror_follow(mirror);
	expect_sas(0);
	shell("ip xfrm state update " NAME "spi 257 reqid 7 mode transport " NETNS_AEAD);
	mirror_follow(mirror);
	expect_sas(1);
	cr_expect(known(257) && known(257)->has_aead && known(257)->key_bits == 160);
	/* a live one does not take over every requested value */
	shell("ip xfrm state update " NAME "spi 257 reqid 9 mode transport limit packet-hard 1000 " NETNS_AEAD);
	mirror_follow(mirror);
	cr_expect(known(257) && known(257)->reqid == 7);
	shell("ip xfrm state allocspi " NAME "reqid 8 mode transport min 258 max 258 >/dev/null &&"
	      "ip xfrm state update " NAME "spi 258 reqid 8 mode transport " NETNS_AEAD " && "
	      "ip xfrm state delete " NAME "spi 258");
	mirror_follow(mirror);
	expect_sas(1);
	/* the same SPI again, within one reading of the socket */
	shell("for i in 1 2; do ip xfrm state delete " NAME "spi 257 && "
	      "ip xfrm state allocspi " NAME "reqid $i mode transport min 257 max 257 >/dev/null && "
	      "ip xfrm state update " NAME "spi 257 reqid $i mode transport " NETNS_AEAD "; done");
	mirror_follow(mirror);
	expect_sas(1);
	cr_expect(known(257) && known(257)->reqid == 2);
	cr_expect_eq(loads, 0U, "only single SAs are asked for");
	shell("ip xfrm state delete " NAME "spi 257");
	mirror_follow(mirror);
	expect_sas(0);
	cr_expect_eq(loads, 0U);
}

/* EXPIRE precedes the UPDSA that ended the SA (xfrm_state_update()). */
Test(mirror, notices_update_that_ends_sa)
{
	need_esp();
	shell("ip xfrm state add " NAME "spi 257 reqid 7 mode transport " NETNS_AEAD);
	mirror_follow(mirror);
	expect_sas(1);
	shell("ip xfrm state update " NAME "spi 257 reqid 7 mode transport limit time-hard 1 " NETNS_AEAD);
	for (int64_t end = clock_ms() + 60000; known(257) && clock_ms() < end; usleep(100000))
		mirror_follow(mirror);
	expect_sas(0);
	cr_expect_eq(loads, 0U);
}

Test(mirror, reports_dying_sa)
{
	uint64_t generation;
	int64_t began;

	need_esp();
	shell("ip xfrm state add " NAME
	      "spi 257 reqid 7 mode transport limit time-soft 1 limit time-hard 3600 " NETNS_AEAD);
	mirror_follow(mirror);
	expect_sas(1);
	generation = mirror_generation(mirror);
	began = clock_ms();
	while (!expiring && clock_ms() - began < 60000) {
		usleep(100000);
		mirror_follow(mirror);
	}
	cr_log_info("after %d ms", (int)(clock_ms() - began));
	expect_sas(1);
	cr_expect_eq(expiring, 1U);
	cr_expect(known(257) && known(257)->dying);
	cr_expect_eq(mirror_generation(mirror), generation, "decisions remain valid");
	/* after it is read again, it is still dying */
	shell("ip xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir out action block && ip xfrm policy flush");
	mirror_follow(mirror);
	cr_expect_eq(loads, 1U);
	cr_expect(known(257) && known(257)->dying);
	/* a key manager sets new limits */
	shell("ip xfrm state update " NAME "spi 257 reqid 7 mode transport limit time-hard 3600 " NETNS_AEAD);
	mirror_follow(mirror);
	cr_expect(known(257) && !known(257)->dying);
	cr_expect_eq(loads, 1U);
}

static void negotiate(unsigned first, unsigned count)
{
	struct ip_batch batch = ip_begin();

	for (unsigned i = 0; i < count; i++) {
		ip_say(&batch,
		       "xfrm state allocspi src 10.0.0.2 dst 10.1.%u.%u proto esp reqid 7 mode transport min %u max %u",
		       i / 250, i % 250, first + i, first + i);
		ip_say(&batch,
		       "xfrm state update src 10.0.0.2 dst 10.1.%u.%u proto esp spi %u reqid 7 mode "
		       "transport " NETNS_AEAD,
		       i / 250, i % 250, first + i);
	}
	ip_end(&batch);
}

Test(mirror, many_negotiations)
{
	need_esp();
	negotiate(0x1000, 300);
	mirror_follow(mirror);
	expect_sas(300);
	cr_expect_eq(loads, 0U, "300 SAs are asked for one by one");
	negotiate(0x2000, XFRM_QUESTIONS_MAX + 100);
	mirror_follow(mirror);
	expect_sas(XFRM_QUESTIONS_MAX + 400);
	cr_expect_eq(loads, 1U, "more than XFRM_QUESTIONS_MAX SAs cause a load");
	shell("ip xfrm state flush");
	mirror_follow(mirror);
	expect_sas(0);
}

Test(mirror, reads_settings_of_named_netdev)
{
	uint64_t generation = mirror_generation(mirror);

	mirror_read_settings(mirror, "lo");
	cr_expect_eq(mirror_generation(mirror), generation);
	/* lo has them on initially (drivers/net/loopback.c), so switching one off is the change */
	cr_assert(lo()->xfrm_off);
	shell("echo 0 >/proc/sys/net/ipv4/conf/lo/disable_xfrm");
	mirror_read_settings(mirror, "lo");
	cr_expect_not(lo()->xfrm_off);
	cr_expect_gt(mirror_generation(mirror), generation);
	cr_expect_gt(host_changes, 0U);
	mirror_read_settings(mirror, "nosuch");
}

/* ---- IPv6 routes with a lifetime, and their gateways ---- */

enum { FORWARDED_MS = 30000 };

/* A netdev with a peer: routes by lo have no lifetime. `address` and `peer` are neighbours. */
static void make_netdev(void)
{
	shell("ip link add v0 address 02:00:00:00:00:01 type veth peer name v1 && ip link set v0 addrgenmode none && "
	      "ip link set v1 addrgenmode none && ip link set v0 up && ip link set v1 up && "
	      "ip address add fd01::1/64 dev v0 nodad");
	for (int64_t end = clock_ms() + FORWARDED_MS; clock_ms() < end; usleep(10000)) {
		mirror_follow(mirror);
		if (!system("ip -o link show dev v0 | grep -q 'state UP'"))
			break;
	}
	usleep(100000);
	mirror_follow(mirror);
	event_base_loop(base, EVLOOP_NONBLOCK);
	host_changes = 0;
}

static int route_of(const char *to)
{
	union ip_address src, dst;
	int ifindex = 0;

	inet_pton(AF_INET6, "fd01::1", &src);
	inet_pton(AF_INET6, to, &dst);
	return evidence_route_get(mirror_netns(mirror), AF_INET6, &src, &dst, 0, &ifindex) ? 0 : ifindex;
}

/* Turns of the loop until the kernel chooses another netdev; *told: whether the client heard of it at the last one. */
static bool loop_until_other_route(const char *to, int first, unsigned told_before)
{
	for (int64_t end = clock_ms() + FORWARDED_MS; clock_ms() < end;) {
		cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0);
		if (host_changes > told_before && route_of(to) != first)
			return true;
	}
	return false;
}

Test(mirror, looks_again_when_a_route_expires)
{
	int by_v0, by_lo;
	uint64_t generation;

	make_netdev();
	shell("ip link set lo up && ip -6 route add fd09::/48 dev lo && ip -6 route add fd09::/64 dev v0 expires 1");
	mirror_follow(mirror);
	cr_expect_gt(mirror_last(mirror)->routes6_expire_ms, 0);
	cr_expect_leq(mirror_last(mirror)->routes6_expire_ms, 1000);
	by_v0 = route_of("fd09::5");
	by_lo = lo()->ifindex;
	cr_assert(by_v0 && by_v0 != by_lo);
	generation = mirror_generation(mirror);
	cr_expect(loop_until_other_route("fd09::5", by_v0, host_changes), "no event reports the end of a lifetime");
	cr_expect_eq(route_of("fd09::5"), by_lo);
	cr_expect_gt(mirror_generation(mirror), generation, "decisions before are no longer valid");
}

/* One that another reading lists in its last tick as one without a lifetime. */
Test(mirror, looks_again_after_the_last_tick_of_a_lifetime)
{
	int64_t now = clock_ms();

	mirror->expires_ms = now + 5;
	mirror->expired_ms = now + 25;
	mirror->ev.routes6_expire_ms = 0;
	mirror_expiry_plan(mirror, now);
	cr_expect_eq(mirror->look_until_ms, now + 25);
	cr_expect(event_pending(mirror->expiry, EV_TIMEOUT, NULL));
	cr_expect_eq(mirror_expiry_due(mirror), MIRROR_REROUTED);
	usleep(30000);
	mirror_expiry_plan(mirror, clock_ms());
	cr_expect_eq(mirror_expiry_due(mirror), MIRROR_REROUTED, "once after the end");
	mirror_expiry_plan(mirror, clock_ms());
	cr_expect_not(event_pending(mirror->expiry, EV_TIMEOUT, NULL));
}

/* Router advertisements change lifetimes without an event. */
Test(mirror, reads_lifetimes_again_and_again)
{
	int64_t due;

	make_netdev();
	cr_expect_eq(mirror->routes6_due_ms, 0, "no route has a lifetime");
	shell("ip -6 route add fd09::/64 dev v0 expires 100");
	mirror_follow(mirror);
	due = mirror->routes6_due_ms;
	cr_assert_gt(due, 0);
	cr_expect(event_pending(mirror->expiry, EV_TIMEOUT, NULL));
	host_changes = 0;
	for (int64_t end = clock_ms() + FORWARDED_MS; mirror->routes6_due_ms == due && clock_ms() < end;)
		cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	cr_expect_gt(mirror->routes6_due_ms, due);
	cr_expect_eq(host_changes, 0U, "nothing has changed");
}

Test(mirror, keeps_its_plan_if_routes_cannot_be_read)
{
	int64_t now = clock_ms();

	mirror->ev.routes6_expire_ms = 5000;
	mirror_expiry_plan(mirror, now);
	mirror->ev.routes6_state = EVIDENCE_BROKEN;
	mirror->ev.routes6_expire_ms = 0;
	mirror_expiry_plan(mirror, now);
	cr_expect(event_pending(mirror->expiry, EV_TIMEOUT, NULL));
	cr_expect_eq(mirror->expires_ms, now + 5000);
}

static bool neighbour_reroutes(const char *command)
{
	host_changes = 0;
	shell(command);
	mirror_follow(mirror);
	return host_changes;
}

Test(mirror, follows_gateways_of_ipv6_routes)
{
	make_netdev();
	shell("ip -6 route add fd09::/64 via fd01::9 dev v0");
	mirror_follow(mirror);
	cr_expect(neighbour_reroutes("ip neigh add fd01::9 lladdr 02:00:00:00:00:09 nud stale dev v0"));
	cr_expect_not(neighbour_reroutes("ip neigh change fd01::9 lladdr 02:00:00:00:00:09 nud reachable dev v0"),
		      "stale or reachable, the route is taken");
	cr_expect(neighbour_reroutes("ip neigh change fd01::9 nud failed dev v0"));
	cr_expect(neighbour_reroutes("ip neigh change fd01::9 lladdr 02:00:00:00:00:09 nud stale dev v0"));
	cr_expect(neighbour_reroutes("ip neigh delete fd01::9 dev v0"));
	cr_expect_not(neighbour_reroutes("ip neigh add fd01::8 lladdr 02:00:00:00:00:08 nud stale dev v0"),
		      "it is no gateway");
	shell("ip -6 route add fd0a::/64 nexthop via fd01::9 dev v0 nexthop via fd01::8 dev v0");
	mirror_follow(mirror);
	cr_expect(neighbour_reroutes("ip neigh change fd01::8 nud failed dev v0"), "a gateway of one next hop");
}

/* Whether an event with this state of the gateway has the routes read again. */
static bool state_reroutes(uint16_t state)
{
	const struct ndmsg neighbour = {
		.ndm_family = AF_INET6,
		.ndm_ifindex = evidence_link_by_name(mirror_last(mirror), "v0")->ifindex,
		.ndm_state = state,
	};
	struct nl_msg *message = nlmsg_alloc();
	union ip_address gateway;

	inet_pton(AF_INET6, "fd01::9", &gateway);
	cr_assert(message && nlmsg_put(message, 0, 0, RTM_NEWNEIGH, 0, 0));
	nlmsg_append(message, (void *)&neighbour, sizeof(neighbour), NLMSG_ALIGNTO);
	nla_put(message, NDA_DST, sizeof(gateway), &gateway);
	mirror->routes6 = MIRROR_CURRENT;
	cr_expect_eq(mirror_take_neighbour(nlmsg_hdr(message), mirror), 0);
	nlmsg_free(message);
	return mirror->routes6 == MIRROR_REROUTED;
}

/* The kernel tries a failed one again without an event, and the route is taken meanwhile. */
Test(mirror, looks_at_routes_each_time_a_gateway_fails)
{
	make_netdev();
	shell("ip -6 route add fd09::/64 via fd01::9 dev v0");
	mirror_follow(mirror);
	cr_expect(state_reroutes(NUD_STALE));
	cr_expect_not(state_reroutes(NUD_PROBE));
	cr_expect(state_reroutes(NUD_FAILED));
	cr_expect(state_reroutes(NUD_FAILED));
	cr_expect(state_reroutes(NUD_REACHABLE));
}

/* A user may have a rule of its own, and a VRF another table. */
Test(mirror, reports_rules_by_uid_and_masters)
{
	make_netdev();
	cr_expect(neighbour_reroutes("ip -6 rule add uidrange 0-0 table 100"));
	cr_expect(neighbour_reroutes("ip link add br0 type bridge && ip link set v0 master br0"));
	cr_expect_neq(evidence_link_by_name(mirror_last(mirror), "v0")->master_ifindex, 0);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

/* Without a call of the test, events wake the loop, and the poll finds changed settings. */
Test(mirror, follows_events_in_event_loop)
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

/* A busy namespace leaves the loop to others: four fifths of the time, and no event waits long in the host's own. */
Test(mirror, rests_after_its_turns)
{
	bool is_initial = netns_is_initial(mirror->netns);

	cr_expect_eq(mirror_rest_ms(mirror, 10), 1);
	cr_expect_eq(mirror_rest_ms(mirror, 5000), 20);
	cr_expect_eq(mirror_rest_ms(mirror, 100000), is_initial ? 50 : 400);
	mirror_rest(mirror, clock_work_us() - 5000);
	cr_expect(mirror->rests && !event_pending(mirror->route_event, EV_READ, NULL));
	cr_expect_geq(mirror_rest_ms(mirror, 5000), is_initial ? 20 : 40, "those that rest share the time of one");
	event_base_loop(base, EVLOOP_ONCE);
	cr_expect(!mirror->rests && event_pending(mirror->route_event, EV_READ, NULL));
}

/* Any user can have them by the hundred thousand in a namespace of its own. */
Test(mirror, reads_lists_up_to_its_limit)
{
	struct netns *netns;
	struct mirror *limited;

	shell("ip link set lo up");
	for (int i = 0; i < 5; i++) {
		char command[64];

		snprintf(command, sizeof(command), "ip -6 route add 2001:db8:%d::/48 dev lo", i);
		shell(command);
	}
	cr_assert_eq(netns_open(NULL, -1, &netns), 0);
	cr_assert_eq(mirror_new(base, netns, 4, on_change, &host_changes, &limited), 0);
	cr_expect_eq(mirror_last(limited)->routes6_state, EVIDENCE_BROKEN);
	cr_expect_eq(mirror_last(limited)->route6_count, 0);
	cr_expect_str_eq(mirror_last(limited)->routes6_error, "more than 4 IPv6 routes");
	cr_expect_eq(mirror_last(limited)->links_state, EVIDENCE_READ, "lo only");
	mirror_free(limited);
	cr_assert_eq(netns_open(NULL, -1, &netns), 0);
	cr_assert_eq(mirror_new(base, netns, 4096, on_change, &host_changes, &limited), 0);
	cr_expect_eq(mirror_last(limited)->routes6_state, EVIDENCE_READ);
	mirror_free(limited);
}
