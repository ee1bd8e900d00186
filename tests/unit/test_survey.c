// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The rows of `rdmasec status`, and their conversion to and from records. */
#include "judge/survey.h"

#include "decide_fixture.h"
#include "hazards/cache.h"
#include "netns_fixture.h"
#include "record_fixture.h"
#include "util/address.h"
#include "xfrm/table_internal.h"
#include "xfrm_messages.h"

/* One rxe device: GID 0 is 10.0.0.1 on eth0, GID 1 is 10.0.0.1 on macsec0, GID 2 is 2001:db8::1 on eth0. */
static struct rdma_gid gids[3];
static struct rdma_port port = { .number = 1,
				 .link_layer = LINK_LAYER_ETHERNET,
				 .active = true,
				 .netdev_ifindex = ETH0,
				 .gids = gids,
				 .gid_count = 3 };
static struct rdma_device device = {
	.name = "rxe0", .driver_known = true, .driver_id = RDMA_DRIVER_RXE, .ports = &port, .port_count = 1
};
static struct rdma_inventory inventory = { &device, 1 };
static struct world world;
static struct evidence ev;
static struct xfrm_table *ev_xfrm;

static int route_by_oif(void *context, int family, const union ip_address *src, const union ip_address *dst, int oif,
			int *out_ifindex)
{
	(void)context;
	(void)family;
	(void)src;
	(void)dst;
	*out_ifindex = oif;
	return 0;
}

static void add_gid(uint8_t index, int family, const char *address, const char *netdev)
{
	union ip_address ip = { .bytes = { 0 } };

	cr_assert_eq(inet_pton(family, address, ip.bytes), 1);
	gids[index] = (struct rdma_gid){ .valid = true, .index = index, .type = GID_TYPE_ROCE_V2 };
	gid_from_address(family, &ip, gids[index].raw);
	text_copy(gids[index].netdev, sizeof(gids[index].netdev), netdev);
}

static void enter(void)
{
	world_init(&world, RDMA_DRIVER_RXE, AF_INET, ETH0);
	add_gid(0, AF_INET, "10.0.0.1", "eth0");
	add_gid(1, AF_INET, "10.0.0.1", "macsec0");
	add_gid(2, AF_INET6, "2001:db8::1", "eth0");
}

TestSuite(survey, .init = enter);

/* The world's evidence; it lives until the next test. */
static struct survey_view view_of_world(const struct policy *policy)
{
	ev = world.ev;
	ev.links = world.links;
	world.secy.rxsc = world.rxsc;
	ev.secys = &world.secy;
	xfrm_table_free(ev_xfrm);
	ev.xfrm = ev_xfrm = world_table(&world);
	return (struct survey_view){ .policy = policy, .evidence = &ev, .route_get = route_by_oif, .uid = 1000 };
}

static const struct survey_row *row_to(const struct survey *survey, uint32_t gid, const char *remote)
{
	for (size_t i = 0; i < survey->count; i++) {
		struct wire_record record;

		survey_record(&survey->rows[i], &record);
		if (record.gid_index == gid && !strcmp(record.remote, remote))
			return &survey->rows[i];
	}
	return NULL;
}

static const char *words_of_row(const struct survey_row *row)
{
	return words_of(&row->verdict, &row->path);
}

Test(survey, has_one_row_per_gid)
{
	struct survey_view view = view_of_world(policy_builtin());
	struct survey survey = { 0 };

	cr_assert_eq(survey_all(&survey, &view, &inventory), 0);
	cr_expect_eq(survey.count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		const struct survey_row *row = row_to(&survey, i, "any");

		cr_assert_not_null(row, "GID %u", i);
		cr_expect_neq(row->verdict.kind, VERDICT_PROTECTED);
		cr_expect(row->verdict.why[0].reason && !strcmp(row->rule->name, "default"));
	}
	survey_free(&survey);
	expect_no_leak();
}

