// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Real rules of nftables in a network namespace. Needs root and nft(8); otherwise the tests are skipped. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "hazards/netfilter.h"
#include "netlink/dump.h"
#include "netns_fixture.h"

static union ip_address local, remote;
static char chain[NETFILTER_CHAIN_MAX];

static void setup(void)
{
	netns_enter();
	if (system("nft add table ip probe 2>/dev/null && nft delete table ip probe"))
		skip_test("no nft, or no nftables in this kernel");
	inet_pton(AF_INET, "10.77.0.1", &local);
	inet_pton(AF_INET, "10.77.0.2", &remote);
}

TestSuite(netfilter, .init = setup, .timeout = 60);

static enum netfilter_verdict judge(const struct netfilter_flow *flow)
{
	char error[128] = "";
	struct netfilter *netfilter;
	enum netfilter_verdict verdict;

	cr_assert_eq(netfilter_read(&netlink_kernel, &netfilter, error, sizeof(error)), 0, "%s", error);
	verdict = netfilter_judge(netfilter, flow, chain);
	netfilter_free(netfilter);
	cr_expect_eq(chain[0] == '\0', verdict == NETFILTER_CANNOT_HIT);
	return verdict;
}

static const struct netfilter_flow to_one = {
	.family = AF_INET, .local = &local, .remote = &remote, .ifindex = 7, .netdev = "eth0", .by_address = true
};
static const struct netfilter_flow to_every = {
	.family = AF_INET, .local = &local, .ifindex = 7, .netdev = "eth0", .by_address = true
};

/* The same, where packets may be sent to every remote, also to one that a rule names. */
static const struct netfilter_flow to_each = {
	.family = AF_INET, .local = &local, .each_remote = true, .ifindex = 7, .netdev = "eth0", .by_address = true
};

static void load(const char *rules)
{
	FILE *pipe = popen("nft -f -", "w");

	cr_assert(pipe);
	fprintf(pipe, "flush ruleset\n%s\n", rules);
	cr_assert_eq(pclose(pipe), 0, "%s", rules);
}

/* In one base chain of these words, beside chains to jump to. */
static void load_chain(const char *base, const char *rules)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "table ip n {\n chain other {\n udp dport 4791 masquerade\n }\n chain back {\n return\n }\n"
		 " chain base {\n %s; policy accept;\n %s\n }\n}\n",
		 base, rules);
	load(text);
}

static void load_nat(const char *rules)
{
	load_chain("type nat hook postrouting priority srcnat", rules);
}

static void load_route(const char *rules)
{
	load_chain("type route hook output priority mangle", rules);
}

enum { HITS = NETFILTER_HITS, MAY = NETFILTER_MAY_HIT, NOT = NETFILTER_CANNOT_HIT };

struct row {
	const char *rules;
	int one, every; /* enum netfilter_verdict */
};

static void expect(const struct row *row, void (*load_rules)(const char *rules))
{
	load_rules(row->rules);
	cr_expect_eq((int)judge(&to_one), row->one, "to one: %s: %s", row->rules, chain);
	cr_expect_eq((int)judge(&to_every), row->every, "to every: %s: %s", row->rules, chain);
}

Test(netfilter, without_rules_nothing_is_hit)
{
	cr_expect_eq(judge(&to_one), NETFILTER_CANNOT_HIT);
	cr_expect_eq(judge(&to_every), NETFILTER_CANNOT_HIT);
}

