// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "engine/record_json.h"
#include "judge/survey.h"
#include "table.h"
#include "util/address.h"

struct check {
	const char *device, *policy_file;
	uint32_t port, gid_index;
	bool has_gid, has_remote, json;
	uint8_t remote[16];
};

static void usage(FILE *to)
{
	fprintf(to, "usage: rdmasec check -d DEV [-i PORT] -g GID_INDEX [-r REMOTE_IP]\n"
		    "                     [-p POLICY] [--json]\n"
		    "  Checks whether a queue pair of DEV with this GID index may send to REMOTE_IP.\n"
		    "  Without -r: to every remote that it may choose, as unreliable datagrams do.\n"
		    "  exit status: 0 protected, 1 unprotected, 2 usage or policy error, 3 unknown\n");
}

static int parse_number(const char *text, unsigned long max, uint32_t *out)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || text[0] < '0' || text[0] > '9' || value > max)
		return -EINVAL;
	*out = value;
	return 0;
}

static int parse_remote(const char *text, uint8_t gid[16])
{
	union ip_address address;
	int family = inet_pton(AF_INET6, text, &address) == 1 ? AF_INET6 : AF_INET;

	if (family == AF_INET && inet_pton(AF_INET, text, &address) != 1)
		return -EINVAL;
	gid_from_address(family, &address, gid);
	return 0;
}

static int parse_option(struct check *check, int option, const char *value)
{
	switch (option) {
	case 'd':
		check->device = value;
		return 0;
	case 'i':
		return parse_number(value, 255, &check->port);
	case 'g':
		check->has_gid = true;
		return parse_number(value, 255, &check->gid_index);
	case 'r':
		check->has_remote = true;
		return parse_remote(value, check->remote);
	case 'p':
		check->policy_file = value;
		return 0;
	case 'j':
		check->json = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static const struct rdma_device *find_device(const struct rdma_inventory *inventory, const char *name)
{
	for (size_t i = 0; i < inventory->device_count; i++)
		if (!strcmp(inventory->devices[i].name, name))
			return &inventory->devices[i];
	return NULL;
}

static int show(const struct check *check, struct wire_record *record)
{
	const struct wire_records records = { .rows = record, .count = 1 };
	bool is_protected = record->verdict == VERDICT_PROTECTED;

	if (!check->json)
		printf("%s: %s\n", verdict_name(record->verdict), is_protected ? record->details : record->text);
	else if (json_print(stdout, record_to_json(record), JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE))
		return EXIT_UNKNOWN;
	return status_exit(&records);
}

static int judge_and_show(const struct check *check, const struct policy *policy, const struct rdma_device *device)
{
	struct evidence ev;
	const struct survey_view view = {
		.policy = policy, .evidence = &ev, .route_get = evidence_route_get, .uid = getuid()
	};
	struct survey survey = { 0 };
	struct wire_record record;
	int status = EXIT_UNKNOWN;

	evidence_read(&ev);
	if (!survey_path(&survey, &view, device, check->port, check->gid_index,
			 check->has_remote ? REMOTE_ONE : REMOTE_EVERY, check->remote)) {
		survey_record(&survey.rows[0], &record);
		status = show(check, &record);
	}
	survey_free(&survey);
	evidence_free(&ev);
	return status;
}

static int check_path(const struct check *check, const struct policy *policy)
{
	struct rdma_inventory inventory;
	const struct rdma_device *device;
	char error[192] = "";
	int err = inventory_read("/sys", &inventory, error, sizeof(error)), status;

	if (err) {
		fprintf(stderr, "rdmasec: cannot list RDMA devices: %s\n", error[0] ? error : strerror(-err));
		return EXIT_UNKNOWN;
	}
	device = find_device(&inventory, check->device);
	if (device) {
		status = judge_and_show(check, policy, device);
	} else {
		fprintf(stderr, "rdmasec: no RDMA device %s: list the devices with 'rdma link'\n", check->device);
		status = EXIT_USAGE;
	}
	inventory_free(&inventory);
	return status;
}

int command_check(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	struct check check = { .port = 1 };
	const struct policy *policy;
	int option, status;

	while ((option = getopt_long(argc, argv, "d:i:g:r:p:h", options, NULL)) != -1) {
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
	if (!check.device || !check.has_gid || !check.port || optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	policy = load_policy(check.policy_file);
	if (!policy)
		return EXIT_USAGE;
	status = check_path(&check, policy);
	policy_free(policy);
	return status;
}
