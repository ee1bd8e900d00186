// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <getopt.h>

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
