// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Filters of tc: real ones in a network namespace as far as this kernel has their kinds (needs root and tc(8), else
 * skipped), and messages as the kernel sends them for the others.
 */
#include "hazards/traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_gact.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <string.h>

#include "fake_netlink.h"
#include "netns_fixture.h"

enum { HITS = NETFILTER_HITS, MAY = NETFILTER_MAY_HIT, NOT = NETFILTER_CANNOT_HIT, PORT = 4791 };

static union ip_address local, remote, local6, remote6;
static char found[TRAFFIC_FILTER_MAX];

static const struct netfilter_flow to_one = { .family = AF_INET, .local = &local, .remote = &remote };
static const struct netfilter_flow to_every = { .family = AF_INET, .local = &local };
static const struct netfilter_flow to_one6 = { .family = AF_INET6, .local = &local6, .remote = &remote6 };
static const struct netfilter_flow to_every6 = { .family = AF_INET6, .local = &local6 };

static void setup(void)
{
	inet_pton(AF_INET, "10.77.0.1", &local);
	inet_pton(AF_INET, "10.77.0.2", &remote);
	inet_pton(AF_INET6, "fd77::1", &local6);
	inet_pton(AF_INET6, "fd77::2", &remote6);
}

TestSuite(traffic, .init = setup, .timeout = 60);

static struct traffic *read_from(const struct netlink_transport *transport, int ifindex, bool programs)
{
	struct traffic *traffic = NULL;
	char error[128] = "";

	cr_assert_eq(traffic_read(transport, ifindex, programs, &traffic, error, sizeof(error)), 0, "%s", error);
	return traffic;
}

static int judge(const struct traffic *traffic, const struct netfilter_flow *flow, enum traffic_frame frame,
		 traffic_target_fn target)
{
	enum netfilter_verdict verdict = traffic_judge(traffic, flow, frame, target, NULL, found);

	cr_expect_eq(found[0] == '\0', verdict == NETFILTER_CANNOT_HIT);
	return (int)verdict;
}

/* ---- of a kernel ---- */

static void setup_kernel(void)
{
	setup();
	netns_enter();
	if (system("ip link add v0 type veth peer name v1 && ip link add w0 type veth peer name w1 && "
		   "ip link set v0 up && ip link set v1 up && ip link set w0 up && ip link set w1 up"))
		skip_test("no veth");
	if (system("tc qdisc add dev v0 clsact && tc filter add dev v0 egress u32 match u32 0 0 action mirred egress "
		   "redirect dev w0 2>/dev/null"))
		skip_test("no tc, or no u32 or mirred in this kernel");
}

TestSuite(traffic_kernel, .init = setup_kernel, .timeout = 60);

static void load(const char *filters)
{
	char text[2048];

	snprintf(text, sizeof(text), "tc filter del dev v0 egress && tc -batch - <<'END'\n%s\nEND\n", filters);
	cr_assert_eq(system(text), 0, "%s", text);
}

static int judge_v0(const struct netfilter_flow *flow)
{
	struct traffic *traffic = read_from(&netlink_kernel, (int)if_nametoindex("v0"), true);
	int verdict = judge(traffic, flow, TRAFFIC_FRAME_IP, NULL);

	traffic_free(traffic);
	return verdict;
}

#define U32(match, action) "filter add dev v0 egress protocol ip u32 match " match " action " action "\n"
#define REDIRECT           "mirred egress redirect dev w0"
#define MIRROR             "mirred egress mirror dev w0"

