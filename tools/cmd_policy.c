// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"

static void usage(FILE *to)
{
	fprintf(to, "usage: rdmasec policy check FILE\n"
		    "  Explains a policy file rule by rule, or reports a mistake with file and line\n"
		    "  (rdmasec.policy(5)).\n"
		    "  exit status: 0 no mistakes, 2 a mistake, or usage error\n");
}

static bool asks_for_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h");
}

int command_policy(int argc, char **argv)
{
	const struct policy *policy;
	char text[POLICY_DESCRIPTION_MAX];

	if (argc > 1 && asks_for_help(argv[argc - 1])) {
		usage(stdout);
		return 0;
	}
	if (argc != 3 || strcmp(argv[1], "check")) {
		usage(stderr);
		return EXIT_USAGE;
	}
	policy = load_policy(argv[2], JSON_NONE);
	if (!policy)
		return EXIT_USAGE;
	printf("# %s: no mistakes; the first matching rule applies\n", argv[2]);
	for (size_t i = 0; i < policy_rule_count(policy); i++) {
		policy_rule_describe(policy_rule_at(policy, i), text, sizeof(text));
		printf("\n%s", text);
	}
	policy_free(policy);
	return 0;
}