/* Every way in which an xfrm policy adds a row for its remote, or does not. */
Test(survey, adds_row_for_each_remote_of_policies)
{
	struct survey survey = { 0 };
	struct survey_view view;

	world_add_ipsec(&world);                                       /* 10.0.0.1 to 10.0.0.2 */
	add_policy(&world, esp_policy(&world, XFRM_POLICY_OUT, 0, 3)); /* from any address */
	add_policy(&world, esp_policy(&world, XFRM_POLICY_OUT, 9, 4)); /* from another address */
	add_policy(&world, esp_policy(&world, XFRM_POLICY_OUT, 1, 5))->tmpl_count = 0;
	add_policy(&world, esp_policy(&world, XFRM_POLICY_OUT, 1, 6))->sel.daddr_prefix = 24;
	view = view_of_world(policy_builtin());
	cr_assert_eq(survey_all(&survey, &view, &inventory), 0);
	cr_assert_not_null(row_to(&survey, 0, "10.0.0.2"));
	cr_expect_eq(row_to(&survey, 0, "10.0.0.2")->verdict.kind, VERDICT_PROTECTED, "%s",
		     words_of_row(row_to(&survey, 0, "10.0.0.2")));
	cr_assert_not_null(row_to(&survey, 0, "10.0.0.3"));
	cr_expect_neq(row_to(&survey, 0, "10.0.0.3")->verdict.kind, VERDICT_PROTECTED, "the remote has no SA");
	cr_expect_null(row_to(&survey, 0, "10.0.0.4"));
	cr_expect_null(row_to(&survey, 0, "10.0.0.5"));
	cr_expect_null(row_to(&survey, 0, "10.0.0.6"));
	cr_expect_null(row_to(&survey, 0, "10.0.0.1"), "inbound policies name no remote");
	cr_expect_null(row_to(&survey, 2, "10.0.0.2"), "an IPv6 GID does not reach it");
	survey_free(&survey);
	expect_no_leak();
}

static const struct policy *parsed(const char *text)
{
	struct policy *policy = NULL;
	char error[POLICY_ERROR_MAX] = "";

	cr_assert_eq(policy_parse("test", text, strlen(text), &policy, error, sizeof(error)), 0, "%s", error);
	return policy;
}

/* ---- what leads packets elsewhere ---- */

static bool is_gated(void *context, const struct evidence *of, int ifindex)
{
	(void)context;
	cr_expect(of == &ev && ifindex == ETH0);
	return true;
}

static const struct netfilter *rules_of(void *context, const char **error)
{
	return hazard_cache_netfilter(context, error);
}

static const struct traffic *filters_of(void *context, int ifindex, const char **error)
{
	return hazard_cache_traffic(context, ifindex, error);
}

static const struct legacy_rules *legacy_of(void *context)
{
	return hazard_cache_legacy(context);
}

/* What is in the test's network namespace. */
static struct hazard_cache *look_at_own(struct survey_view *view)
{
	struct hazard_cache *cache = hazard_cache_new(&netlink_kernel, true);

	cr_assert(cache);
	view->bypass = (struct bypass_view){
		.netfilter = rules_of, .traffic = filters_of, .legacy = legacy_of, .context = cache
	};
	return cache;
}

/* The row of GID 0 to 10.0.0.2, which IPsec protects, over the rules of the test's network namespace. */
static struct survey_row with_rules(const struct policy *policy, const char *rules,
				    bool (*gated)(void *context, const struct evidence *ev, int ifindex))
{
	struct survey_view view = view_of_world(policy);
	struct hazard_cache *cache = look_at_own(&view);
	struct survey survey = { 0 };
	struct survey_row row;
	char command[512];

	snprintf(command, sizeof(command), "nft 'flush ruleset; %s'", rules);
	shell(command);
	view.bypass.gated = gated;
	cr_assert_eq(survey_all(&survey, &view, &inventory), 0);
	cr_assert_not_null(row_to(&survey, 0, "10.0.0.2"));
	row = *row_to(&survey, 0, "10.0.0.2");
	survey_free(&survey);
	hazard_cache_free(cache);
	return row;
}

#define TRANSLATES(what) "table ip n { chain p { type nat hook postrouting priority 100; " what "masquerade; }; }"

static void enter_with_nft(void)
{
	netns_enter();
	if (system("nft 'add table ip probe; delete table ip probe' 2>/dev/null"))
		skip_test("no nft, or no nftables in this kernel");
	world_add_ipsec(&world);
}

