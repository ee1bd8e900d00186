// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Requests on protected paths, where rules of netfilter lead packets elsewhere or may do so. */
#include <arpa/inet.h> /* before the kernel's, which leave out what it defines */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netlink/msg.h>

#include "hazards/rules.h"
#include "judgement_fixture.h"

static const char strict[] = "[default]\nstrict = yes\n";

static struct netfilter netfilter;
static struct nft_chain chain = { .family = NFPROTO_IPV4,
				  .table = (char[]){ "n" },
				  .name = (char[]){ "post" },
				  .hook = NFT_HOOK_POSTROUTING,
				  .is_base = true };
static struct nft_rule rule;
static struct nl_msg *expressions;

/* One rule: the expression of this name. "masq": translates all addresses; one that is unknown may do so. */
static void rule_with(const char *name)
{
	struct nlattr *list, *element;

	expressions = nlmsg_alloc();
	cr_assert(expressions);
	list = nla_nest_start(expressions, NFTA_RULE_EXPRESSIONS);
	element = nla_nest_start(expressions, NFTA_LIST_ELEM);
	cr_assert_eq(nla_put_string(expressions, NFTA_EXPR_NAME, name), 0);
	nla_nest_end(expressions, element);
	nla_nest_end(expressions, list);
	rule.expressions = list;
	chain.rules = chain.last = &rule;
	netfilter = (struct netfilter){ .chains = &chain, .chain_count = 1, .rule_count = 1 };
}

static const struct netfilter *rules_of(void *context, const char **error)
{
	cr_expect_eq(context, &netfilter);
	*error = "it takes CAP_NET_ADMIN to read it";
	return netfilter.chain_count ? &netfilter : NULL;
}

static struct legacy_rules legacy;

static const struct legacy_rules *legacy_of(void *context)
{
	cr_expect_eq(context, &netfilter);
	return &legacy;
}

static bool is_gated(void *context, const struct evidence *ev, int ifindex)
{
	cr_expect(context == &netfilter && ev);
	return ifindex == ETH0;
}

static void look_at_rules(void)
{
	bypass = (struct bypass_view){
		.netfilter = rules_of, .legacy = legacy_of, .context = &netfilter, .each_remote = true
	};
	legacy.ip.state = legacy.ip6.state = LEGACY_NONE;
}

static void host_with(const char *expression)
{
	rxe_with_ipsec();
	look_at_rules();
	if (expression)
		rule_with(expression);
}

static void free_rule(void)
{
	nlmsg_free(expressions);
	expressions = NULL;
}

TestSuite(judgement_bypass, .fini = free_rule);

Test(judgement_bypass, refuses_address_whose_packets_rule_leads_elsewhere)
{
	host_with("masq");
	EXPECT_REFUSED(ask(NULL, modify(0, PEER)), "netfilter");
	cr_expect(strstr(line, "netfilter chain ip n post leads packets from GID 0 past their protection"), "%s", line);
}

Test(judgement_bypass, audit_reports_rule_that_leads_packets_elsewhere)
{
	host_with("masq");
	EXPECT_AUDITED(ask("[default]\nmode = audit\n", modify(0, PEER)), "netfilter");
}

/* No SA can help, and the kernel does not drop the packets. */
Test(judgement_bypass, grants_neither_grace_nor_wait)
{
	struct judgement answer;

	host_with("masq");
	answer = ask("[default]\ngrace = 10s\n", modify(0, PEER));
	cr_expect_not(answer.pass);
	cr_expect_eq(answer.grace_ms, 0u);
	cr_expect_eq(answer.setup_ms, 0u);
}

/* Its remote comes later, and may be one that the rule exempts. */
Test(judgement_bypass, passes_creation_of_connected_qp)
{
	host_with("masq");
	EXPECT_PASS(ask(strict, create(IB_UVERBS_QPT_RC)));
}

