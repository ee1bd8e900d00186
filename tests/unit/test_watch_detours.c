// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What leads packets elsewhere in the test's own network namespace, as the watch keeps it current. */
#include <arpa/inet.h>

#include "netns_fixture.h"
#include "watch/detours.h"
#include "watch_fixture.h"

static unsigned heard;

static void on_changed(struct namespace *in, const struct mirror_change *change, void *arg)
{
	(void)arg;
	cr_expect_eq(in, ufile->in);
	heard += change->kind == MIRROR_CHANGE_DETOURS;
}

static void begin(void)
{
	const struct watch_listener listener = { .changed = on_changed };

	netns_enter();
	if (system("nft 'add table ip probe; delete table ip probe' 2>/dev/null && ip link set lo up && "
		   "ip link add v0 type veth peer name v1"))
		skip_test("no nft, no veth, or no nftables in this kernel");
	watch_begin(NULL, &listener);
	namespace_follow(ufile->in);
	heard = 0;
}

static void end(void)
{
	if (watch)
		watch_end();
}

TestSuite(watch_detours, .init = begin, .fini = end, .timeout = 60);

static enum netfilter_verdict judge_rules(void)
{
	const union ip_address local = { .bytes = { 10, 0, 0, 1 } }, remote = { .bytes = { 10, 0, 0, 2 } };
	const struct netfilter_flow flow = {
		.family = AF_INET, .local = &local, .remote = &remote, .by_address = true
	};
	char name[NETFILTER_CHAIN_MAX];
	const char *error = NULL;
	const struct netfilter *netfilter;
	struct bypass_view view;

	namespace_view_detours(ufile->in, &view);
	netfilter = view.netfilter(view.context, &error);
	cr_assert(netfilter, "%s", error);
	return netfilter_judge(netfilter, &flow, name);
}

#define MASQUERADE "nft 'table ip n { chain p { type nat hook postrouting priority 100; masquerade; }; }'"

Test(watch_detours, reads_rules_again_after_event)
{
	uint64_t generation = namespace_generation(ufile->in);

	cr_expect_eq(judge_rules(), NETFILTER_CANNOT_HIT);
	shell(MASQUERADE);
	namespace_follow(ufile->in);
	cr_expect_gt(namespace_generation(ufile->in), generation, "answers of before must not be used again");
	cr_expect_eq(heard, 1u);
	cr_expect_eq(judge_rules(), NETFILTER_HITS);
	shell("nft flush ruleset");
	namespace_follow(ufile->in);
	cr_expect_eq(judge_rules(), NETFILTER_CANNOT_HIT);
}

Test(watch_detours, keeps_rules_without_event)
{
	const struct netfilter *first, *second;
	const char *error;
	struct bypass_view view;

	namespace_view_detours(ufile->in, &view);
	first = view.netfilter(view.context, &error);
	namespace_follow(ufile->in);
	namespace_refresh(ufile->in);
	second = view.netfilter(view.context, &error);
	cr_expect(first && first == second);
	cr_expect_eq(heard, 0u);
}

/* From the event loop, so that living queue pairs are judged again. */
Test(watch_detours, notifies_of_rules_without_question)
{
	shell(MASQUERADE);
	while (!heard)
		cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	cr_expect_eq(judge_rules(), NETFILTER_HITS);
	/* after the pause that events have */
	shell("nft flush ruleset");
	for (heard = 0; !heard;)
		cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	cr_expect_eq(judge_rules(), NETFILTER_CANNOT_HIT);
}

static enum netfilter_verdict to_any_target(const void *context, int ifindex)
{
	(void)context;
	(void)ifindex;
	return NETFILTER_HITS;
}

#define REDIRECT(netdev)                                                  \
	"tc qdisc add dev " netdev " clsact && tc filter add dev " netdev \
	" egress u32 match u32 0 0 action mirred egress redirect dev v1"

static enum netfilter_verdict judge_filters(int ifindex)
{
	const union ip_address local = { .bytes = { 10, 0, 0, 1 } }, remote = { .bytes = { 10, 0, 0, 2 } };
	const struct netfilter_flow flow = { .family = AF_INET, .local = &local, .remote = &remote };
	char name[TRAFFIC_FILTER_MAX];
	const char *error = NULL;
	const struct traffic *traffic;
	struct bypass_view view;

	namespace_view_detours(ufile->in, &view);
	traffic = view.traffic(view.context, ifindex, &error);
	cr_assert(traffic, "%s", error);
	return traffic_judge(traffic, &flow, TRAFFIC_FRAME_IP, to_any_target, NULL, name);
}

Test(watch_detours, reads_filters_again_after_event)
{
	int v0 = (int)if_nametoindex("v0");

	cr_expect_eq(judge_filters(v0), NETFILTER_CANNOT_HIT);
	if (system(REDIRECT("v0")))
		skip_test("no u32 or mirred in this kernel");
	namespace_follow(ufile->in);
	cr_expect_geq(heard, 1u);
	cr_expect_eq(judge_filters(v0), NETFILTER_HITS);
	shell("tc qdisc del dev v0 clsact");
	namespace_follow(ufile->in);
	cr_expect_eq(judge_filters(v0), NETFILTER_CANNOT_HIT);
}

/* Another netdev may get the index of one that is gone, whose filters went without an event. */
Test(watch_detours, forgets_filters_of_netdev_that_is_gone)
{
	shell("ip link add w0 index 77 type veth peer name w1");
	namespace_follow(ufile->in);
	if (system(REDIRECT("w0")))
		skip_test("no u32 or mirred in this kernel");
	namespace_follow(ufile->in);
	cr_expect_eq(judge_filters(77), NETFILTER_HITS);
	shell("ip link del w0 && ip link add w0 index 77 type veth peer name w1");
	namespace_follow(ufile->in);
	cr_expect_eq(judge_filters(77), NETFILTER_CANNOT_HIT);
}

Test(watch_detours, no_gate_stands_without_one)
{
	cr_expect_not(namespace_is_gated(ufile->in, (int)if_nametoindex("v0")));
}

/* There is no event of them. */
Test(watch_detours, notifies_of_legacy_table_at_refresh)
{
	struct bypass_view view;

	if (system("iptables-legacy -t nat -S >/dev/null 2>&1"))
		skip_test("no iptables-legacy, or not in this kernel");
	namespace_view_detours(ufile->in, &view);
	cr_expect_eq(view.legacy(view.context)->ip.state, LEGACY_NONE);
	namespace_refresh(ufile->in);
	cr_expect_eq(heard, 0u);
	shell("iptables-legacy -t nat -A OUTPUT -j ACCEPT");
	namespace_refresh(ufile->in);
	cr_expect_eq(heard, 1u);
	cr_expect_eq(view.legacy(view.context)->ip.state, LEGACY_HAS_RULES);
}