Test(survey, names_rules_that_lead_packets_elsewhere)
{
	struct wire_record record;
	struct survey_row row;

	enter_with_nft();
	row = with_rules(policy_builtin(), TRANSLATES(""), NULL);
	cr_expect_eq(row.verdict.kind, VERDICT_UNPROTECTED);
	survey_record(&row, &record);
	cr_expect_str_eq(record.text, "netfilter chain ip n p leads packets from GID 0 past their protection");
	row = with_rules(policy_builtin(), TRANSLATES("ct state new "), NULL);
	cr_expect_eq(row.verdict.kind, VERDICT_PROTECTED);
	survey_record(&row, &record);
	cr_expect(strstr(record.details, "; netfilter chain ip n p may lead packets past it"), "%s", record.details);
	row = with_rules(policy_builtin(), TRANSLATES("tcp dport 1 "), NULL);
	cr_expect_eq(row.verdict.kind, VERDICT_PROTECTED);
	cr_expect_str_empty(row.verdict.detour);
	row = with_rules(policy_builtin(), TRANSLATES(""), is_gated);
	cr_expect_eq(row.verdict.kind, VERDICT_PROTECTED, "the gate stops them");
	cr_expect_str_empty(row.verdict.detour);
}

Test(survey, strict_accepts_no_rule_that_may_lead_packets_elsewhere)
{
	const struct policy *strict = parsed("[default]\nstrict = yes\n");
	struct wire_record record;
	struct survey_row row;

	enter_with_nft();
	row = with_rules(strict, TRANSLATES("ct state new "), NULL);
	cr_expect_eq(row.verdict.kind, VERDICT_UNKNOWN);
	survey_record(&row, &record);
	cr_expect_str_eq(record.text, "packets from GID 0 may be led past their protection, which the policy does not "
				      "accept (strict = yes): netfilter chain ip n p may lead packets past it");
	row = with_rules(strict, TRANSLATES("tcp dport 1 "), NULL);
	cr_expect_eq(row.verdict.kind, VERDICT_PROTECTED);
	row = with_rules(strict, TRANSLATES("ct state new "), is_gated);
	cr_expect_eq(row.verdict.kind, VERDICT_PROTECTED);
	policy_free(strict);
}

/* The row of GID 1 to 10.0.0.2, which MACsec protects, over the filters of the test's network namespace. */
static struct survey_row with_filter(const char *filter)
{
	struct survey_view view = view_of_world(policy_builtin());
	struct survey survey = { 0 };
	struct hazard_cache *cache;
	struct survey_row row;
	char command[256];
	uint8_t remote[16];

	snprintf(command, sizeof(command),
		 "tc filter del dev macsec0 egress; tc filter add dev macsec0 egress prio 10 %s", filter);
	shell(command);
	gid_from_address(AF_INET, &(union ip_address){ .bytes = { 10, 0, 0, 2 } }, remote);
	cache = look_at_own(&view);
	cr_assert_eq(survey_path(&survey, &view, &device, 1, 1, REMOTE_ONE, remote), 0);
	row = survey.rows[0];
	survey_free(&survey);
	hazard_cache_free(cache);
	return row;
}

Test(survey, names_filters_of_tc_that_lead_packets_elsewhere)
{
	struct wire_record record;
	struct survey_row row;

	netns_enter();
	if (system("ip link add macsec0 index 3 type veth peer name eth0 && tc qdisc add dev macsec0 clsact && "
		   "tc filter add dev macsec0 egress u32 match u32 0 0 action mirred egress redirect dev eth0"))
		skip_test("no veth, no tc, or no u32 or mirred in this kernel");
	world_add_macsec(&world);
	port.netdev_ifindex = MACSEC0;
	row = with_filter("u32 match u32 0 0 action mirred egress redirect dev eth0");
	cr_expect_eq(row.verdict.kind, VERDICT_UNPROTECTED);
	survey_record(&row, &record);
	cr_expect_str_eq(record.text,
			 "tc filter u32 pref 10 on macsec0 leads packets from GID 1 past their protection");
	row = with_filter("protocol ip u32 match ip sport 50000 0xffff action mirred egress mirror dev eth0");
	cr_expect_eq(row.verdict.kind, VERDICT_PROTECTED, "%s", words_of_row(&row));
	cr_expect_str_eq(row.verdict.detour, "tc filter u32 pref 10 on macsec0 may lead packets past it");
	row = with_filter("protocol ip u32 match ip dport 53 0xffff action mirred egress redirect dev eth0");
	cr_expect_eq(row.verdict.kind, VERDICT_PROTECTED);
	cr_expect_str_empty(row.verdict.detour);
}

