// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "evidence/facts.h"
#include "gate/gate.h"
#include "gate/plan.h"
#include "lockdown_view.h"

enum action { ACTION_NONE = 0, ACTION_ON, ACTION_OFF, ACTION_STATUS };

struct lockdown {
	enum action action;
	const char *policy_file;
	bool dry_run, json;
	char **devices; /* named by the caller; none: all that need it */
	int device_count;
};

static void usage(FILE *to)
{
	fprintf(to, "usage: rdmasec lockdown on|off|status [-p POLICY] [--dry-run] [--json] [DEV...]\n"
		    "  Stops cleartext RoCE on network devices of this network namespace, whatever\n"
		    "  routed it there: with BPF filters, which stay when this command ends. Without\n"
		    "  DEV: on every device that has no other below it. Remotes that the policy lets\n"
		    "  go in clear stay open. -p goes with on, --dry-run with on and off: it only\n"
		    "  prints what would change. --json goes with status. See rdmasec-lockdown(7).\n"
		    "  exit status: 0 done; status: stopped everywhere, 1 a device could not be\n"
		    "  changed; status: open, 2 usage or policy error, 3 unknown\n");
}

static int parse(int argc, char **argv, struct lockdown *out)
{
	static const struct option options[] = { { "dry-run", no_argument, NULL, 'n' },
						 { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	static const struct {
		const char *name;
		enum action action;
	} actions[] = { { "on", ACTION_ON }, { "off", ACTION_OFF }, { "status", ACTION_STATUS } };
	int option;

	while ((option = getopt_long(argc, argv, "p:h", options, NULL)) != -1) {
		if (option == 'n')
			out->dry_run = true;
		else if (option == 'j')
			out->json = true;
		else if (option == 'p')
			out->policy_file = optarg;
		else
			return option == 'h' ? 0 : -EINVAL;
	}
	for (size_t i = 0; optind < argc && i < sizeof(actions) / sizeof(actions[0]); i++)
		if (!strcmp(argv[optind], actions[i].name))
			out->action = actions[i].action;
	if (out->action == ACTION_NONE || (out->json && out->action != ACTION_STATUS) ||
	    (out->policy_file && out->action != ACTION_ON) || (out->dry_run && out->action == ACTION_STATUS) ||
	    (out->action == ACTION_STATUS && optind + 1 < argc))
		return -EINVAL;
	out->devices = argv + optind + 1;
	out->device_count = argc - optind - 1;
	return 1;
}

static int complain(const char *netdev, const char *error)
{
	fprintf(stderr, "rdmasec: %s%s%s\n", netdev, *netdev ? ": " : "", error);
	return EXIT_UNPROTECTED;
}

static bool is_named(const struct lockdown *lockdown, const char *netdev)
{
	for (int i = 0; i < lockdown->device_count; i++)
		if (!strcmp(lockdown->devices[i], netdev))
			return true;
	return false;
}

/* Every named device must exist, and have nothing below it where a gate is installed. */
static int check_named(const struct lockdown *lockdown, const struct gate_view *view)
{
	for (int i = 0; i < lockdown->device_count; i++) {
		const char *name = lockdown->devices[i];
		const struct link_evidence *link = evidence_link_by_name(&view->evidence, name);

		if (!link) {
			fprintf(stderr, "rdmasec: no network device '%s'\n", name);
			return EXIT_USAGE;
		}
		if (lockdown->action == ACTION_ON && !gate_is_needed(&view->evidence, link, &link->ifindex, 1)) {
			fprintf(stderr, "rdmasec: %s: its packets leave by a network device below it: name that one\n",
				name);
			return EXIT_USAGE;
		}
	}
	return 0;
}

/* ---- on ---- */

static int open_remotes(const struct lockdown *lockdown, struct gate *gate)
{
	const struct policy *policy = load_policy(lockdown->policy_file, JSON_NONE);
	struct gate_opening opening;
	char error[256];
	int err;

	if (!policy)
		return EXIT_USAGE;
	err = gate_opened_by(policy, &opening);
	policy_free(policy);
	if (err)
		return complain("", strerror(-err));
	if (opening.all) {
		gate_opening_free(&opening);
		return complain("", "the [default] rule of the policy lets packets leave in clear: nothing to stop");
	}
	if (opening.unopened)
		fprintf(stderr,
			"rdmasec: %zu rule(s) that let packets leave in clear stay closed: they match by more than\n"
			"  the remote address, or an earlier rule protects a part of it\n",
			opening.unopened);
	err = gate ? gate_set_opened(gate, &opening, error, sizeof(error)) : 0;
	gate_opening_free(&opening);
	return err ? complain("", error) : 0;
}

static int add_tunnels(const struct gate_view *view, struct gate *gate)
{
	char error[256];

	return gate_add_tunnels(gate, view, error, sizeof(error)) ? complain("", error) : 0;
}

static int install(const struct lockdown *lockdown, const struct gate_view *view, struct gate *gate)
{
	int status = 0, count = 0;

	for (size_t i = 0; i < view->evidence.link_count; i++) {
		const struct link_evidence *link = &view->evidence.links[i];
		char error[256];

		if (lockdown->device_count ? !is_named(lockdown, link->name) : !gate_view_needs(view, link))
			continue;
		count++;
		if (gate && gate_attach(gate, link->ifindex, error, sizeof(error)))
			status = complain(link->name, error);
		else
			printf("%s: cleartext RoCE %s\n", link->name, gate ? "is stopped" : "would be stopped");
	}
	return count ? status : complain("", "no network device needs a gate");
}

static int turn_on(const struct lockdown *lockdown, const struct gate_view *view)
{
	struct gate *gate = NULL;
	char error[256];
	int status;

	if (!lockdown->dry_run && gate_load(&gate, error, sizeof(error)))
		return complain("", error);
	status = open_remotes(lockdown, gate);
	if (!status && gate)
		status = add_tunnels(view, gate);
	if (!status)
		status = install(lockdown, view, gate);
	gate_free(gate);
	return status;
}

/* ---- off ---- */

static bool has_gate(const struct gate_standing *standing)
{
	return standing->out >= GATE_FIRST || standing->in >= GATE_FIRST;
}

/* Returns the exit status; *left counts the devices that keep the gate. */
static int remove_from(const struct lockdown *lockdown, const struct link_evidence *link, size_t *left)
{
	struct gate_standing standing;
	char error[256];

	if (gate_standing(link->ifindex, &standing, error, sizeof(error)))
		return complain(link->name, error);
	if (!has_gate(&standing))
		return 0;
	if (lockdown->device_count && !is_named(lockdown, link->name)) {
		++*left;
		return 0;
	}
	if (!lockdown->dry_run && gate_detach(link->ifindex, error, sizeof(error)))
		return complain(link->name, error);
	printf("%s: cleartext RoCE %s\n", link->name, lockdown->dry_run ? "would pass" : "passes");
	return 0;
}

static int turn_off(const struct lockdown *lockdown, const struct gate_view *view)
{
	size_t left = 0;
	int status = 0;
	char error[256];

	for (size_t i = 0; i < view->evidence.link_count; i++) {
		int result = remove_from(lockdown, &view->evidence.links[i], &left);

		if (result)
			status = result;
	}
	if (!status && !left && !lockdown->dry_run && gate_remove_pins(error, sizeof(error)))
		return complain("", error);
	return status;
}

int command_lockdown(int argc, char **argv)
{
	struct lockdown lockdown = { .action = ACTION_NONE };
	struct gate_view view;
	char error[256];
	int parsed = parse(argc, argv, &lockdown), status;

	if (parsed <= 0) {
		usage(parsed ? stderr : stdout);
		return parsed ? EXIT_USAGE : 0;
	}
	if (gate_view_read(&view, error, sizeof(error)))
		return report_failure(lockdown.json ? JSON_ARRAY : JSON_NONE, EXIT_UNKNOWN, error);
	status = check_named(&lockdown, &view);
	if (!status && lockdown.action == ACTION_ON)
		status = turn_on(&lockdown, &view);
	else if (!status && lockdown.action == ACTION_OFF)
		status = turn_off(&lockdown, &view);
	else if (!status)
		status = lockdown_show(&view, lockdown.json);
	gate_view_free(&view);
	return status;
}
