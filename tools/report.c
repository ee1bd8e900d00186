// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "report.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "commands.h"
#include "text.h"

enum { TERMINAL_DEFAULT = 80, TERMINAL_LEAST = 60 };

static struct report_row *report_grow(struct report *report)
{
	if (report->count == report->room) {
		size_t room = report->room ? 2 * report->room : 16;
		struct report_row *rows = realloc(report->rows, room * sizeof(*rows));

		if (!rows)
			return NULL;
		report->rows = rows;
		report->room = room;
	}
	return memset(&report->rows[report->count++], 0, sizeof(report->rows[0]));
}

/* Is `a` a worse verdict to be told than `b`? */
static int badness(const struct verdict *verdict)
{
	return verdict->kind == VERDICT_PROTECTED ? 0 : verdict->kind == VERDICT_UNPROTECTED ? 1 : 2;
}

int report_judge(struct report *report, const struct policy *policy, const struct rdma_device *device, uint32_t port,
		 uint32_t gid_index, enum remote_scope scope, const uint8_t remote[16], const struct evidence *ev)
{
	struct policy_subject subject = { .device = device->name, .port = port, .uid_known = true, .uid = getuid() };
	const struct rdma_port *rdma_port = device_port(device, port);
	const struct rdma_gid *gid = rdma_port ? port_gid(rdma_port, gid_index) : NULL;
	struct report_row *row = report_grow(report);
	const struct policy_rule *rule;
	size_t cursor = 0;

	if (!row)
		return -ENOMEM;
	if (gid)
		row->gid = *gid;
	if (scope == REMOTE_ONE) {
		subject.remote_known = true;
		subject.remote_family = gid_address(remote, &subject.remote);
	}
	path_resolve(device, port, gid_index, scope, remote, ev, evidence_route_get, NULL, &row->path);
	while ((rule = policy_next(policy, &subject, &cursor))) {
		struct verdict verdict;

		decide(&row->path, ev, &rule->requirement, &verdict);
		if (!row->rule || badness(&verdict) > badness(&row->verdict)) {
			row->verdict = verdict;
			row->rule = rule;
		}
	}
	return 0;
}

void report_free(struct report *report)
{
	free(report->rows);
	*report = (struct report){ 0 };
}

int report_exit_status(const struct report *report)
{
	int worst = report->count ? 0 : 2;

	for (size_t i = 0; i < report->count; i++)
		if (badness(&report->rows[i].verdict) > worst)
			worst = badness(&report->rows[i].verdict);
	return worst == 0 ? EXIT_PROTECTED : worst == 1 ? EXIT_UNPROTECTED : EXIT_UNKNOWN;
}

const char *gid_type_name(enum gid_type type)
{
	switch (type) {
	case GID_TYPE_IB:
		return "IB";
	case GID_TYPE_ROCE_V1:
		return "RoCE v1";
	case GID_TYPE_ROCE_V2:
		return "RoCE v2";
	default:
		return "?";
	}
}

static const char *row_remote(const struct report_row *row, char *text)
{
	return row->path.scope == REMOTE_ONE ? ip_text(row->path.family, &row->path.remote, text) : "any";
}

static const char *row_why(const struct report_row *row)
{
	return row->verdict.kind == VERDICT_PROTECTED ? row->verdict.details : row->verdict.reason;
}

static int terminal_width(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col < TERMINAL_LEAST ? TERMINAL_LEAST : size.ws_col;
	return TERMINAL_DEFAULT;
}

/* Prints a text under its row, broken at blanks, so that the table stays within the terminal. */
static void print_wrapped(const char *label, const char *text, int width)
{
	int indent = 6 + (int)strlen(label), room = width - indent;

	printf("      %s", label);
	while (*text) {
		int len = (int)strlen(text), cut = len;

		if (len > room)
			for (cut = room; cut > 0 && text[cut] != ' '; cut--)
				;
		if (cut <= 0)
			cut = len < room ? len : room;
		printf("%.*s\n", cut, text);
		text += cut;
		text += strspn(text, " ");
		if (*text)
			printf("%*s", indent, "");
	}
}

static void print_row(const struct report_row *row, int width)
{
	char local[INET6_ADDRSTRLEN] = "-", remote[INET6_ADDRSTRLEN];

	if (row->gid.valid)
		gid_text(row->gid.raw, local);
	printf("%-10s %4u %3u  %-25s %-8s %-10s %s\n", row->path.device, row->path.port, row->path.sgid_index, local,
	       gid_type_name(row->gid.valid ? row->gid.type : GID_TYPE_UNKNOWN),
	       row->path.netdev[0] ? row->path.netdev : "-", verdict_name(row->verdict.kind));
	if (row->path.scope == REMOTE_ONE)
		print_wrapped("to:  ", row_remote(row, remote), width);
	print_wrapped(row->verdict.kind == VERDICT_PROTECTED ? "by:  " : "why: ", row_why(row), width);
}

void report_print_table(const struct report *report)
{
	int width = terminal_width();

	printf("%-10s %4s %3s  %-25s %-8s %-10s %s\n", "DEVICE", "PORT", "GID", "ADDRESS", "TYPE", "NETDEV", "VERDICT");
	for (size_t i = 0; i < report->count; i++)
		print_row(&report->rows[i], width);
}

static void add_text(json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

static void add_number(json_object *object, const char *key, int64_t value)
{
	json_object_object_add(object, key, json_object_new_int64(value));
}

static json_object *row_to_json(const struct report_row *row)
{
	json_object *object = json_object_new_object();
	char text[INET6_ADDRSTRLEN];

	add_text(object, "device", row->path.device);
	add_number(object, "port", row->path.port);
	add_number(object, "gid_index", row->path.sgid_index);
	if (row->gid.valid) {
		add_text(object, "address", gid_text(row->gid.raw, text));
		add_text(object, "type", gid_type_name(row->gid.type));
	}
	add_text(object, "netdev", row->path.netdev);
	add_text(object, "remote", row_remote(row, text));
	add_text(object, "verdict", verdict_name(row->verdict.kind));
	if (row->verdict.kind == VERDICT_PROTECTED) {
		add_text(object, "by", protection_name(row->verdict.by));
		add_text(object, "details", row->verdict.details);
	} else {
		add_text(object, "reason", row->verdict.reason);
	}
	if (row->verdict.by == BY_IPSEC && row->verdict.spi_out) {
		add_number(object, "spi_out", row->verdict.spi_out);
		add_number(object, "spi_in", row->verdict.spi_in);
		add_number(object, "reqid", row->verdict.reqid);
	}
	if (row->rule)
		add_text(object, "rule", row->rule->name);
	return object;
}

json_object *report_to_json(const struct report *report)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < report->count; i++)
		json_object_array_add(array, row_to_json(&report->rows[i]));
	return array;
}
