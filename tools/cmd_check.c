// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "choice.h"
#include "commands.h"
#include "table.h"

struct check {
	struct path_choice choice;
	const char *policy_file;
	bool json;
};

static void usage(FILE *to)
{
	fprintf(to, "usage: rdmasec check (-d DEV -g GID_INDEX | -n NETDEV) [-i PORT] [-r REMOTE_IP]\n"
		    "                     [-p POLICY] [--json]\n"
		    "  Checks whether a queue pair of DEV with this GID index may send to REMOTE_IP.\n"
		    "  Without -r: to every remote that it may choose, as unreliable datagrams do.\n"
		    "  With -n: all GIDs on NETDEV (of DEV, if both are given); with -r only those of\n"
		    "  the family of REMOTE_IP.\n"
		    "  exit status: 0 protected, 1 unprotected, 2 usage or policy error, 3 unknown,\n"
		    "  also if there is no such device, port or GID; of several, the worst\n");
}

static int parse_option(struct check *check, int option, const char *value)
{
	switch (option) {
	case 'p':
		check->policy_file = value;
		return 0;
	case 'j':
		check->json = true;
		return 0;
	default:
		return choice_option(&check->choice, option, value);
	}
}

static int judge_and_show(const struct check *check, const struct policy *policy)
{
	struct wire_records records;
	struct evidence ev;
	int err, status;

	evidence_read(&ev);
	err = choice_judge(&check->choice, policy, &ev, &records);
	evidence_free(&ev);
	if (err)
		return report_failure(choice_form(&check->choice, check->json), EXIT_UNKNOWN, strerror(-err));
	status = status_exit(&records);
	if (choice_show(&check->choice, &records, check->json))
		status = EXIT_UNKNOWN;
	wire_records_free(&records);
	return status;
}

int command_check(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	struct check check = { 0 };
	const struct policy *policy;
	int option, status;

	while ((option = getopt_long(argc, argv, "d:i:g:n:r:p:h", options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return 0;
		}
		if (parse_option(&check, option, optarg)) {
			if (option != '?')
				fprintf(stderr, "rdmasec: invalid value '%s' for -%c\n", optarg, option);
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (!choice_is_complete(&check.choice) || optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	policy = load_policy(check.policy_file, choice_form(&check.choice, check.json));
	if (!policy)
		return EXIT_USAGE;
	status = judge_and_show(&check, policy);
	policy_free(policy);
	return status;
}
