// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "detours.h"
#include "judge/survey.h"
#include "lockdown_view.h"
#include "provider_place.h"
#include "table.h"
#include "util/text.h"

static void usage(FILE *to)
{
	fprintf(to, "usage: rdmasec status [-p POLICY] [--json]\n"
		    "  Lists every GID of every RDMA device, with the protection of packets that\n"
		    "  leave by it, or the reason why there is none. If IPsec protects a GID for some\n"
		    "  remotes only, each of these has an extra row. A running engine decides; with\n"
		    "  -p, or without an engine, this command does.\n"
		    "  exit status: 0 all protected, 1 something unprotected, or a queue pair that is\n"
		    "  unreachable, 2 usage or policy error, 3 something unknown\n");
}

static int survey_host(const struct policy *policy, const struct rdma_inventory *inventory,
		       const struct detours *detours, struct wire_records *out)
{
	struct evidence ev;
	struct survey_view view = {
		.policy = policy, .evidence = &ev, .route_get = evidence_route_get, .uid = getuid()
	};
	struct survey survey = { 0 };
	struct wire_records records = { 0 };
	int err;

	evidence_read(&ev);
	detours_look(detours, &view);
	err = survey_all(&survey, &view, inventory);
	for (size_t i = 0; !err && i < survey.count; i++) {
		struct wire_record record;

		survey_record(&survey.rows[i], &record);
		err = wire_records_add(&records, &record);
	}
	if (err)
		wire_records_free(&records);
	else
		*out = records;
	survey_free(&survey);
	evidence_free(&ev);
	return err;
}

/* Without an engine: decides on evidence that this process may read. */
static int judge_here(const struct policy *policy, struct wire_records *out, bool *out_forbidden, char *error,
		      size_t error_size)
{
	struct rdma_inventory inventory;
	struct detours detours;
	char why[192] = "";
	int err = inventory_read("/sys", &inventory, why, sizeof(why));

	if (err) {
		text_format(error, error_size, "cannot list RDMA devices: %s", why[0] ? why : strerror(-err));
		return err;
	}
	err = detours_open(&detours) ? 0 : -ENOMEM;
	if (!err) {
		*out_forbidden = detours_are_forbidden(&detours);
		err = survey_host(policy, &inventory, &detours, out);
	}
	detours_close(&detours);
	if (err)
		text_format(error, error_size, "%s", strerror(-err));
	inventory_free(&inventory);
	return err;
}

/* The engine's row about the kernel door is no GID. */
static void take_door(struct wire_records *records, char words[WIRE_TEXT_MAX])
{
	size_t kept = 0;

	for (size_t i = 0; i < records->count; i++) {
		if (records->rows[i].event == WIRE_EVENT_KERNEL_DOOR)
			text_copy(words, WIRE_TEXT_MAX, records->rows[i].text);
		else
			records->rows[kept++] = records->rows[i];
	}
	records->count = kept;
}

static int ask_engine(const char *name, struct wire_records *out, char door[WIRE_TEXT_MAX])
{
	char error[256] = "";
	int s = engine_query_open(name, WIRE_LIST_STATUS, error, sizeof(error));
	int err = s < 0 ? s : engine_query_list(s, WIRE_TIMEOUT_MS, out, error, sizeof(error));

	if (err)
		fprintf(stderr, "rdmasec: %s; the following list is made without it\n", error);
	else
		take_door(out, door);
	return err;
}

/* Prints what the queue pairs lack, to NULL nothing. Returns the number of unreachable ones. */
static size_t show_qps(FILE *to)
{
	struct qp_rows rows;
	char error[256] = "";
	int err = qp_rows_read(&rows, error, sizeof(error));
	size_t unreachable;

	if (err && err != -ENOTCONN) {
		fprintf(stderr, "rdmasec: cannot count queue pairs: %s\n", error);
		return 0;
	}
	if (to)
		unguarded_summary(to, &rows, !err);
	unreachable = rows.counts[QP_UNREACHABLE];
	qp_rows_free(&rows);
	return unreachable;
}

static int exit_of(const struct wire_records *records, size_t unreachable)
{
	int code = status_exit(records);

	return code == EXIT_PROTECTED && unreachable ? EXIT_UNPROTECTED : code;
}

static json_object *door_json(const char *door)
{
	json_object *object = json_object_new_object();

	if (object && !json_object_object_add(object, "door", json_object_new_string("kernel door")) &&
	    !json_object_object_add(object, "state", json_object_new_string(door)))
		return object;
	json_object_put(object);
	return NULL;
}

/* All GIDs, then one object for the gate, one for the kernel door, and one for the provider module. */
static int show_json(const struct wire_records *records, const char *door, const struct provider_status *provider)
{
	json_object *array = status_json(records);

	if (array)
		json_append(&array, lockdown_summary_json());
	if (array)
		json_append(&array, door_json(door));
	if (array)
		json_append(&array, provider_status_json(provider));
	return json_print(stdout, array, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
}

static int show(const struct wire_records *records, const char *door, bool forbidden, bool json)
{
	struct provider_status provider;
	char words[PROVIDER_WHY_MAX + 64];
	size_t unreachable;

	provider_status_read(&provider);
	if (json)
		return show_json(records, door, &provider) ? EXIT_UNKNOWN : exit_of(records, show_qps(NULL));
	if (records->count)
		status_table(stdout, records, terminal_width());
	else
		printf("no RDMA device with a GID: list the devices with 'rdma link'\n");
	if (forbidden)
		printf("netfilter: without CAP_NET_ADMIN its rules and BPF programs of tcx, which may lead packets "
		       "past "
		       "their protection, are not looked at\n");
	unreachable = show_qps(stdout);
	lockdown_summary(stdout);
	printf("kernel door: %s\n", door);
	provider_status_words(&provider, words, sizeof(words));
	printf("provider module: %s\n", words);
	return exit_of(records, unreachable);
}

static int status(const char *policy_file, bool json)
{
	const char *engine = policy_file ? NULL : engine_query_name();
	struct wire_records records = { 0 };
	const struct policy *policy;
	enum json_form form = json ? JSON_ARRAY : JSON_NONE;
	bool forbidden = false;
	char error[256], door[WIRE_TEXT_MAX] = "off (rdmasecd does not answer)";
	int err, code;

	if (!engine || ask_engine(engine, &records, door)) {
		policy = load_policy(policy_file, form);
		if (!policy)
			return EXIT_USAGE;
		err = judge_here(policy, &records, &forbidden, error, sizeof(error));
		policy_free(policy);
		if (err)
			return report_failure(form, EXIT_UNKNOWN, error);
	}
	code = show(&records, door, forbidden, json);
	wire_records_free(&records);
	return code;
}

int command_status(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	const char *policy_file = NULL;
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "p:h", options, NULL)) != -1) {
		if (option == 'p')
			policy_file = optarg;
		else if (option == 'j')
			json = true;
		else {
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : EXIT_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return status(policy_file, json);
}
