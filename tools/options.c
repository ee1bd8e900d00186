// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"

int only_json_option(int argc, char **argv, void (*usage)(FILE *to), bool *out_json)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option != 'j') {
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : EXIT_USAGE;
		}
		json = true;
	}
	if (optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	*out_json = json;
	return -1;
}

const char *policy_path(const char *named)
{
	return named ? named : getenv("RDMASEC_POLICY");
}

const struct policy *load_policy(const char *named)
{
	const char *path = policy_path(named);
	struct policy *policy;
	char error[512];

	if (!path) {
		if (access(SYSTEM_POLICY, F_OK) && errno == ENOENT)
			return policy_builtin();
		path = SYSTEM_POLICY;
	}
	if (!policy_load(path, &policy, error, sizeof(error)))
		return policy;
	fprintf(stderr, "rdmasec: %s\n", error);
	return NULL;
}
