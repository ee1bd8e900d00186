// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>
#include <getopt.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "report.h"

static void usage(FILE *to)
{
	fprintf(to, "usage: rdmasec status [-p POLICY] [--json]\n"
		    "  Lists every GID of every RDMA device: is what leaves by it protected, by what, or why not.\n"
		    "  A GID that IPsec protects for some remotes only is listed once for each of those as well.\n");
}

/* A policy that wants ESP from this GID to one remote: then that remote deserves its own row. */
static bool names_remote(const struct xfrm_policy_evidence *policy, const struct rdma_gid *gid)
{
	union ip_address local;
	int family = gid_address(gid->raw, &local);
	unsigned host = family == AF_INET ? 32 : 128;

	return policy->dir == XFRM_POLICY_OUT && policy->sel.family == family && policy->tmpl_count &&
	       policy->sel.daddr_prefix == host &&
	       (policy->sel.saddr_prefix == 0 ||
		(policy->sel.saddr_prefix == host && !memcmp(policy->sel.saddr.bytes, local.bytes, host / 8)));
}

static int judge_gid(struct report *report, const struct policy *policy, const struct rdma_device *device,
		     const struct rdma_port *port, const struct rdma_gid *gid, const struct evidence *ev)
{
	int err = report_judge(report, policy, device, port->number, gid->index, REMOTE_EVERY, NULL, ev);

	if (err || report->rows[report->count - 1].verdict.kind == VERDICT_PROTECTED)
		return err;
	for (size_t i = 0; !err && i < ev->policy_count; i++) {
		uint8_t remote[16];

		if (!names_remote(&ev->policies[i], gid))
			continue;
		gid_from_address(ev->policies[i].sel.family, &ev->policies[i].sel.daddr, remote);
		err = report_judge(report, policy, device, port->number, gid->index, REMOTE_ONE, remote, ev);
	}
	return err;
}

static int judge_all(struct report *report, const struct policy *policy, const struct rdma_inventory *inventory,
		     const struct evidence *ev)
{
	int err = 0;

	for (size_t d = 0; d < inventory->device_count; d++)
		for (size_t p = 0; p < inventory->devices[d].port_count; p++) {
			const struct rdma_port *port = &inventory->devices[d].ports[p];

			for (size_t g = 0; !err && g < port->gid_count; g++)
				err = judge_gid(report, policy, &inventory->devices[d], port, &port->gids[g], ev);
		}
	return err;
}

static int show(const struct policy *policy, bool json)
{
	struct rdma_inventory inventory;
	struct report report = { 0 };
	struct evidence ev;
	char error[192] = "";
	int err = inventory_read("/sys", &inventory, error, sizeof(error)), status;

	if (err) {
		fprintf(stderr, "rdmasec: the RDMA devices cannot be listed: %s\n", error[0] ? error : strerror(-err));
		return EXIT_UNKNOWN;
	}
	evidence_read(&ev);
	err = judge_all(&report, policy, &inventory, &ev);
	if (err) {
		fprintf(stderr, "rdmasec: %s\n", strerror(-err));
		status = EXIT_UNKNOWN;
	} else {
		if (json) {
			json_object *rows = report_to_json(&report);

			puts(json_object_to_json_string_ext(rows,
							    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
			json_object_put(rows);
		} else if (report.count) {
			report_print_table(&report);
		} else {
			printf("there is no RDMA device with a GID here\n");
		}
		status = report_exit_status(&report);
	}
	report_free(&report);
	evidence_free(&ev);
	inventory_free(&inventory);
	return status;
}

int command_status(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	const char *policy_file = NULL;
	const struct policy *policy;
	bool json = false;
	int option, status;

	while ((option = getopt_long(argc, argv, "p:jh", options, NULL)) != -1) {
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
	policy = load_policy(policy_file);
	if (!policy)
		return EXIT_USAGE;
	status = show(policy, json);
	policy_free(policy);
	return status;
}
