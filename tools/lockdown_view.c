// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "lockdown_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "gate/gate.h"
#include "gate/plan.h"
#include "rdma/device.h"
#include "table.h"
#include "util/address.h"
#include "util/array.h"
#include "util/text.h"

/* ---- reading ---- */

static int add_netdevs(struct lockdown_view *view, const struct rdma_port *port)
{
	int err = 0;

	if (port->netdev_ifindex)
		err = array_append(&view->under, &view->under_count, &port->netdev_ifindex, sizeof(int));
	for (size_t i = 0; i < port->gid_count && !err; i++) {
		const struct link_evidence *link = evidence_link_by_name(&view->evidence, port->gids[i].netdev);

		if (link)
			err = array_append(&view->under, &view->under_count, &link->ifindex, sizeof(int));
	}
	return err;
}

static int find_software_devices(struct lockdown_view *view, char *error, size_t error_size)
{
	struct rdma_inventory inventory;
	char why[192] = "";
	int err = inventory_read("/sys", &inventory, why, sizeof(why));

	if (err == -ENODEV) /* a device can come later */
		return 0;
	if (err) {
		text_format(error, error_size, "cannot list RDMA devices: %s", why[0] ? why : strerror(-err));
		return err;
	}
	for (size_t i = 0; i < inventory.device_count && !err; i++) {
		const struct rdma_device *device = &inventory.devices[i];

		if (device->driver_known && driver_traits(device->driver_id)->egress != EGRESS_HOST_STACK)
			continue;
		for (size_t j = 0; j < device->port_count && !err; j++)
			err = add_netdevs(view, &device->ports[j]);
	}
	inventory_free(&inventory);
	if (err)
		text_format(error, error_size, "cannot list RDMA devices: %s", strerror(-err));
	return err;
}

int lockdown_view_read(struct lockdown_view *out, char *error, size_t error_size)
{
	int err = 0;

	*out = (struct lockdown_view){ .under = NULL };
	evidence_read(&out->evidence);
	if (out->evidence.links_state != EVIDENCE_READ) {
		text_format(error, error_size, "cannot list network devices: %s", out->evidence.links_error);
		err = -EIO;
	}
	if (!err)
		err = find_software_devices(out, error, error_size);
	if (err)
		lockdown_view_free(out);
	return err;
}

void lockdown_view_free(struct lockdown_view *view)
{
	evidence_free(&view->evidence);
	free(view->under);
}

bool lockdown_is_needed(const struct lockdown_view *view, const struct link_evidence *link)
{
	return gate_is_needed(&view->evidence, link, view->under, view->under_count);
}

/* ---- showing ---- */

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
static int fill(const struct lockdown_view *view, struct totals *out)
{
	int status = EXIT_PROTECTED;
	char error[256];

	out->rows = calloc(view->evidence.link_count ? view->evidence.link_count : 1, sizeof(*out->rows));
	if (!out->rows)
		return EXIT_UNKNOWN;
	for (size_t i = 0; i < view->evidence.link_count; i++) {
		struct row row = { .link = &view->evidence.links[i] };

		row.needed = lockdown_is_needed(view, row.link);
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

int lockdown_show(const struct lockdown_view *view, bool json)
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
