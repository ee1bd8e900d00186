// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The rule that a subject gets, whose properties are known or unknown. */
#include <arpa/inet.h>
#include <stdio.h>

#include "policy_fixture.h"

static const struct policy_subject known = {
	.device = "mlx5_0",
	.port = 1,
	.remote_known = true,
	.remote_family = AF_INET,
	.remote.bytes = { 10, 20, 200, 3 },
	.uid_known = true,
	.uid = 1000,
	.executable = "/opt/mpi/bin/ring",
};

static const struct policy_subject known6 = {
	.device = "rxe0",
	.port = 254,
	.remote_known = true,
	.remote_family = AF_INET6,
	.remote.bytes = { 0xfd, 0x81, [15] = 0x35 },
	.uid_known = true,
	.executable = "/usr/bin/ib_send_bw",
};

static const struct policy_subject unknown = { .device = "mlx5_0" };

static const struct {
	const char *keys;
	enum policy_match known, known6, unknown;
} matches[] = {
	{ "match-device = mlx5_0", MATCH_YES, MATCH_NO, MATCH_YES },
	{ "match-device = mlx5_*", MATCH_YES, MATCH_NO, MATCH_YES },
	{ "match-device = mlx5", MATCH_NO, MATCH_NO, MATCH_NO },
	{ "match-device = MLX5_0", MATCH_NO, MATCH_NO, MATCH_NO },
	{ "match-device = *0", MATCH_YES, MATCH_YES, MATCH_YES },
	{ "match-device = mlx5_[!0]", MATCH_NO, MATCH_NO, MATCH_NO },
	{ "match-device = mlx5\\_?", MATCH_YES, MATCH_NO, MATCH_YES },
	{ "match-port = 1", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-port = 254", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-uid = 1000", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-uid = 0", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-executable = /opt/*/bin/ring", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-executable = /opt/*/ring", MATCH_NO, MATCH_NO, MATCH_MAYBE }, /* '*' stops at '/' */
	{ "match-executable = /*", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-executable = /usr/bin/ib_*_bw", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-remote = 10.20.0.0/16", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 10.21.0.0/16", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 10.20.128.0/17", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 10.20.0.0/17", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 10.20.200.2/31", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 10.20.200.3", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 10.20.200.2", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 0.0.0.0/0", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 0.0.0.0/1", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 128.0.0.0/1", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = ::/0", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-remote = fc00::/7", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-remote = fd00::/9", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = fd81::34/127", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-remote = fd81::35", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-remote = fd81::34", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	/* all keys together: NO wins over MAYBE, MAYBE over YES */
	{ "match-device = mlx5_0\nmatch-port = 1\nmatch-remote = 10.0.0.0/8\nmatch-uid = 1000\n"
	  "match-executable = /opt/mpi/bin/*",
	  MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-device = mlx5_0\nmatch-port = 2", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-device = mlx5_1\nmatch-port = 1", MATCH_NO, MATCH_NO, MATCH_NO },
	{ "match-uid = 1000\nmatch-remote = 10.9.0.0/16", MATCH_NO, MATCH_NO, MATCH_MAYBE },
};

Test(policy_matching, matches_known_and_unknown_subjects)
{
	for (size_t i = 0; i < COUNT(matches); i++) {
		char text[512];

		snprintf(text, sizeof(text), "[rule a]\n%s\n", matches[i].keys);
		struct policy *policy = parse(text);
		const struct policy_rule *rule = policy_rule_at(policy, 0);

		cr_expect_eq(policy_rule_match(rule, &known), matches[i].known, "%s: known", text);
		cr_expect_eq(policy_rule_match(rule, &known6), matches[i].known6, "%s: known6", text);
		cr_expect_eq(policy_rule_match(rule, &unknown), matches[i].unknown, "%s: unknown", text);
		policy_free(policy);
	}
}

/* An address of an unknown family matches neither IPv4 nor IPv6. */
Test(policy_matching, does_not_match_remote_of_other_family)
{
	struct policy *policy = parse("[rule a]\nmatch-remote = 0.0.0.0/0\n");
	struct policy_subject subject = known;

	subject.remote_family = AF_UNIX;
	cr_expect_eq(policy_rule_match(policy_rule_at(policy, 0), &subject), MATCH_NO);
	policy_free(policy);
}

static void expect_walk(const struct policy *policy, const struct policy_subject *subject, const char *want)
{
	char walk[128] = "";
	const struct policy_rule *rule;
	size_t cursor = 0;

	while ((rule = policy_next(policy, subject, &cursor)))
		snprintf(walk + strlen(walk), sizeof(walk) - strlen(walk), "%s ", rule->name);
	cr_expect_str_eq(walk, want, "got %s, want %s", walk, want);
	cr_expect_null(policy_next(policy, subject, &cursor), "the walk stays at its end");
}

static struct policy *walk_policy(void)
{
	return parse("[default]\n"
		     "[rule port2]\nmatch-device = mlx5_*\nmatch-port = 2\n"
		     "[rule net]\nmatch-remote = 10.20.0.0/16\n"
		     "[rule user]\nmatch-uid = 1000\n"
		     "[rule rxe]\nmatch-device = rxe*\n"
		     "[rule mlx]\nmatch-device = mlx5_0\n"
		     "[rule never]\nmatch-device = mlx5_?\n");
}

Test(policy_matching, walk_ends_at_first_certain_match)
{
	struct policy *policy = walk_policy();
	struct policy_subject subject = known;

	expect_walk(policy, &known, "net ");
	expect_walk(policy, &known6, "rxe ");
	subject.remote.bytes[1] = 21;
	expect_walk(policy, &subject, "user ");
	subject.uid = 1001;
	expect_walk(policy, &subject, "mlx ");
	policy_free(policy);
}

Test(policy_matching, walk_includes_uncertain_matches)
{
	struct policy *policy = walk_policy();

	expect_walk(policy, &unknown, "port2 net user mlx ");
	policy_free(policy);
}

Test(policy_matching, walk_ends_at_default_without_match)
{
	struct policy *policy = walk_policy();
	struct policy_subject subject = known;

	subject.remote.bytes[1] = 21;
	subject.uid = 1001;
	subject.device = "mlx4_0";
	expect_walk(policy, &subject, "default ");
	subject.uid_known = false;
	expect_walk(policy, &subject, "user default ");
	expect_walk(policy_builtin(), &unknown, "default ");
	policy_free(policy);
}