Test(judgement_bypass, refuses_datagrams_that_rule_leads_elsewhere)
{
	rxe_on_macsec();
	look_at_rules();
	rule_with("dup");
	EXPECT_REFUSED(ask(NULL, create(IB_UVERBS_QPT_UD)), "netfilter");
}

Test(judgement_bypass, passes_with_remark_where_rule_may_lead_packets_elsewhere)
{
	struct judgement answer;
	char details[256];

	host_with("unheard-of");
	answer = ask(NULL, modify(0, PEER));
	EXPECT_PASS(answer);
	verdict_details(&answer.verdict, &answer.path, details, sizeof(details));
	cr_expect(strstr(details, "; netfilter chain ip n post may lead packets past it"), "%s", details);
}

Test(judgement_bypass, strict_refuses_where_rule_may_lead_packets_elsewhere)
{
	host_with("unheard-of");
	EXPECT_REFUSED(ask(strict, modify(0, PEER)), "strict");
}

Test(judgement_bypass, passes_with_remark_where_rules_cannot_be_read)
{
	struct judgement answer;

	host_with(NULL);
	answer = ask(NULL, modify(0, PEER));
	EXPECT_PASS(answer);
	cr_expect_str_eq(answer.verdict.detour, "netfilter is not known: it takes CAP_NET_ADMIN to read it");
}

Test(judgement_bypass, strict_refuses_where_rules_cannot_be_read)
{
	host_with(NULL);
	EXPECT_REFUSED(ask(strict, modify(0, PEER)), "strict");
}

/* In other network namespaces than the engine's. */
Test(judgement_bypass, strict_refuses_where_nothing_is_looked_at)
{
	rxe_with_ipsec();
	EXPECT_PASS(ask(NULL, modify(0, PEER)));
	EXPECT_REFUSED(ask(strict, modify(0, PEER)), "strict");
}

Test(judgement_bypass, passes_where_gate_stands)
{
	struct judgement answer;

	host_with("masq");
	bypass.gated = is_gated;
	answer = ask(strict, modify(0, PEER));
	EXPECT_PASS(answer);
	cr_expect_str_empty(answer.verdict.detour);
}

/* The QP must not be led to a GID that is protected as little. */
Test(judgement_bypass, names_no_better_gid_that_rule_hits)
{
	struct judgement answer;

	host_with("masq");
	add_gid("::ffff:10.0.0.9", "eth0");
	answer = ask(NULL, modify(0, PEER));
	cr_expect_not(answer.pass);
	cr_expect_not(answer.has_better_gid);
}

/* ---- iptables-legacy ---- */

/* Rules of nftables that match nothing, and one table of iptables-legacy. */
static void host_with_table(struct legacy_family *family)
{
	host_with("counter");
	*family = (struct legacy_family){ .state = LEGACY_HAS_RULES, .table = "nat" };
}

Test(judgement_bypass, passes_with_remark_beside_legacy_table)
{
	struct judgement answer;

	host_with_table(&legacy.ip);
	answer = ask(NULL, modify(0, PEER));
	EXPECT_PASS(answer);
	cr_expect_str_eq(answer.verdict.detour, "iptables-legacy table nat may lead packets past it");
	EXPECT_REFUSED(ask(strict, modify(0, PEER)), "strict");
}

Test(judgement_bypass, table_of_other_family_concerns_no_path)
{
	struct judgement answer;

	host_with_table(&legacy.ip6);
	answer = ask(strict, modify(0, PEER));
	EXPECT_PASS(answer);
	cr_expect_str_empty(answer.verdict.detour);
}

Test(judgement_bypass, unknown_legacy_tables_are_not_none)
{
	struct judgement answer;

	host_with("counter");
	legacy.ip = (struct legacy_family){ .err = -EACCES };
	answer = ask(NULL, modify(0, PEER));
	EXPECT_PASS(answer);
	cr_expect_str_eq(answer.verdict.detour, "iptables-legacy is not known: Permission denied");
	EXPECT_REFUSED(ask(strict, modify(0, PEER)), "strict");
}
