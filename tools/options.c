// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "engine/record_json.h"
#include "table.h"
#include "util/text.h"

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
	const char *set = getenv("RDMASEC_POLICY");

	if (named)
		return named;
	return set && *set ? set : NULL;
}

static json_object *error_object(const char *error)
{
	json_object *object = json_object_new_object(), *text = json_object_new_string(error);

	if (object && text && !json_object_object_add(object, "error", text))
		return object;
	json_object_put(text);
	json_object_put(object);
	return NULL;
}

int report_failure(enum json_form form, int status, const char *error)
{
	int flags = form == JSON_LINE ? RECORD_JSON_LINE : JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE;
	json_object *printed;
	int err;

	fprintf(stderr, "rdmasec: %s\n", error);
	if (form == JSON_NONE)
		return status;
	printed = form == JSON_ARRAY ? json_object_new_array() : error_object(error);
	if (printed && form == JSON_ARRAY)
		json_append(&printed, error_object(error));
	err = json_print(stdout, printed, flags);
	(void)err; /* output_finish() reports it */
	return status;
}

const struct policy *load_policy(const char *named, enum json_form form)
{
	const char *path = policy_path(named);
	struct policy *policy;
	char error[512];
	int status;

	if (!path) {
		if (access(SYSTEM_POLICY, F_OK) && errno == ENOENT)
			return policy_builtin();
		path = SYSTEM_POLICY;
	}
	if (!*path)
		text_copy(error, sizeof(error), "the name of the policy file is empty");
	else if (!policy_load(path, &policy, error, sizeof(error)))
		return policy;
	status = report_failure(form, EXIT_USAGE, error);
	(void)status;
	return NULL;
}