/* What tc sees of IPsec is ESP, except in VXLAN. */
static const struct traffic *no_filters_of(void *context, int ifindex, const char **error)
{
	(void)context;
	(void)error;
	cr_expect_fail("filters of %d were asked for", ifindex);
	return NULL;
}

Test(survey, filters_of_tc_are_not_looked_at_over_ipsec)
{
	struct survey_view view;
	struct survey survey = { 0 };

	world_add_ipsec(&world);
	view = view_of_world(policy_builtin());
	view.bypass.traffic = no_filters_of;
	cr_assert_eq(survey_all(&survey, &view, &inventory), 0);
	cr_expect_eq(row_to(&survey, 0, "10.0.0.2")->verdict.kind, VERDICT_PROTECTED);
	survey_free(&survey);
}

static const struct netfilter *unreadable_rules(void *context, const char **error)
{
	(void)context;
	*error = "it is too long";
	return NULL;
}

/* The row of GID 0 to 10.0.0.2, over rules that cannot be read. */
static struct survey_row without_rules(const struct policy *policy, bool is_said)
{
	struct survey_view view;
	struct survey survey = { 0 };
	struct survey_row row;

	world_add_ipsec(&world);
	view = view_of_world(policy);
	view.bypass = (struct bypass_view){ .netfilter = unreadable_rules, .is_said = is_said };
	cr_assert_eq(survey_all(&survey, &view, &inventory), 0);
	row = *row_to(&survey, 0, "10.0.0.2");
	survey_free(&survey);
	return row;
}

Test(survey, tells_why_netfilter_is_not_known)
{
	struct survey_row row = without_rules(policy_builtin(), false);

	cr_expect_eq(row.verdict.kind, VERDICT_PROTECTED);
	cr_expect_str_eq(row.verdict.detour, "netfilter is not known: it is too long");
}

Test(survey, tells_once_why_netfilter_is_not_known)
{
	struct survey_row row = without_rules(policy_builtin(), true);

	cr_expect_eq(row.verdict.kind, VERDICT_PROTECTED);
	cr_expect_str_empty(row.verdict.detour);
}

Test(survey, strict_accepts_no_unknown_rules)
{
	const struct policy *strict = parsed("[default]\nstrict = yes\n");

	for (int is_said = 0; is_said < 2; is_said++) {
		struct survey_row row = without_rules(strict, is_said);

		cr_expect_eq(row.verdict.kind, VERDICT_UNKNOWN);
		cr_expect_eq(row.verdict.why[0].reason, REASON_STRICT);
	}
	policy_free(strict);
}

/* A table loaded from a dump yields the same remotes as one that the test creates. */
Test(survey, finds_same_remotes_in_loaded_table)
{
	struct fake_kernel kernel = { 0 };
	const struct netlink_transport transport = fake_transport(&kernel);
	struct xfrm_table *table = xfrm_table_new();
	struct survey listed = { 0 }, tabled = { 0 };
	struct survey_view view;
	char error[128] = "";

	world_add_ipsec(&world);
	add_policy(&world, esp_policy(&world, XFRM_POLICY_OUT, 0, 3))->index = 17;
	add_policy(&world, esp_policy(&world, XFRM_POLICY_OUT, 9, 4))->index = 25;
	say_xfrm(&kernel, world.policies, world.policy_count, world.sas, world.sa_count);
	cr_assert_not_null(table);
	table->policies_may_have_contexts = false; /* independent of the test host */
	cr_assert_eq(xfrm_table_load(table, &transport, error, sizeof(error)), EVIDENCE_READ, "%s", error);
	view = view_of_world(policy_builtin());
	cr_assert_eq(survey_all(&listed, &view, &inventory), 0);
	ev.xfrm = table;
	cr_assert_eq(survey_all(&tabled, &view, &inventory), 0);
	cr_expect_eq(tabled.count, listed.count);
	for (size_t i = 0; i < listed.count; i++) {
		const struct survey_row *same;
		struct wire_record one, other;

		survey_record(&listed.rows[i], &one);
		same = row_to(&tabled, one.gid_index, one.remote);
		cr_assert_not_null(same, "GID %u to %s", one.gid_index, one.remote);
		survey_record(same, &other);
		cr_expect_eq(memcmp(&one, &other, sizeof(one)), 0, "GID %u to %s", one.gid_index, one.remote);
	}
	cr_assert_not_null(row_to(&tabled, 0, "10.0.0.2"));
	cr_expect_eq(row_to(&tabled, 0, "10.0.0.2")->verdict.kind, VERDICT_PROTECTED);
	cr_expect_not_null(row_to(&tabled, 0, "10.0.0.3"));
	survey_free(&listed);
	survey_free(&tabled);
	xfrm_table_free(table);
	fake_reset(&kernel);
	expect_no_leak();
}

