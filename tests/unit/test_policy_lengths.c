// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The longest line, pattern, name and file of a policy, and one octet more. */
#include <stdio.h>
#include <stdlib.h>

#include "policy_fixture.h"

/* PREFIX, padded with x to `len` octets, then LF and SUFFIX */
static char *padded(const char *prefix, size_t len, const char *suffix)
{
	char *text = calloc(1, len + strlen(suffix) + 2);

	cr_assert(text);
	memset(text, 'x', len);
	memcpy(text, prefix, strlen(prefix));
	text[len] = '\n';
	strcpy(text + len + 1, suffix);
	return text;
}

static void expect_length(const char *prefix, size_t longest, const char *suffix, const char *want)
{
	for (size_t len = longest; len <= longest + 1; len++) {
		char *text = padded(prefix, len, suffix);
		char error[POLICY_ERROR_MAX] = "";
		struct policy *policy = NULL;
		int err = policy_parse("p", text, strlen(text), &policy, error, sizeof(error));

		cr_expect_eq(err, len == longest ? 0 : -EINVAL, "%s%zu: %s", prefix, len, error);
		if (len > longest)
			cr_expect(strstr(error, want), "%s", error);
		policy_free(policy);
		free(text);
	}
}

/* inih's INI_MAX_LINE is 200, with LF and NUL. It would truncate "mode = off" here. */
Test(policy_lengths, refuses_line_longer_than_198_octets)
{
	char *text = padded("[default]\nmode = audit ;", 10 + 198, "[rule a]\nmatch-port = 1\n");

	policy_free(parse(text));
	free(text);
	expect_length("#", 198, "", "p:1: a line longer than 198 octets");
	expect_length("[default] ;", 198, "mode = off\n", "p:1: a line longer than 198 octets");
}

Test(policy_lengths, refuses_device_pattern_longer_than_127_octets)
{
	expect_length(R "match-device = ", 9 + 15 + 127, "", "longer than 127 octets");
}

Test(policy_lengths, refuses_executable_pattern_longer_than_127_octets)
{
	expect_length(R "match-executable = /", 9 + 19 + 127, "", "longer than 127 octets");
}

Test(policy_lengths, accepts_longest_rule_name)
{
	struct policy *policy = parse("[rule " X40 "1234567]\nmatch-port = 1\n");

	cr_expect_str_eq(policy_rule_at(policy, 0)->name, X40 "1234567");
	policy_free(policy);
}

/* A CR before the LF does not count towards the line. */
Test(policy_lengths, does_not_count_cr_of_longest_line)
{
	char *text = padded("#", 198, "[default]\n");
	char with_cr[256];

	snprintf(with_cr, sizeof(with_cr), "%.198s\r\n%s", text, "[default]\r\nmode = off\r\n");
	policy_free(parse(with_cr));
	free(text);
}

static int parse_rules(unsigned int count, char *error, size_t error_size)
{
	size_t size = count * 64u, len = 0;
	struct policy *policy = NULL;
	char *text = malloc(size);
	int err;

	cr_assert(text);
	for (unsigned int i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, size - len, "[rule r%u]\nmatch-uid = %u\n", i, i);
	err = policy_parse("p", text, len, &policy, error, error_size);
	if (!err)
		cr_expect_eq(policy_rule_count(policy), count + 1);
	policy_free(policy);
	free(text);
	return err;
}

Test(policy_lengths, refuses_too_many_rules)
{
	char error[POLICY_ERROR_MAX] = "";

	cr_expect_eq(parse_rules(POLICY_RULES_MAX, error, sizeof(error)), 0, "%s", error);
	cr_expect_eq(parse_rules(POLICY_RULES_MAX + 1, error, sizeof(error)), -EINVAL);
	cr_expect_str_eq(error, "p:2049: more than 1024 rules");
}
