// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Arbitrary octets as a policy file. A refused file yields an error text and changes no output. An accepted one has
 * rules within their bounds, a walk that ends, and a description that parses to the same policy.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"
#include "policy/policy.h"

static void check_error(int err, const char *error)
{
	size_t len = strnlen(error, POLICY_ERROR_MAX);

	MUST(err == -EINVAL || err == -EFBIG);
	MUST(len > 2 && len < POLICY_ERROR_MAX - 1 && !strncmp(error, "p:", 2));
	for (size_t i = 0; i < len; i++)
		MUST(error[i] >= 0x20 && error[i] < 0x7f);
}

static bool has_match(const struct policy_rule *rule)
{
	return rule->has_port || rule->has_uid || rule->has_remote || *rule->device || *rule->executable;
}

static void check_rule(const struct policy_rule *rule, bool last)
{
	const uint32_t macsec = 0xf, esp = 0x3f0, all = macsec | esp;
	const struct requirement *requirement = &rule->requirement;

	MUST(*rule->name && strnlen(rule->name, POLICY_NAME_MAX) < POLICY_NAME_MAX);
	MUST(!strcmp(rule->name, "default") == last);
	MUST(has_match(rule) == !last);
	MUST(strnlen(rule->device, POLICY_PATTERN_MAX) < POLICY_PATTERN_MAX);
	MUST(strnlen(rule->executable, POLICY_PATTERN_MAX) < POLICY_PATTERN_MAX);
	MUST(!*rule->executable || *rule->executable == '/');
	MUST(rule->has_port ? rule->port >= 1 && rule->port <= 254 : !rule->port);
	MUST(!rule->has_remote || rule->remote_prefix <= (rule->remote_family == AF_INET ? 32 : 128));
	MUST(requirement->require <= REQUIRE_NONE && rule->mode <= MODE_OFF);
	MUST(requirement->ciphers && !(requirement->ciphers & ~all));
	MUST(requirement->require != REQUIRE_MACSEC || requirement->ciphers & macsec);
	MUST(requirement->require != REQUIRE_IPSEC || requirement->ciphers & esp);
}

/* With `certain`, the walk ends at the first rule. */
static void check_walk(const struct policy *policy, const struct policy_subject *subject, bool certain)
{
	const struct policy_rule *rule, *last = NULL;
	size_t cursor = 0, steps = 0;

	while ((rule = policy_next(policy, subject, &cursor))) {
		MUST(rule > last && policy_rule_match(rule, subject) != MATCH_NO);
		MUST(++steps <= policy_rule_count(policy));
		last = rule;
	}
	MUST(last && policy_rule_match(last, subject) == MATCH_YES);
	MUST(!certain || steps == 1);
}

static void check_walks(const struct policy *policy)
{
	struct policy_subject subject = { .device = "mlx5_0" };

	check_walk(policy, &subject, false);
	subject.port = 1;
	subject.uid_known = subject.remote_known = true;
	subject.remote_family = AF_INET;
	subject.remote.bytes[0] = 10;
	subject.executable = "/usr/bin/ib_send_bw";
	check_walk(policy, &subject, true);
	subject.remote_family = AF_INET6;
	check_walk(policy, &subject, true);
}

static char *describe(const struct policy *policy, size_t *len)
{
	size_t size = policy_rule_count(policy) * POLICY_DESCRIPTION_MAX;
	char *text = malloc(size);

	MUST(text);
	*len = 0;
	for (size_t i = 0; i < policy_rule_count(policy); i++) {
		int more = policy_rule_describe(policy_rule_at(policy, i), text + *len, POLICY_DESCRIPTION_MAX);

		MUST(more > 0 && more < POLICY_DESCRIPTION_MAX - 1);
		*len += (size_t)more;
	}
	return text;
}

static bool same(const struct policy_rule *a, const struct policy_rule *b)
{
	return !strcmp(a->name, b->name) && a->requirement.require == b->requirement.require &&
	       a->requirement.ciphers == b->requirement.ciphers &&
	       a->requirement.integrity_only == b->requirement.integrity_only && a->mode == b->mode &&
	       a->allow_raw_packet == b->allow_raw_packet && a->allow_devx == b->allow_devx &&
	       a->grace_ms == b->grace_ms && a->report_unreachable == b->report_unreachable && a->cm_any == b->cm_any &&
	       a->no_setup == b->no_setup && a->setup_timeout_ms == b->setup_timeout_ms &&
	       a->requirement.granularity == b->requirement.granularity && a->has_port == b->has_port &&
	       a->has_uid == b->has_uid && a->has_remote == b->has_remote && !strcmp(a->device, b->device) &&
	       !strcmp(a->executable, b->executable) && a->port == b->port && a->uid == b->uid &&
	       a->remote_family == b->remote_family && a->remote_prefix == b->remote_prefix &&
	       !memcmp(a->remote.bytes, b->remote.bytes, sizeof(a->remote.bytes));
}

static void check_description(const struct policy *policy)
{
	char error[POLICY_ERROR_MAX];
	struct policy *again;
	size_t len;
	char *text = describe(policy, &len);
	int err = policy_parse("p", text, len, &again, error, sizeof(error));

	if (err)
		fprintf(stderr, "%s\n%.*s", error, (int)len, text);
	MUST(!err);
	MUST(policy_rule_count(again) == policy_rule_count(policy));
	for (size_t i = 0; i < policy_rule_count(policy); i++)
		MUST(same(policy_rule_at(policy, i), policy_rule_at(again, i)));
	policy_free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[POLICY_ERROR_MAX] = "";
	struct policy *policy = NULL;
	int err = policy_parse("p", (const char *)data, size, &policy, error, sizeof(error));

	if (err) {
		MUST(!policy);
		check_error(err, error);
		return 0;
	}
	for (size_t i = 0; i < policy_rule_count(policy); i++)
		check_rule(policy_rule_at(policy, i), i + 1 == policy_rule_count(policy));
	check_walks(policy);
	check_description(policy);
	policy_free(policy);
	return 0;
}