Test(survey, adds_no_rows_for_protected_gid)
{
	struct survey survey = { 0 };
	struct survey_view view;

	world_add_macsec(&world);
	world_add_ipsec(&world);
	port.netdev_ifindex = MACSEC0; /* rxe receives only on its own netdev */
	view = view_of_world(policy_builtin());
	cr_assert_eq(survey_all(&survey, &view, &inventory), 0);
	cr_assert_not_null(row_to(&survey, 1, "any"));
	cr_expect_eq(row_to(&survey, 1, "any")->verdict.kind, VERDICT_PROTECTED, "%s",
		     words_of_row(row_to(&survey, 1, "any")));
	cr_expect_null(row_to(&survey, 1, "10.0.0.2"));
	cr_expect_not_null(row_to(&survey, 0, "10.0.0.2"));
	survey_free(&survey);
	expect_no_leak();
}

/* As `check -r` and queue pairs of one remote: routes by other netdevs concern only datagrams. */
Test(survey, ipv6_gid_on_macsec_is_protected_for_remotes_of_its_netdev)
{
	struct route6_evidence routes[] = {
		{ .dst = { { 0x20, 1, 0xd, 0xb8, 9 } }, .dst_prefix = 48, .ifindex = ETH1 },
		{ .dst = { { 0x20, 1, 0xd, 0xb8 } }, .dst_prefix = 64, .ifindex = MACSEC0 }
	};
	struct survey survey = { 0 };
	struct wire_record record;
	struct survey_view view;

	world_add_macsec(&world);
	port.netdev_ifindex = MACSEC0;
	add_gid(2, AF_INET6, "2001:db8::1", "macsec0");
	view = view_of_world(policy_builtin());
	ev.routes6 = routes;
	ev.route6_count = 2;
	cr_assert_eq(survey_all(&survey, &view, &inventory), 0);
	cr_expect_null(row_to(&survey, 2, "any"), "not for every remote");
	cr_assert_not_null(row_to(&survey, 2, "any via macsec0"));
	survey_record(row_to(&survey, 2, "any via macsec0"), &record);
	cr_expect_eq(record.verdict, VERDICT_PROTECTED, "%s", record.text);
	cr_expect(strstr(record.details, "2001:db8:900::/48 leaves by eth1: datagrams are refused"), "%s",
		  record.details);
	cr_expect_eq(wire_check(&record, sizeof(record), WIRE_LISTS), WIRE_RECORD);
	cr_expect_not_null(row_to(&survey, 1, "any"), "IPv4 is bound to its netdev");
	/* with another defect the row is that of every remote */
	survey_free(&survey);
	world.secy.encrypt = false;
	view = view_of_world(policy_builtin());
	ev.routes6 = routes;
	ev.route6_count = 2;
	cr_assert_eq(survey_all(&survey, &view, &inventory), 0);
	cr_assert_not_null(row_to(&survey, 2, "any"));
	cr_expect_eq(row_to(&survey, 2, "any")->verdict.kind, VERDICT_UNPROTECTED);
	/* `rdmasec check` without a remote keeps asking for every one */
	survey_free(&survey);
	world.secy.encrypt = true;
	view = view_of_world(policy_builtin());
	ev.routes6 = routes;
	ev.route6_count = 2;
	cr_assert_eq(survey_path(&survey, &view, &device, 1, 2, REMOTE_EVERY, NULL), 0);
	cr_expect_eq(survey.rows[0].verdict.kind, VERDICT_UNPROTECTED);
	survey_free(&survey);
	expect_no_leak();
}

