// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "table.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "commands.h"
#include "engine/record_json.h"
#include "judge/decide.h"
#include "table_internal.h"

enum { TERMINAL_DEFAULT = 80, TERMINAL_LEAST = 60 };

int terminal_width(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col < TERMINAL_LEAST ? TERMINAL_LEAST : size.ws_col;
	return TERMINAL_DEFAULT;
}

void print_wrapped(FILE *to, const char *label, const char *text, int width)
{
	int indent = 6 + (int)strlen(label), room = width - indent;

	fprintf(to, "      %s%s", label, *text ? "" : "\n");
	while (*text) {
		int len = (int)strlen(text), cut = len;

		if (len > room)
			for (cut = room; cut > 0 && text[cut] != ' '; cut--)
				;
		if (cut <= 0)
			cut = len < room ? len : room;
		fprintf(to, "%.*s\n", cut, text);
		text += cut;
		text += strspn(text, " ");
		if (*text)
			fprintf(to, "%*s", indent, "");
	}
}

const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static void status_row(FILE *to, const struct wire_record *record, int width)
{
	bool is_protected = record->verdict == VERDICT_PROTECTED;

	fprintf(to, "%-10s %4u %3u  %-25s %-8s %-10s %s\n", record->device, record->port, record->gid_index,
		or_dash(record->local), *record->gid_type ? record->gid_type : "?", or_dash(record->netdev),
		verdict_name(record->verdict));
	if (strcmp(record->remote, "any"))
		print_wrapped(to, "to:  ", record->remote, width);
	print_wrapped(to, is_protected ? "by:  " : "why: ", is_protected ? record->details : record->text, width);
}

void status_table(FILE *to, const struct wire_records *records, int width)
{
	fprintf(to, "%-10s %4s %3s  %-25s %-8s %-10s %s\n", "DEVICE", "PORT", "GID", "ADDRESS", "TYPE", "NETDEV",
		"VERDICT");
	for (size_t i = 0; i < records->count; i++)
		status_row(to, &records->rows[i], width);
}

int status_exit(const struct wire_records *records)
{
	int worst = records->count ? EXIT_PROTECTED : EXIT_UNKNOWN;

	for (size_t i = 0; i < records->count; i++) {
		uint32_t verdict = records->rows[i].verdict;
		int status = verdict == VERDICT_PROTECTED     ? EXIT_PROTECTED
			     : verdict == VERDICT_UNPROTECTED ? EXIT_UNPROTECTED
							      : EXIT_UNKNOWN;

		if (status > worst)
			worst = status;
	}
	return worst;
}

void json_append(json_object **array, json_object *object)
{
	if (object && !json_object_array_add(*array, object))
		return;
	json_object_put(object);
	json_object_put(*array);
	*array = NULL;
}

json_object *status_json(const struct wire_records *records)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < records->count; i++)
		json_append(&array, record_to_json(&records->rows[i]));
	return array;
}

int json_print(FILE *to, json_object *object, int flags)
{
	const char *text = object ? json_object_to_json_string_ext(object, flags) : NULL;
	int err = !text ? -ENOMEM : fprintf(to, "%s\n", text) < 0 ? -EIO : 0;

	json_object_put(object);
	return err;
}

/* ---- events ---- */

static void print_subject(FILE *to, const struct wire_record *record)
{
	if (record->pid)
		fprintf(to, " pid %d uid %u", record->pid, record->uid);
	if (*record->executable)
		fprintf(to, " (%s)", record->executable);
	if (*record->device)
		fprintf(to, " %s", record->device);
	if (record->port)
		fprintf(to, " port %u", record->port);
	if (record->has & WIRE_RECORD_HAS_GID)
		fprintf(to, " GID %u", record->gid_index);
	if (*record->local)
		fprintf(to, " (%s%s%s)", record->local, *record->netdev ? " on " : "", record->netdev);
	if (record->has & WIRE_RECORD_HAS_QPN)
		fprintf(to, " QP %u", record->qpn);
	if (*record->remote)
		fprintf(to, " to %s%s", record->remote, strcmp(record->remote, "any") ? "" : " remote");
	if (record->has & WIRE_RECORD_HAS_DEST_QPN)
		fprintf(to, " QP %u", record->dest_qpn);
}

static void print_verdict(FILE *to, const struct wire_record *record)
{
	const char *why = record->verdict == VERDICT_PROTECTED ? record->details : record->text;

	fprintf(to, ": %s", verdict_name(record->verdict));
	if (record->verdict == VERDICT_PROTECTED)
		fprintf(to, " by %s", protection_name(record->by));
	if (*why)
		fprintf(to, ": %s", why);
	if (record->err)
		fprintf(to, " (%s)", strerror((int)record->err));
	if (*record->rule && strcmp(record->rule, "default"))
		fprintf(to, " [rule %s]", record->rule);
}

void event_line(FILE *to, const struct wire_record *record)
{
	const char *event = record_event_name(record->event), *outcome = record_outcome_name(record->outcome);
	char time[RECORD_TIME_MAX];

	fprintf(to, "%s ", record_time_text(record->time_ns, time));
	if (record->event == WIRE_EVENT_LOST) {
		fprintf(to, "lost %llu events", (unsigned long long)record->count);
		if (*record->text)
			fprintf(to, ": %s", record->text);
		fputc('\n', to);
		return;
	}
	/* the outcome of a decision says more than the word for a decision */
	fputs(record->event == WIRE_EVENT_DECIDED && outcome ? outcome : event ? event : "-", to);
	if (*record->command)
		fprintf(to, " %s", record->command);
	if (*record->qp_type)
		fprintf(to, " %s", record->qp_type);
	print_subject(to, record);
	print_verdict(to, record);
	fputc('\n', to);
}
