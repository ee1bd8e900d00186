// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The rules and which of them apply. Their keys are in keys.c, the file's form in parser.c. */
#include "policy/policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "policy/internal.h"
#include "util/ciphers.h"

/* ---- the policy and its rules ---- */

static const struct policy_rule builtin_default = {
	.name = "default",
	.requirement = { .require = REQUIRE_ANY, .ciphers = CIPHERS_DEFAULT },
	.mode = MODE_ENFORCE,
	.setup_timeout_ms = 10 * 1000,
	.gate = true,
};

static const struct policy builtin_policy = { .rules = &builtin_default, .count = 1 };

const struct policy *policy_builtin(void)
{
	return &builtin_policy;
}

void policy_free(const struct policy *policy)
{
	if (!policy || policy == &builtin_policy)
		return;
	free((void *)policy->rules);
	free((void *)policy);
}

size_t policy_rule_count(const struct policy *policy)
{
	return policy->count;
}

const struct policy_rule *policy_rule_at(const struct policy *policy, size_t i)
{
	return i < policy->count ? &policy->rules[i] : NULL;
}

/* ---- matching ---- */

/*
 * fnmatch(3) may fail without an answer, for instance when a name is no text in the locale's encoding. Then it
 * is not known whether the rule matches.
 */
static enum policy_match match_pattern(const char *pattern, const char *name, int flags)
{
	if (!*pattern)
		return MATCH_YES;
	if (!name)
		return MATCH_MAYBE;
	switch (fnmatch(pattern, name, flags)) {
	case 0:
		return MATCH_YES;
	case FNM_NOMATCH:
		return MATCH_NO;
	default:
		return MATCH_MAYBE;
	}
}

static enum policy_match match_port(const struct policy_rule *rule, const struct policy_subject *subject)
{
	if (!rule->has_port)
		return MATCH_YES;
	if (!subject->port)
		return MATCH_MAYBE;
	return rule->port == subject->port ? MATCH_YES : MATCH_NO;
}

static enum policy_match match_uid(const struct policy_rule *rule, const struct policy_subject *subject)
{
	if (!rule->has_uid)
		return MATCH_YES;
	if (!subject->uid_known)
		return MATCH_MAYBE;
	return rule->uid == subject->uid ? MATCH_YES : MATCH_NO;
}

static enum policy_match match_remote(const struct policy_rule *rule, const struct policy_subject *subject)
{
	if (!rule->has_remote)
		return MATCH_YES;
	if (!subject->remote_known)
		return MATCH_MAYBE;
	if (rule->remote_family != subject->remote_family)
		return MATCH_NO;
	return address_has_prefix(&subject->remote, &rule->remote, rule->remote_prefix) ? MATCH_YES : MATCH_NO;
}

enum policy_match policy_rule_match(const struct policy_rule *rule, const struct policy_subject *subject)
{
	const enum policy_match facts[] = {
		match_pattern(rule->device, subject->device, 0),
		match_port(rule, subject),
		match_remote(rule, subject),
		match_uid(rule, subject),
		match_pattern(rule->executable, subject->executable, FNM_PATHNAME),
	};
	enum policy_match all = MATCH_YES;

	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++) {
		if (facts[i] == MATCH_NO)
			return MATCH_NO;
		if (facts[i] == MATCH_MAYBE)
			all = MATCH_MAYBE;
	}
	return all;
}

const struct policy_rule *policy_next(const struct policy *policy, const struct policy_subject *subject, size_t *cursor)
{
	while (*cursor < policy->count) {
		const struct policy_rule *rule = &policy->rules[(*cursor)++];
		enum policy_match match = policy_rule_match(rule, subject);

		if (match == MATCH_YES)
			*cursor = policy->count;
		if (match != MATCH_NO)
			return rule;
	}
	return NULL;
}

bool policy_rule_matches_same(const struct policy_rule *a, const struct policy_rule *b)
{
	return !strcmp(a->device, b->device) && !strcmp(a->executable, b->executable) && a->has_port == b->has_port &&
	       a->port == b->port && a->has_uid == b->has_uid && a->uid == b->uid && a->has_remote == b->has_remote &&
	       a->remote_family == b->remote_family && a->remote_prefix == b->remote_prefix &&
	       !memcmp(a->remote.bytes, b->remote.bytes, sizeof(a->remote.bytes));
}
