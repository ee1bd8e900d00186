// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <stdio.h>
#include <string.h>

#include "commands.h"

int command_policy(int argc, char **argv)
{
	const struct policy *policy;
	char text[1024];

	if (argc != 3 || strcmp(argv[1], "check")) {
		fprintf(stderr, "usage: rdmasec policy check FILE\n");
		return EXIT_USAGE;
	}
	policy = load_policy(argv[2]);
	if (!policy)
		return EXIT_USAGE;
	printf("# %s: no mistakes; the first rule that matches holds\n", argv[2]);
	for (size_t i = 0; i < policy_rule_count(policy); i++) {
		policy_rule_describe(policy_rule_at(policy, i), text, sizeof(text));
		printf("\n%s", text);
	}
	policy_free(policy);
	return 0;
}
