/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The subcommands of rdmasec: each takes its own arguments (argv[0] is its name) and returns the exit status. */
#ifndef RDMASEC_TOOLS_COMMANDS_H
#define RDMASEC_TOOLS_COMMANDS_H

#include <stdio.h>

#include "policy/policy.h"

enum exit_status {
	EXIT_PROTECTED = 0,
	EXIT_UNPROTECTED = 1,
	EXIT_USAGE = 2,
	EXIT_UNKNOWN = 3,
	EXIT_CANNOT_RUN = 126, /* as env(1) and shells: found, but cannot be run, or not guarded */
	EXIT_NOT_FOUND = 127,
};

int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_wait(int argc, char **argv);
int command_status(int argc, char **argv);
int command_qps(int argc, char **argv);
int command_monitor(int argc, char **argv);
int command_lockdown(int argc, char **argv);
int command_policy(int argc, char **argv);
int command_install_provider(int argc, char **argv);
int command_remove_provider(int argc, char **argv);
int command_provider_trial(int argc, char **argv); /* internal: `status` starts it */
int command_engine(int argc, char **argv);         /* internal: engine_spawn() starts it */

/* Parses the options of a command that has --json and --help only. Returns its exit status, or -1 and *out_json. */
RS_MUST_USE int only_json_option(int argc, char **argv, void (*usage)(FILE *to), bool *out_json);

/* The default policy file; without it, every queue pair must be protected by MACsec or IPsec. */
#define SYSTEM_POLICY "/etc/rdmasec/policy.conf"

/* What a command prints for programs: nothing, one object, an array of objects, or an object a line. */
enum json_form { JSON_NONE = 0, JSON_OBJECT, JSON_ARRAY, JSON_LINE };

/* Prints an error on stderr, and for programs an object with the key "error" on stdout. Returns `status`. */
RS_MUST_USE int report_failure(enum json_form form, int status, const char *error);

/* The file of the policy: `named` (-p), else RDMASEC_POLICY, if that is not empty. NULL: neither. */
const char *policy_path(const char *named);

/*
 * Loads it; without one, loads SYSTEM_POLICY if it exists, else returns the built-in policy. The caller frees it with
 * policy_free(). NULL: report_failure() has printed the error.
 */
const struct policy *load_policy(const char *named, enum json_form form);

#endif
