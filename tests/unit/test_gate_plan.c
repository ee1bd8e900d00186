// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Which netdevs need the gate, and which addresses the policy opens. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/facts.h"
#include "gate/plan.h"
#include "policy/policy.h"

/* ---- netdevs ---- */

enum { LO = 1, ETH0, ETH1, MACSEC0, BOND0, VLAN5, VXLAN0, VETH0, BR0, TAP0 };

static struct link_evidence links[] = {
	{ .ifindex = LO, .name = "lo", .loopback = true },
	{ .ifindex = ETH0, .name = "eth0", .master_ifindex = BOND0 },
	{ .ifindex = ETH1, .name = "eth1" },
	{ .ifindex = MACSEC0, .name = "macsec0", .kind = "macsec", .lower_ifindex = ETH1 },
	{ .ifindex = BOND0, .name = "bond0", .kind = "bond" },
	{ .ifindex = VLAN5, .name = "bond0.5", .kind = "vlan", .lower_ifindex = BOND0 },
	{ .ifindex = VXLAN0, .name = "vxlan0", .kind = "vxlan" },
	{ .ifindex = VETH0, .name = "veth0", .kind = "veth", .lower_in_other_netns = true },
	{ .ifindex = BR0, .name = "br0", .kind = "bridge" },
	{ .ifindex = TAP0, .name = "tap0", .kind = "tun", .master_ifindex = BR0 },
};

static bool is_needed(int ifindex, int under)
{
	struct evidence ev = { .links = links, .link_count = sizeof(links) / sizeof(links[0]) };

	return gate_is_needed(&ev, evidence_link(&ev, ifindex), &under, 1);
}

Test(gate_plan, gates_every_network_card)
{
	cr_expect(is_needed(ETH0, VLAN5));
	cr_expect(is_needed(ETH1, VLAN5), "a route could lead there");
}

Test(gate_plan, gates_no_netdev_with_another_below)
{
	cr_expect(!is_needed(MACSEC0, MACSEC0));
	cr_expect(!is_needed(BOND0, BOND0));
	cr_expect(!is_needed(VLAN5, VLAN5));
	cr_expect(!is_needed(BR0, BR0));
}

Test(gate_plan, gates_neither_loopback_nor_tunnels)
{
	cr_expect(!is_needed(LO, LO));
	cr_expect(!is_needed(VXLAN0, VXLAN0));
}

Test(gate_plan, gates_virtual_netdevs_only_below_an_rdma_device)
{
	cr_expect(is_needed(VETH0, VETH0));
	cr_expect(!is_needed(VETH0, ETH1));
	cr_expect(is_needed(TAP0, BR0));
	cr_expect(!is_needed(TAP0, ETH1));
}

Test(gate_plan, gates_a_veth_beside_its_peer)
{
	struct link_evidence pair[] = { { .ifindex = 1, .kind = "veth", .lower_ifindex = 2 },
					{ .ifindex = 2, .kind = "veth", .lower_ifindex = 1 } };
	struct evidence ev = { .links = pair, .link_count = 2 };
	int under = 1;

	cr_expect(gate_is_needed(&ev, &pair[0], &under, 1));
	cr_expect(!gate_is_needed(&ev, &pair[1], &under, 1), "the RDMA device is on the other end");
}

Test(gate_plan, ends_in_a_circle_of_netdevs)
{
	struct link_evidence circle[] = { { .ifindex = 1, .kind = "vlan", .lower_ifindex = 2 },
					  { .ifindex = 2, .kind = "vlan", .lower_ifindex = 1 },
					  { .ifindex = 3, .kind = "veth" } };
	struct evidence ev = { .links = circle, .link_count = 3 };
	int under = 1;

	cr_expect(!gate_is_needed(&ev, &circle[2], &under, 1));
}

/* ---- the policy ---- */

static struct gate_opening opened_by(const char *text)
{
	struct gate_opening opened;
	struct policy *policy;
	char error[POLICY_ERROR_MAX];

	cr_assert_eq(policy_parse("p", text, strlen(text), &policy, error, sizeof(error)), 0, "%s", error);
	cr_assert_eq(gate_opened_by(policy, &opened), 0);
	policy_free(policy);
	return opened;
}

static void expect_opened(const char *text, size_t count, size_t unopened)
{
	struct gate_opening opened = opened_by(text);

	cr_expect_eq(opened.count, count, "%s", text);
	cr_expect_eq(opened.unopened, unopened, "%s", text);
	cr_expect(!opened.all);
	gate_opening_free(&opened);
}

Test(gate_plan, opens_remotes_without_requirement)
{
	struct gate_opening opened = opened_by("[rule a]\nmatch-remote = 10.20.0.0/16\nrequire = none\n");
	unsigned char address[16];

	cr_assert_eq(opened.count, 1);
	inet_pton(AF_INET6, "::ffff:10.20.0.0", address);
	cr_expect_eq(opened.prefixes[0].bits, 96 + 16);
	cr_expect_arr_eq(opened.prefixes[0].address, address, 16);
	gate_opening_free(&opened);
}

Test(gate_plan, opens_audited_remotes)
{
	expect_opened("[rule a]\nmatch-remote = fd00::/8\nmode = audit\n", 1, 0);
	expect_opened("[rule a]\nmatch-remote = fd00::/8\nmode = off\n", 1, 0);
}

Test(gate_plan, opens_nothing_for_protective_rules)
{
	expect_opened("[rule a]\nmatch-remote = 10.20.0.0/16\nrequire = ipsec\n", 0, 0);
	expect_opened("[default]\nrequire = any\n", 0, 0);
}

Test(gate_plan, opens_nothing_for_rules_that_match_by_more)
{
	expect_opened("[rule a]\nmatch-remote = 10.20.0.0/16\nmatch-device = rxe0\nrequire = none\n", 0, 1);
	expect_opened("[rule a]\nmatch-uid = 0\nrequire = none\n", 0, 1);
}

Test(gate_plan, opens_nothing_that_an_earlier_rule_protects)
{
	expect_opened("[rule a]\nmatch-remote = 10.20.1.0/24\n[rule b]\nmatch-remote = 10.20.0.0/16\nrequire = none\n",
		      0, 1);
	expect_opened("[rule a]\nmatch-uid = 7\n[rule b]\nmatch-remote = 10.20.0.0/16\nrequire = none\n", 0, 1);
	expect_opened("[rule a]\nmatch-remote = 10.21.0.0/16\n[rule b]\nmatch-remote = 10.20.0.0/16\nrequire = none\n",
		      1, 0);
	expect_opened("[rule b]\nmatch-remote = 10.20.0.0/16\nrequire = none\n[rule a]\nmatch-remote = 10.20.1.0/24\n",
		      1, 0);
}

Test(gate_plan, reports_a_default_that_lets_all_in_clear)
{
	struct gate_opening opened = opened_by("[default]\nrequire = none\n");

	cr_expect(opened.all);
	opened = opened_by("[default]\nmode = audit\n");
	cr_expect(opened.all);
}

Test(gate_plan, lets_authenticated_macsec_pass_if_some_rule_is_content_with_it)
{
	struct gate_opening opened = opened_by("[default]\nrequire = any\n");

	cr_expect(!opened.authenticated);
	opened = opened_by("[rule a]\nmatch-uid = 7\nrequire = macsec\nintegrity-only = yes\n");
	cr_expect(opened.authenticated);
	cr_expect_eq(opened.count, 0);
	opened = opened_by("[default]\nrequire = macsec\nintegrity-only = yes\n");
	cr_expect(opened.authenticated);
}