/* For "any", the remote is unknown and the user is known. */
Test(survey, applies_matching_rule)
{
	const struct policy *policy = parsed("[rule mine]\nmatch-uid = 1000\nrequire = none\n"
					     "[default]\nrequire = ipsec\n"),
			    *remotes = parsed("[rule net]\nmatch-remote = 10.0.0.0/8\nrequire = none\n"
					      "[default]\nrequire = ipsec\n");
	struct survey_view view = view_of_world(policy);
	struct survey survey = { 0 };
	uint8_t remote[16];

	gid_from_address(AF_INET, &(union ip_address){ .bytes = { 10, 0, 0, 2 } }, remote);
	cr_assert_eq(survey_path(&survey, &view, &device, 1, 0, REMOTE_EVERY, NULL), 0);
	cr_expect_str_eq(survey.rows[0].rule->name, "mine");
	cr_expect_eq(survey.rows[0].verdict.by, BY_POLICY_NONE);
	view.uid = 1001;
	cr_assert_eq(survey_path(&survey, &view, &device, 1, 0, REMOTE_EVERY, NULL), 0);
	cr_expect_str_eq(survey.rows[1].rule->name, "default");
	view.policy = remotes;
	cr_assert_eq(survey_path(&survey, &view, &device, 1, 0, REMOTE_EVERY, NULL), 0);
	cr_expect_str_eq(survey.rows[2].rule->name, "default", "the worse of the two rules that could match");
	cr_assert_eq(survey_path(&survey, &view, &device, 1, 0, REMOTE_ONE, remote), 0);
	cr_expect_str_eq(survey.rows[3].rule->name, "net");
	survey_free(&survey);
	policy_free(policy);
	policy_free(remotes);
	expect_no_leak();
}

Test(survey, rows_convert_to_records)
{
	struct survey_view view = view_of_world(policy_builtin());
	struct survey survey = { 0 };
	struct wire_record record;
	uint8_t remote[16];

	gid_from_address(AF_INET, &(union ip_address){ .bytes = { 10, 0, 0, 2 } }, remote);
	cr_assert_eq(survey_path(&survey, &view, &device, 1, 0, REMOTE_ONE, remote), 0);
	survey_record(&survey.rows[0], &record);
	cr_expect_eq(wire_check(&record, sizeof(record), WIRE_LISTS), WIRE_RECORD);
	cr_expect_str_eq(record.device, "rxe0");
	cr_expect(record.port == 1 && record.gid_index == 0 && record.has == WIRE_RECORD_HAS_GID);
	cr_expect_str_eq(record.local, "10.0.0.1");
	cr_expect_str_eq(record.remote, "10.0.0.2");
	cr_expect_str_eq(record.gid_type, "RoCE v2");
	cr_expect_str_eq(record.netdev, "eth0");
	cr_expect_str_eq(record.rule, "default");
	cr_expect_eq(record.verdict, VERDICT_UNPROTECTED);
	cr_expect_str_eq(record.text, words_of_row(&survey.rows[0]));
	cr_expect_str_eq(record.details, "");
	/* a missing GID, and a remote that the path does not reach */
	cr_assert_eq(survey_path(&survey, &view, &device, 1, 7, REMOTE_ONE, remote), 0);
	survey_record(&survey.rows[1], &record);
	cr_expect_eq(wire_check(&record, sizeof(record), WIRE_LISTS), WIRE_RECORD);
	cr_expect_str_eq(record.local, "");
	cr_expect_str_eq(record.gid_type, "");
	cr_expect_str_eq(record.remote, "10.0.0.2");
	cr_expect_neq(record.verdict, VERDICT_PROTECTED);
	/* a name with terminal control characters */
	text_copy(survey.rows[0].path.netdev, sizeof(survey.rows[0].path.netdev), "eth\x1b[2J");
	survey_record(&survey.rows[0], &record);
	cr_expect_eq(wire_check(&record, sizeof(record), WIRE_LISTS), WIRE_RECORD);
	cr_expect_str_eq(record.netdev, "eth?[2J");
	survey_free(&survey);
	expect_no_leak();
}
