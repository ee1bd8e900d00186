// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "lockdown_view.h"

#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "gate/gate.h"
#include "table.h"

static const char *place_name(enum gate_place place)
{
	switch (place) {
	case GATE_ABSENT:
		return "open";
	case GATE_FIRST:
		return "stopped";
	case GATE_BEHIND_OTHERS:
		return "behind";
	default:
		return "unknown";
	}
}

struct row {
	const struct link_evidence *link;
	struct gate_standing standing;
	bool needed;
	uint64_t out, in; /* frames that were stopped */
};

struct totals {
	struct row *rows;
	size_t count;
};

static int add_stopped(const struct gate_stopped *stopped, void *context)
{
	struct totals *totals = context;

	for (size_t i = 0; i < totals->count; i++)
		if (totals->rows[i].link->ifindex == (int)stopped->flow.ifindex)
			*(stopped->flow.direction == GATE_DIRECTION_OUT ? &totals->rows[i].out : &totals->rows[i].in) +=
				stopped->frames;
	return 0;
}

/* A row for every device that needs the gate or has it. Returns the worst status. */
static int fill(const struct gate_view *view, struct totals *out)
{
	int status = EXIT_PROTECTED;
	char error[256];

	out->rows = calloc(view->evidence.link_count ? view->evidence.link_count : 1, sizeof(*out->rows));
	if (!out->rows)
		return EXIT_UNKNOWN;
	for (size_t i = 0; i < view->evidence.link_count; i++) {
		struct row row = { .link = &view->evidence.links[i] };

		row.needed = gate_view_needs(view, row.link);
		if (gate_standing(row.link->ifindex, &row.standing, error, sizeof(error))) {
			fprintf(stderr, "rdmasec: %s: %s\n", row.link->name, error);
			status = EXIT_UNKNOWN;
		} else if (row.needed && (row.standing.out != GATE_FIRST || row.standing.in != GATE_FIRST) &&
			   status != EXIT_UNKNOWN) {
			status = EXIT_UNPROTECTED;
		}
		if (row.needed || row.standing.out >= GATE_FIRST || row.standing.in >= GATE_FIRST)
			out->rows[out->count++] = row;
	}
	return status;
}

static json_object *row_json(const struct row *row, bool counted)
{
	json_object *object = json_object_new_object();

	if (!object)
		return NULL;
	json_object_object_add(object, "netdev", json_object_new_string(row->link->name));
	json_object_object_add(object, "needed", json_object_new_boolean(row->needed));
	json_object_object_add(object, "out", json_object_new_string(place_name(row->standing.out)));
	json_object_object_add(object, "in", json_object_new_string(place_name(row->standing.in)));
	if (counted) {
		json_object_object_add(object, "stopped_out", json_object_new_int64((int64_t)row->out));
		json_object_object_add(object, "stopped_in", json_object_new_int64((int64_t)row->in));
	}
	return object;
}

static int show_json(const struct totals *totals, bool counted)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < totals->count && array; i++)
		json_append(&array, row_json(&totals->rows[i], counted));
	return json_print(stdout, array, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
}

static void show_table(const struct totals *totals, bool counted)
{
	printf("%-15s %-8s %-8s %12s %12s\n", "NETDEV", "OUT", "IN", "STOPPED OUT", "STOPPED IN");
	for (size_t i = 0; i < totals->count; i++) {
		const struct row *row = &totals->rows[i];

		printf("%-15s %-8s %-8s ", row->link->name, place_name(row->standing.out),
		       place_name(row->standing.in));
		if (counted)
			printf("%12llu %12llu\n", (unsigned long long)row->out, (unsigned long long)row->in);
		else
			printf("%12s %12s\n", "?", "?");
	}
}

static bool is_up(const struct row *row)
{
	return row->standing.out == GATE_FIRST && row->standing.in == GATE_FIRST;
}

/* Lists the netdevs with the gate, or those without one that need it. Returns how many. */
static size_t list_netdevs(FILE *to, const struct totals *totals, bool up, const char *before)
{
	size_t count = 0;

	for (size_t i = 0; i < totals->count; i++)
		if (is_up(&totals->rows[i]) == up && (up || totals->rows[i].needed))
			fprintf(to, "%s%s", count++ ? ", " : before, totals->rows[i].link->name);
	return count;
}

static void print_summary(FILE *to, const struct totals *totals, bool counted)
{
	uint64_t out = 0, in = 0;
	size_t up;

	for (size_t i = 0; i < totals->count; i++) {
		out += totals->rows[i].out;
		in += totals->rows[i].in;
	}
	fputs("gate: ", to);
	up = list_netdevs(to, totals, true, "stops cleartext RoCE on ");
	if (up && counted)
		fprintf(to, " (%llu packets on their way out, %llu in)", (unsigned long long)out,
			(unsigned long long)in);
	if (!list_netdevs(to, totals, false, up ? "; none stands on " : "none stands on ") && !up)
		fputs("no network device needs one", to);
	fputc('\n', to);
}

void lockdown_summary(FILE *to)
{
	struct totals totals = { .rows = NULL };
	struct gate_view view;
	char error[256];

	if (gate_view_read(&view, error, sizeof(error))) {
		fprintf(to, "gate: unknown: %s\n", error);
		return;
	}
	(void)fill(&view, &totals);
	print_summary(to, &totals, totals.rows && !gate_stopped(add_stopped, &totals, error, sizeof(error)));
	free(totals.rows);
	gate_view_free(&view);
}

json_object *lockdown_summary_json(void)
{
	json_object *object = json_object_new_object(), *array = json_object_new_array();
	struct totals totals = { .rows = NULL };
	struct gate_view view;
	char error[256];
	bool counted;

	if (!gate_view_read(&view, error, sizeof(error))) {
		(void)fill(&view, &totals);
		counted = totals.rows && !gate_stopped(add_stopped, &totals, error, sizeof(error));
		for (size_t i = 0; i < totals.count && array; i++)
			json_append(&array, row_json(&totals.rows[i], counted));
		free(totals.rows);
		gate_view_free(&view);
	}
	if (object && array && !json_object_object_add(object, "gate", array))
		return object;
	json_object_put(array);
	json_object_put(object);
	return NULL;
}

int lockdown_show(const struct gate_view *view, bool json)
{
	struct totals totals = { .rows = NULL };
	char error[256];
	int status = fill(view, &totals);
	bool counted = totals.rows && !gate_stopped(add_stopped, &totals, error, sizeof(error));

	if (json) {
		if (show_json(&totals, counted))
			status = EXIT_UNKNOWN;
	} else {
		show_table(&totals, counted);
	}
	free(totals.rows);
	return status;
}