Test(traffic_kernel, filters_of_u32)
{
	static const struct {
		const char *filters;
		int one, every;
	} rows[] = {
		{ U32("u32 0 0", REDIRECT), HITS, HITS },
		{ U32("u32 0 0", MIRROR), HITS, HITS },
		{ U32("ip protocol 17 0xff match ip dport 4791 0xffff", REDIRECT), HITS, HITS },
		{ U32("ip dport 4792 0xffff", REDIRECT), NOT, NOT },
		{ U32("ip protocol 6 0xff", REDIRECT), NOT, NOT },
		{ U32("ip src 10.77.0.0/16", REDIRECT), HITS, HITS },
		{ U32("ip src 172.17.0.0/16", REDIRECT), NOT, NOT },
		{ U32("ip dst 10.77.0.2", REDIRECT), HITS, NOT },
		{ U32("ip dst 10.77.0.3", REDIRECT), NOT, NOT },
		{ U32("ip dst 10.0.0.0/8", REDIRECT), HITS, MAY },
		{ U32("ip sport 50000 0xffff", REDIRECT), MAY, MAY },
		{ U32("ip tos 0x10 0xff", REDIRECT), MAY, MAY },
		{ "filter add dev v0 egress protocol ipv6 u32 match u32 0 0 action " REDIRECT, NOT, NOT },
		{ "filter add dev v0 egress protocol all u32 match u32 0 0 action " REDIRECT, HITS, HITS },
		{ "filter add dev v0 egress prio 5 protocol ip u32 match ip dst 10.77.0.2 action " REDIRECT "\n"
		  "filter add dev v0 egress prio 6 protocol ip u32 match u32 0 0 action " REDIRECT,
		  HITS, HITS },
		{ "filter add dev v0 egress chain 3 protocol all u32 match u32 0 0 action " REDIRECT, NOT, NOT },
		{ "filter add dev v0 ingress protocol all u32 match u32 0 0 action " REDIRECT, NOT, NOT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		load(rows[i].filters);
		cr_expect_eq(judge_v0(&to_one), rows[i].one, "to one: %s: %s", rows[i].filters, found);
		cr_expect_eq(judge_v0(&to_every), rows[i].every, "to every: %s: %s", rows[i].filters, found);
	}
	load("filter add dev v0 egress prio 77 u32 match u32 0 0 action " REDIRECT);
	judge_v0(&to_one);
	cr_expect_str_eq(found, "u32 pref 77");
}

Test(traffic_kernel, filters_of_ipv6)
{
	load("filter add dev v0 egress protocol ipv6 u32 match ip6 dst fd77::2 action " REDIRECT);
	cr_expect_eq(judge_v0(&to_one6), HITS);
	cr_expect_eq(judge_v0(&to_every6), MAY);
	cr_expect_eq(judge_v0(&to_one), NOT);
	load("filter add dev v0 egress protocol ipv6 u32 match u32 4791 0xffff at 40 action " REDIRECT);
	cr_expect_eq(judge_v0(&to_every6), HITS);
}

/* Linked tables are reached by some packets only. */
Test(traffic_kernel, linked_tables_may_be_reached)
{
	load("filter add dev v0 egress prio 9 protocol ip handle 1: u32 divisor 1\n"
	     "filter add dev v0 egress prio 9 protocol ip u32 ht 1: match u32 0 0 action " REDIRECT "\n"
	     "filter add dev v0 egress prio 9 protocol ip u32 match u32 0 0 link 1: offset at 0 mask 0x0f00 shift 6 "
	     "eat");
	cr_expect_eq(judge_v0(&to_one), MAY);
}

/* Several netdevs may have the same block of filters. */
Test(traffic_kernel, filters_of_shared_blocks)
{
	shell("tc qdisc del dev v0 clsact && tc qdisc add dev v0 egress_block 5 clsact && tc qdisc add dev v1 "
	      "egress_block 5 "
	      "clsact && tc filter add block 5 prio 4 u32 match u32 0 0 action " REDIRECT);
	cr_expect_eq(judge_v0(&to_one), HITS);
	cr_expect_str_eq(found, "u32 pref 4");
}

Test(traffic_kernel, filters_of_queueing_disciplines)
{
	load("filter add dev v0 egress protocol all u32 match ip dport 53 0xffff action " REDIRECT);
	if (system("tc qdisc add dev v0 root handle 1: htb && tc class add dev v0 parent 1: classid 1:1 htb rate "
		   "1gbit"))
		skip_test("no htb in this kernel");
	cr_expect_eq(judge_v0(&to_one), NOT);
	shell("tc filter add dev v0 parent 1: prio 3 u32 match u32 0 0 action " REDIRECT);
	cr_expect_eq(judge_v0(&to_one), HITS);
	cr_expect_str_eq(found, "u32 pref 3");
}

Test(traffic_kernel, other_netdevs_are_not_looked_at)
{
	shell("tc qdisc add dev w0 clsact && tc filter add dev w0 egress u32 match u32 0 0 action mirred egress "
	      "redirect dev v0");
	load("filter add dev v0 egress protocol ip u32 match ip dport 53 0xffff action " REDIRECT);
	cr_expect_eq(judge_v0(&to_one), NOT);
}

Test(traffic_kernel, any_user_can_read_filters)
{
	struct traffic *traffic;

	cr_assert_eq(seteuid(65534), 0);
	traffic = read_from(&netlink_kernel, (int)if_nametoindex("v0"), true);
	cr_assert_eq(seteuid(0), 0);
	cr_expect_eq(judge(traffic, &to_one, TRAFFIC_FRAME_IP, NULL), HITS);
	traffic_free(traffic);
}

/* ---- of messages ---- */

enum { NETDEV = 7, OTHER_NETDEV = 9 };

static struct nl_msg *tc_message(int type, uint32_t handle, uint32_t parent, uint32_t info, const char *kind)
{
	const struct tcmsg header = {
		.tcm_ifindex = NETDEV, .tcm_handle = handle, .tcm_parent = parent, .tcm_info = info
	};
	struct nl_msg *message = fake_message(type, &header, sizeof(header));

	cr_assert_eq(nla_put_string(message, TCA_KIND, kind), 0);
	return message;
}

/* A filter in progress. */
struct built {
	struct nl_msg *message;
	struct nlattr *options, *actions;
	int count;
};

static struct built filter_begin(const char *kind, uint32_t chain, uint16_t protocol)
{
	struct built built = { .message = tc_message(RTM_NEWTFILTER, 1, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
						     TC_H_MAKE(10U << 16, htons(protocol)), kind) };

	cr_assert_eq(nla_put_u32(built.message, TCA_CHAIN, chain), 0);
	built.options = nla_nest_start(built.message, TCA_OPTIONS);
	cr_assert(built.options);
	return built;
}

static void put(struct built *built, int type, const void *value, int size)
{
	cr_assert_eq(nla_put(built->message, type, size, value), 0);
}

static struct nlattr *action_begin(struct built *built, int actions, const char *kind)
{
	struct nlattr *item;

	if (!built->actions)
		built->actions = nla_nest_start(built->message, actions);
	item = nla_nest_start(built->message, ++built->count);
	cr_assert(built->actions && item);
	cr_assert_eq(nla_put_string(built->message, TCA_ACT_KIND, kind), 0);
	return item;
}

static void add_action(struct built *built, int actions, const char *kind, int verdict, int ifindex)
{
	struct nlattr *item = action_begin(built, actions, kind), *options;
	const struct tc_mirred mirred = { .action = verdict,
					  .eaction = TCA_EGRESS_REDIR,
					  .ifindex = (uint32_t)ifindex };
	const struct tc_gact gact = { .action = verdict };

	options = nla_nest_start(built->message, TCA_ACT_OPTIONS);
	cr_assert(options);
	if (!strcmp(kind, "mirred"))
		put(built, TCA_MIRRED_PARMS, &mirred, sizeof(mirred));
	else
		put(built, TCA_GACT_PARMS, &gact, sizeof(gact));
	nla_nest_end(built->message, options);
	nla_nest_end(built->message, item);
}

static struct nl_msg *filter_end(struct built *built)
{
	if (built->actions)
		nla_nest_end(built->message, built->actions);
	nla_nest_end(built->message, built->options);
	return built->message;
}

static struct fake_kernel kernel;

/* One clsact qdisc, then the filters, which are taken over. */
static struct traffic *traffic_of(struct nl_msg **filters, size_t count)
{
	const struct netlink_transport transport = fake_transport(&kernel);
	struct traffic *traffic;

	fake_say(&kernel, tc_message(RTM_NEWQDISC, TC_H_MAKE(TC_H_CLSACT, 0), TC_H_CLSACT, 0, "clsact"));
	fake_done(&kernel, 0);
	for (size_t i = 0; i < count; i++)
		fake_say(&kernel, filters[i]);
	fake_done(&kernel, 0);
	traffic = read_from(&transport, NETDEV, false);
	fake_reset(&kernel);
	return traffic;
}

static int judge_messages(struct nl_msg **filters, size_t count, const struct netfilter_flow *flow)
{
	struct traffic *traffic = traffic_of(filters, count);
	int verdict = judge(traffic, flow, TRAFFIC_FRAME_IP, NULL);

	traffic_free(traffic);
	return verdict;
}

/* Of all packets in a chain, with one action. */
static struct nl_msg *match_all(uint32_t chain, const char *action, int verdict)
{
	struct built built = filter_begin("matchall", chain, ETH_P_ALL);

	add_action(&built, TCA_MATCHALL_ACT, action, verdict, OTHER_NETDEV);
	return filter_end(&built);
}

Test(traffic, actions_of_a_filter_for_all)
{
	static const struct {
		const char *action;
		int verdict, expected;
	} rows[] = {
		{ "mirred", TC_ACT_STOLEN, HITS }, { "mirred", TC_ACT_PIPE, HITS },    { "gact", TC_ACT_OK, NOT },
		{ "gact", TC_ACT_SHOT, NOT },      { "pedit", TC_ACT_PIPE, MAY },      { "nat", TC_ACT_PIPE, MAY },
		{ "bpf", TC_ACT_PIPE, MAY },       { "skbedit", TC_ACT_PIPE, NOT },    { "police", TC_ACT_PIPE, NOT },
		{ "ct", TC_ACT_PIPE, MAY },        { "tunnel_key", TC_ACT_PIPE, MAY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nl_msg *filter = match_all(0, rows[i].action, rows[i].verdict);

		cr_expect_eq(judge_messages(&filter, 1, &to_every), rows[i].expected, "%s", rows[i].action);
	}
}

Test(traffic, ways_through_filters)
{
	static const struct {
		struct {
			uint32_t chain;
			const char *action;
			int verdict;
		} filters[3];
		int expected;
	} rows[] = {
		{ { { 0, "gact", TC_ACT_SHOT }, { 0, "mirred", TC_ACT_STOLEN } }, NOT },
		{ { { 0, "gact", TC_ACT_OK }, { 0, "mirred", TC_ACT_STOLEN } }, NOT },
		{ { { 0, "gact", TC_ACT_UNSPEC }, { 0, "mirred", TC_ACT_STOLEN } }, HITS },
		{ { { 0, "police", TC_ACT_UNSPEC }, { 0, "mirred", TC_ACT_STOLEN } }, MAY },
		{ { { 0, "gact", TC_ACT_GOTO_CHAIN | 5 }, { 5, "mirred", TC_ACT_STOLEN } }, HITS },
		{ { { 0, "gact", TC_ACT_GOTO_CHAIN | 4 }, { 5, "mirred", TC_ACT_STOLEN } }, NOT },
		{ { { 0, "gact", TC_ACT_GOTO_CHAIN | 0 } }, MAY },
		{ { { 0, "gact", TC_ACT_RECLASSIFY }, { 0, "mirred", TC_ACT_STOLEN } }, MAY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nl_msg *filters[3];
		size_t count = 0;

		for (; count < 3 && rows[i].filters[count].action; count++)
			filters[count] = match_all(rows[i].filters[count].chain, rows[i].filters[count].action,
						   rows[i].filters[count].verdict);
		cr_expect_eq(judge_messages(filters, count, &to_one), rows[i].expected, "row %zu: %s", i, found);
	}
}

Test(traffic, action_behind_one_that_ends_is_not_reached)
{
	struct built built = filter_begin("matchall", 0, ETH_P_ALL);
	struct nl_msg *filter;

	add_action(&built, TCA_MATCHALL_ACT, "gact", TC_ACT_SHOT, 0);
	add_action(&built, TCA_MATCHALL_ACT, "mirred", TC_ACT_STOLEN, OTHER_NETDEV);
	filter = filter_end(&built);
	cr_expect_eq(judge_messages(&filter, 1, &to_one), NOT);
	built = filter_begin("matchall", 0, ETH_P_ALL);
	add_action(&built, TCA_MATCHALL_ACT, "skbedit", TC_ACT_PIPE, 0);
	add_action(&built, TCA_MATCHALL_ACT, "mirred", TC_ACT_STOLEN, OTHER_NETDEV);
	filter = filter_end(&built);
	cr_expect_eq(judge_messages(&filter, 1, &to_one), HITS);
}

/* A key of two octets or one, with a mask if it has one; 0: not there. */
struct keys {
	uint16_t ethertype, port;
	uint8_t protocol;
	const char *destination;
	int prefix;
	int other; /* a key that is not looked at */
};

static struct nl_msg *flower(const struct keys *keys)
{
	struct built built = filter_begin("flower", 0, keys->ethertype ? keys->ethertype : ETH_P_ALL);
	const uint16_t type = htons(keys->ethertype), port = htons(keys->port), whole = 0xffff;
	const uint32_t mask = htonl(keys->prefix ? UINT32_MAX << (32 - keys->prefix) : 0), hardware = 0;
	uint32_t address;

	if (keys->ethertype)
		put(&built, TCA_FLOWER_KEY_ETH_TYPE, &type, 2);
	if (keys->protocol)
		put(&built, TCA_FLOWER_KEY_IP_PROTO, &keys->protocol, 1);
	if (keys->destination) {
		cr_assert_eq(inet_pton(AF_INET, keys->destination, &address), 1);
		put(&built, TCA_FLOWER_KEY_IPV4_DST, &address, 4);
		put(&built, TCA_FLOWER_KEY_IPV4_DST_MASK, &mask, 4);
	}
	if (keys->port) {
		put(&built, TCA_FLOWER_KEY_UDP_DST, &port, 2);
		put(&built, TCA_FLOWER_KEY_UDP_DST_MASK, &whole, 2);
	}
	if (keys->other)
		put(&built, keys->other, &whole, 2);
	put(&built, TCA_FLOWER_IN_HW_COUNT, &hardware, 4);
	add_action(&built, TCA_FLOWER_ACT, "mirred", TC_ACT_STOLEN, OTHER_NETDEV);
	return filter_end(&built);
}

Test(traffic, keys_of_flower)
{
	static const struct {
		struct keys keys;
		int one, every;
	} rows[] = {
		{ { 0 }, HITS, HITS },
		{ { .ethertype = ETH_P_IP }, HITS, HITS },
		{ { .ethertype = ETH_P_IPV6 }, NOT, NOT },
		{ { .ethertype = ETH_P_IP, .protocol = IPPROTO_UDP, .port = PORT }, HITS, HITS },
		{ { .ethertype = ETH_P_IP, .protocol = IPPROTO_UDP, .port = 53 }, NOT, NOT },
		{ { .ethertype = ETH_P_IP, .protocol = IPPROTO_TCP }, NOT, NOT },
		{ { .ethertype = ETH_P_IP, .destination = "10.77.0.2", .prefix = 32 }, HITS, NOT },
		{ { .ethertype = ETH_P_IP, .destination = "10.77.0.0", .prefix = 16 }, HITS, MAY },
		{ { .ethertype = ETH_P_IP, .destination = "10.78.0.0", .prefix = 16 }, NOT, MAY },
		{ { .ethertype = ETH_P_IP, .other = TCA_FLOWER_KEY_UDP_SRC }, MAY, MAY },
		{ { .ethertype = ETH_P_IP, .protocol = IPPROTO_TCP, .other = TCA_FLOWER_KEY_TCP_DST }, NOT, NOT },
		{ { .other = TCA_FLOWER_KEY_CT_STATE }, MAY, MAY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nl_msg *one = flower(&rows[i].keys), *every = flower(&rows[i].keys);

		cr_expect_eq(judge_messages(&one, 1, &to_one), rows[i].one, "row %zu", i);
		cr_expect_eq(judge_messages(&every, 1, &to_every), rows[i].every, "row %zu", i);
	}
}

Test(traffic, frames_of_another_kind_are_matched_by_filters_for_all)
{
	const struct keys keys = { .ethertype = ETH_P_IP, .port = 53 };
	struct nl_msg *filter = match_all(0, "mirred", TC_ACT_STOLEN);
	struct traffic *traffic = traffic_of(&filter, 1);

	cr_expect_eq(judge(traffic, &to_one, TRAFFIC_FRAME_OTHER, NULL), HITS);
	traffic_free(traffic);
	filter = flower(&keys);
	traffic = traffic_of(&filter, 1);
	cr_expect_eq(judge(traffic, &to_one, TRAFFIC_FRAME_OTHER, NULL), MAY);
	cr_expect_eq(judge(traffic, &to_one, TRAFFIC_FRAME_IP, NULL), NOT);
	traffic_free(traffic);
}

static enum netfilter_verdict to_dummy(const void *context, int ifindex)
{
	(void)context;
	cr_expect_eq(ifindex, OTHER_NETDEV);
	return NETFILTER_MAY_HIT;
}

Test(traffic, target_of_a_redirection_decides)
{
	struct nl_msg *filter = match_all(0, "mirred", TC_ACT_STOLEN);
	struct traffic *traffic = traffic_of(&filter, 1);

	cr_expect_eq(judge(traffic, &to_one, TRAFFIC_FRAME_IP, to_dummy), MAY);
	traffic_free(traffic);
}

static struct nl_msg *program(const char *name)
{
	const uint32_t flags = TCA_BPF_FLAG_ACT_DIRECT;
	struct built built = filter_begin("bpf", 0, ETH_P_ALL);

	put(&built, TCA_BPF_NAME, name, (int)strlen(name) + 1);
	put(&built, TCA_BPF_FLAGS, &flags, sizeof(flags));
	return filter_end(&built);
}

Test(traffic, programs_of_bpf_may_do_anything)
{
	struct nl_msg *filters[2] = { program("cil_to_netdev") };

	cr_expect_eq(judge_messages(filters, 1, &to_one), MAY);
	cr_expect_str_eq(found, "bpf pref 10");
	filters[0] = program("cil_to_netdev");
	filters[1] = match_all(0, "mirred", TC_ACT_STOLEN);
	cr_expect_eq(judge_messages(filters, 2, &to_one), MAY, "the program may drop them before");
	filters[0] = program("gate_egress");
	cr_expect_eq(judge_messages(filters, 1, &to_one), NOT, "the gate's own");
	filters[0] = program("gate_egress");
	filters[1] = match_all(0, "mirred", TC_ACT_STOLEN);
	cr_expect_eq(judge_messages(filters, 2, &to_one), HITS);
}

Test(traffic, rejects_messages_that_do_not_fit)
{
	const struct netlink_transport transport = fake_transport(&kernel);
	const struct tcmsg header = { .tcm_ifindex = NETDEV };
	struct traffic *traffic = NULL;
	char error[128] = "";

	fake_say(&kernel, fake_message(RTM_NEWQDISC, &header, sizeof(header)));
	fake_done(&kernel, 0);
	cr_expect_eq(traffic_read(&transport, NETDEV, false, &traffic, error, sizeof(error)), -EPROTO);
	cr_expect_null(traffic);
	cr_expect_str_eq(error, "a qdisc of the kernel's list is not understood");
	fake_reset(&kernel);
}

Test(traffic, more_filters_than_are_looked_at_are_an_error)
{
	const struct netlink_transport transport = fake_transport(&kernel);
	struct traffic *traffic = NULL;
	char error[128] = "";

	fake_say(&kernel, tc_message(RTM_NEWQDISC, TC_H_MAKE(TC_H_CLSACT, 0), TC_H_CLSACT, 0, "clsact"));
	fake_done(&kernel, 0);
	for (int i = 0; i <= TRAFFIC_FILTERS_MAX; i++) {
		struct nl_msg *filter = tc_message(RTM_NEWTFILTER, 1, 0, 0, "u32");

		if (i % 256)
			fake_say_too(&kernel, filter);
		else
			fake_say(&kernel, filter);
	}
	fake_done(&kernel, 0);
	cr_expect_eq(traffic_read(&transport, NETDEV, false, &traffic, error, sizeof(error)), -E2BIG);
	cr_expect_str_eq(error, "more filters of tc than are looked at");
	fake_reset(&kernel);
}