Test(netfilter, translation_of_addresses)
{
	static const struct row rows[] = {
		{ "masquerade", HITS, HITS },
		{ "udp dport 4791 counter masquerade", HITS, HITS },
		{ "udp dport 4792 masquerade", NOT, NOT },
		{ "udp dport 4000-5000 snat to 10.77.0.9", HITS, HITS },
		{ "udp dport != 4791 masquerade", NOT, NOT },
		{ "tcp dport 4791 masquerade", NOT, NOT },
		{ "udp sport 1000 masquerade", MAY, MAY },
		{ "udp dport { 53, 4791 } masquerade", HITS, HITS },
		{ "ip saddr 10.77.0.0/16 masquerade", HITS, HITS },
		{ "ip saddr 172.17.0.0/16 oifname != \"docker0\" masquerade", NOT, NOT },
		{ "ip saddr != 172.17.0.0/16 oifname != \"docker0\" masquerade", HITS, HITS },
		{ "ip daddr 10.77.0.2 masquerade", HITS, NOT },
		{ "ip daddr 10.96.0.1 masquerade", NOT, NOT },
		{ "ip daddr 10.0.0.0/8 masquerade", HITS, MAY },
		{ "ip daddr 10.77.0.0/25 masquerade", HITS, MAY },
		{ "ip daddr != 10.0.0.0/8 masquerade", NOT, MAY },
		{ "oifname \"eth0\" masquerade", HITS, HITS },
		{ "oifname \"eth*\" masquerade", HITS, HITS },
		{ "oif lo masquerade", NOT, NOT },
		{ "ct state new masquerade", MAY, MAY },
		{ "limit rate 1/second masquerade", MAY, MAY },
		{ "meta skuid 7 masquerade", MAY, MAY },
		{ "ip protocol tcp masquerade", NOT, NOT },
		{ "ip dscp cs1 masquerade", MAY, MAY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(&rows[i], load_nat);
}

Test(netfilter, rule_that_names_one_remote_may_hit_each)
{
	load_nat("ip daddr 10.0.0.77 masquerade");
	cr_expect_eq(judge(&to_every), NETFILTER_CANNOT_HIT);
	cr_expect_eq(judge(&to_each), NETFILTER_MAY_HIT);
	load_nat("tcp dport 80 ip daddr 10.0.0.77 masquerade");
	cr_expect_eq(judge(&to_each), NETFILTER_CANNOT_HIT);
}

Test(netfilter, ways_through_chains)
{
	static const struct row rows[] = {
		{ "jump other", HITS, HITS },
		{ "goto other", HITS, HITS },
		{ "return\n masquerade", NOT, NOT },
		{ "accept\n masquerade", NOT, NOT },
		{ "drop\n masquerade", NOT, NOT },
		{ "udp dport 4791 return\n masquerade", NOT, NOT },
		{ "udp dport 53 return\n masquerade", HITS, HITS },
		{ "ct state new return\n masquerade", MAY, MAY },
		{ "jump back\n masquerade", HITS, HITS },
		{ "goto back\n masquerade", NOT, NOT },
		{ "ip daddr 10.77.0.2 goto back\n masquerade", NOT, HITS },
		{ "meta mark and 0x4000 != 0x4000 return\n masquerade", NOT, NOT },
		{ "meta mark 0x4000 masquerade", NOT, NOT },
		{ "meta mark set 0x4000\n meta mark 0x4000 masquerade", HITS, HITS },
		{ "ct state new meta mark set 0x4000\n meta mark 0x4000 masquerade", MAY, MAY },
		{ "ip daddr . udp dport vmap { 10.77.0.2 . 4791 : jump other }", HITS, NOT },
		{ "ip daddr . udp dport vmap { 10.77.0.2 . 4791 : jump back }", NOT, NOT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(&rows[i], load_nat);
}

Test(netfilter, elements_of_sets)
{
	static const struct row rows[] = {
		{ "udp dport { 53, 4789 } masquerade", NOT, NOT },
		{ "udp dport != { 53, 4789 } masquerade", HITS, HITS },
		{ "udp dport { 1-100, 4000-5000 } masquerade", HITS, HITS },
		{ "udp dport { 1-4790, 4792-65535 } masquerade", NOT, NOT },
		{ "udp dport { 4791-65535 } masquerade", HITS, HITS },
		{ "udp sport { 1000, 2000 } masquerade", MAY, MAY },
		{ "ip daddr { 10.77.0.2, 10.77.0.4 } masquerade", HITS, NOT },
		{ "ip daddr { 10.77.0.4, 10.77.0.5 } masquerade", NOT, NOT },
		{ "ip daddr { 10.76.0.0/16, 10.77.0.0/16 } masquerade", HITS, MAY },
		{ "ip daddr { 10.96.0.1, 10.96.0.10 } counter masquerade", NOT, NOT },
		{ "ip daddr { 10.96.0.0/12, 10.244.0.0/16 } masquerade", NOT, MAY },
		{ "ip saddr { 172.17.0.0/16, 10.244.0.0/16 } masquerade", NOT, NOT },
		{ "ip saddr . udp dport { 10.77.0.1 . 4791, 10.0.0.1 . 53 } masquerade", HITS, HITS },
		{ "ip saddr . udp dport { 10.77.0.0/16 . 4000-5000 } masquerade", HITS, HITS },
		{ "ip saddr . udp dport { 10.77.0.0/16 . 53, 10.78.0.0/16 . 4791 } masquerade", NOT, NOT },
		{ "ip daddr . udp dport { 10.77.0.0/16 . 4000-5000 } masquerade", HITS, MAY },
		{ "udp dport vmap { 53 : jump other, 4791 : jump back }", NOT, NOT },
		{ "udp dport vmap { 53 : jump back, 4791 : goto other }", HITS, HITS },
		{ "udp dport vmap { 53 : jump back, 4791 : drop }\n masquerade", NOT, NOT },
		{ "udp dport vmap { 53 : jump other }", NOT, NOT },
		{ "udp dport vmap { 53 : accept, * : jump other }", HITS, HITS },
		{ "udp sport vmap { 1000 : jump back, 2000 : accept }", NOT, NOT },
		{ "udp sport vmap { 1000 : jump back, 2000 : jump other }", MAY, MAY },
		{ "udp sport vmap { 1000 : accept }\n masquerade", MAY, MAY },
		{ "meta mark set udp dport map { 53 : 1, 4791 : 2 }\n meta mark 2 masquerade", HITS, HITS },
		{ "meta mark set udp dport map { 53 : 1, 4791 : 2 }\n meta mark 1 masquerade", NOT, NOT },
		{ "oifname { \"docker0\", \"br0\" } masquerade", NOT, NOT },
		{ "oifname { \"eth*\", \"br0\" } masquerade", HITS, HITS },
		{ "meta l4proto { tcp, sctp } masquerade", NOT, NOT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(&rows[i], load_nat);
}

/* Packets add elements to it. */
Test(netfilter, sets_that_packets_change_are_not_known)
{
	load("table ip n {\n set s {\n type ipv4_addr; flags dynamic;\n }\n"
	     " chain post {\n type nat hook postrouting priority 100;\n ip daddr @s masquerade\n }\n}");
	cr_expect_eq(judge(&to_one), NETFILTER_MAY_HIT);
}

Test(netfilter, named_sets_are_those_of_their_table)
{
	load("table ip o {\n set s {\n type ipv4_addr; elements = { 10.77.0.2 }\n }\n}\n"
	     "table ip n {\n set s {\n type ipv4_addr; elements = { 10.77.0.3 }\n }\n"
	     " chain post {\n type nat hook postrouting priority 100;\n ip daddr @s masquerade\n }\n}");
	cr_expect_eq(judge(&to_one), NETFILTER_CANNOT_HIT);
	load("table ip n {\n set s {\n type ipv4_addr; elements = { 10.77.0.2 }\n }\n"
	     " chain post {\n type nat hook postrouting priority 100;\n ip daddr @s masquerade\n }\n}");
	cr_expect_eq(judge(&to_one), NETFILTER_HITS);
}

/* More elements than are read: the set is not known. */
Test(netfilter, large_sets_are_not_known)
{
	FILE *pipe = popen("nft -f -", "w");

	cr_assert(pipe);
	fprintf(pipe, "flush ruleset\ntable ip n {\n set s {\n type ipv4_addr; elements = { 10.0.0.0");
	for (unsigned i = 1; i < 10000; i++)
		fprintf(pipe, ", 10.0.%u.%u", i >> 8, i & 255);
	fprintf(pipe, " }\n }\n set t {\n type inet_service; elements = { 53 }\n }\n"
		      " chain post {\n type nat hook postrouting priority 100;\n ip daddr @s masquerade\n }\n}\n");
	cr_assert_eq(pclose(pipe), 0);
	cr_expect_eq(judge(&to_one), NETFILTER_MAY_HIT);
}

Test(netfilter, chains_of_type_route)
{
	static const struct row rows[] = {
		{ "meta mark set 7", HITS, HITS },
		{ "udp dport 4791 meta mark set 7", HITS, HITS },
		{ "udp dport 4792 meta mark set 7", NOT, NOT },
		{ "meta mark set 0", NOT, NOT },
		{ "meta mark set meta mark xor 0x10", HITS, HITS },
		{ "meta mark set meta mark and 0xff", NOT, NOT },
		{ "meta mark set ct mark", MAY, MAY },
		{ "meta priority set 1:1", NOT, NOT },
		{ "ip dscp set cs1", HITS, HITS },
		{ "udp dport 53 ip dscp set cs1", NOT, NOT },
		{ "ct state new ip dscp set cs1", MAY, MAY },
		{ "ip daddr set 10.77.0.3", HITS, HITS },
		{ "counter", NOT, NOT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(&rows[i], load_route);
	load_route("udp dport 4791 meta mark set 7");
	judge(&to_one);
	cr_expect_str_eq(chain, "ip n base");
}

Test(netfilter, chains_of_other_types_do_not_route_again)
{
	load("table inet f {\n chain out {\n type filter hook output priority 0;\n meta mark set 7\n ip dscp set cs1\n "
	     "}\n}");
	cr_expect_eq(judge(&to_one), NETFILTER_CANNOT_HIT);
	load("table inet f {\n chain out {\n type filter hook output priority 0;\n meta mark set 7\n }\n}\n"
	     "table ip n {\n chain post {\n type nat hook postrouting priority 100;\n meta mark 7 masquerade\n }\n}");
	cr_expect_eq(judge(&to_one), NETFILTER_HITS, "the mark that another chain set");
	load("table inet f {\n chain out {\n type filter hook output priority 0; policy drop;\n meta mark set 7\n "
	     "}\n}\n"
	     "table ip n {\n chain post {\n type nat hook postrouting priority 100;\n masquerade\n }\n}");
	cr_expect_eq(judge(&to_one), NETFILTER_CANNOT_HIT, "packets are dropped before");
	load("table inet f {\n chain out {\n type filter hook output priority 0; policy drop;\n ct state new accept\n "
	     "}\n}\n"
	     "table ip n {\n chain post {\n type nat hook postrouting priority 100;\n masquerade\n }\n}");
	cr_expect_eq(judge(&to_one), NETFILTER_MAY_HIT, "some may be dropped before");
}

Test(netfilter, copies_and_redirections)
{
	load("table ip d {\n chain out {\n type filter hook output priority 0;\n udp dport 4791 dup to 10.77.0.9\n "
	     "}\n}");
	cr_expect_eq(judge(&to_one), NETFILTER_HITS);
	load("table ip d {\n chain out {\n type nat hook output priority -100;\n udp dport 4791 dnat to 10.77.0.9\n "
	     "}\n}");
	cr_expect_eq(judge(&to_one), NETFILTER_HITS);
}

/* MACsec protects whatever leaves by its netdev. */
Test(netfilter, other_addresses_leave_by_the_same_netdev)
{
	struct netfilter_flow by_macsec = to_one;

	by_macsec.by_address = false;
	load_nat("masquerade");
	cr_expect_eq(judge(&by_macsec), NETFILTER_CANNOT_HIT);
	load("table ip d {\n chain out {\n type nat hook output priority -100;\n udp dport 4791 dnat to 10.77.0.9\n "
	     "}\n}");
	cr_expect_eq(judge(&by_macsec), NETFILTER_HITS, "but not by another destination");
	load_route("meta mark set 7");
	cr_expect_eq(judge(&by_macsec), NETFILTER_HITS);
}

/* Packets of IPsec are ESP there. */
Test(netfilter, egress_of_the_netdev)
{
	struct netfilter_flow by_v0 = to_one, by_other = to_one;

	by_v0.by_address = by_other.by_address = false;
	shell("ip link add v0 type veth peer name v1");
	snprintf(by_v0.netdev, sizeof(by_v0.netdev), "v0");
	load("table netdev e {\n chain out {\n type filter hook egress device v0 priority 0;\n"
	     " udp dport 4791 fwd to v1\n }\n}");
	cr_expect_eq(judge(&by_v0), NETFILTER_HITS);
	cr_expect_eq(judge(&by_other), NETFILTER_CANNOT_HIT, "by another netdev");
	by_v0.by_address = true;
	cr_expect_eq(judge(&by_v0), NETFILTER_CANNOT_HIT, "as ESP");
}

Test(netfilter, other_families_are_not_on_the_way)
{
	union ip_address local6, remote6;
	const struct netfilter_flow v6 = {
		.family = AF_INET6, .local = &local6, .remote = &remote6, .netdev = "eth0", .by_address = true
	};

	inet_pton(AF_INET6, "fd77::1", &local6);
	inet_pton(AF_INET6, "fd77::2", &remote6);
	load("table ip6 n {\n chain post {\n type nat hook postrouting priority 100;\n"
	     " ip6 daddr fd77::/64 udp dport 4791 masquerade\n }\n}");
	cr_expect_eq(judge(&to_one), NETFILTER_CANNOT_HIT);
	cr_expect_eq(judge(&v6), NETFILTER_HITS);
	load("table inet n {\n chain post {\n type nat hook postrouting priority 100;\n"
	     " ip6 daddr fd78::/64 masquerade\n ip saddr 10.77.0.1 masquerade\n }\n}");
	cr_expect_eq(judge(&to_one), NETFILTER_HITS);
	cr_expect_eq(judge(&v6), NETFILTER_CANNOT_HIT);
}

Test(netfilter, dormant_tables_are_not_on_the_way)
{
	load("table ip n {\n flags dormant\n chain post {\n type nat hook postrouting priority 100;\n masquerade\n "
	     "}\n}");
	cr_expect_eq(judge(&to_one), NETFILTER_CANNOT_HIT);
}

/* As docker and kube-proxy have them, in the words of nft. */
static const char containers[] =
	"table ip nat {\n"
	" chain DOCKER {\n  iifname \"docker0\" return\n  iifname != \"docker0\" tcp dport 8080 dnat to "
	"172.17.0.2:80\n }\n"
	" chain KUBE-MARK-MASQ {\n  meta mark set meta mark or 0x4000\n }\n"
	" chain KUBE-SVC {\n  ip saddr != 10.244.0.0/16 jump KUBE-MARK-MASQ\n  dnat to 10.244.0.7\n }\n"
	" chain KUBE-NODEPORTS {\n  udp dport 30053 jump KUBE-SVC\n }\n"
	" chain KUBE-SERVICES {\n  ip daddr 10.96.0.10 udp dport 53 jump KUBE-SVC\n"
	"  ip daddr 10.96.0.1 tcp dport 443 jump KUBE-SVC\n  fib daddr type local jump KUBE-NODEPORTS\n }\n"
	" chain KUBE-POSTROUTING {\n  meta mark and 0x4000 != 0x4000 return\n  meta mark set meta mark xor 0x4000\n"
	"  masquerade fully-random\n }\n"
	" chain OUTPUT {\n  type nat hook output priority -100; policy accept;\n  jump KUBE-SERVICES\n"
	"  ip daddr != 127.0.0.0/8 fib daddr type local jump DOCKER\n }\n"
	" chain POSTROUTING {\n  type nat hook postrouting priority srcnat; policy accept;\n  jump KUBE-POSTROUTING\n"
	"  oifname != \"docker0\" ip saddr 172.17.0.0/16 masquerade\n"
	"  ip saddr 172.17.0.2 ip daddr 172.17.0.2 tcp dport 80 masquerade\n }\n}\n"
	"table ip filter {\n chain FORWARD {\n  type filter hook forward priority 0; policy drop;\n }\n"
	" chain OUTPUT {\n  type filter hook output priority 0; policy accept;\n"
	"  ct state invalid drop\n }\n}\n";

Test(netfilter, rules_of_containers_do_not_concern_the_path)
{
	load(containers);
	cr_expect_eq(judge(&to_one), NETFILTER_CANNOT_HIT, "%s", chain);
	cr_expect_eq(judge(&to_every), NETFILTER_CANNOT_HIT, "%s", chain);
}

Test(netfilter, cannot_be_read_without_privilege)
{
	struct netfilter *netfilter = NULL;
	char error[128];

	cr_assert_eq(seteuid(65534), 0);
	cr_expect_eq(netfilter_read(&netlink_kernel, &netfilter, error, sizeof(error)), -EPERM);
	cr_expect_null(netfilter);
	/* for LeakSanitizer */
	cr_assert_eq(seteuid(0), 0);
	cr_assert_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}
