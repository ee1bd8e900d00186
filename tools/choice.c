// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "choice.h"
#include "detours.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/record_json.h"
#include "judge/survey.h"
#include "table.h"
#include "util/address.h"
#include "util/text.h"

/* ---- options ---- */

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

static int parse_port(const char *text, uint32_t *out)
{
	uint32_t port;
	int err = parse_number(text, 255, &port);

	if (err || !port)
		return -EINVAL;
	*out = port;
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

int choice_option(struct path_choice *choice, int option, const char *value)
{
	switch (option) {
	case 'd':
		choice->device = value;
		return *value ? 0 : -EINVAL;
	case 'n':
		choice->netdev = value;
		return *value ? 0 : -EINVAL;
	case 'i':
		return parse_port(value, &choice->port);
	case 'g':
		choice->has_gid = true;
		return parse_number(value, 255, &choice->gid_index);
	case 'r':
		choice->has_remote = true;
		return parse_remote(value, choice->remote);
	default:
		return -EINVAL;
	}
}

bool choice_is_complete(const struct path_choice *choice)
{
	if (choice->all)
		return !choice->device && !choice->netdev && !choice->port && !choice->has_gid && !choice->has_remote;
	return choice->netdev ? !choice->has_gid : choice->device && choice->has_gid;
}

bool choice_is_one_path(const struct path_choice *choice)
{
	return choice->has_gid;
}

enum json_form choice_form(const struct path_choice *choice, bool json)
{
	return !json ? JSON_NONE : choice_is_one_path(choice) ? JSON_OBJECT : JSON_ARRAY;
}

/* ---- judging ---- */

static const struct rdma_device *find_device(const struct rdma_inventory *inventory, const char *name)
{
	for (size_t i = 0; i < inventory->device_count; i++)
		if (!strcmp(inventory->devices[i].name, name))
			return &inventory->devices[i];
	return NULL;
}

/* A path that does not exist is unknown, as one that cannot be judged. */
static int add_unknown(const struct path_choice *choice, enum reason reason, const char *why, struct wire_records *out)
{
	struct wire_record record;

	wire_make(&record, WIRE_RECORD);
	record.verdict = VERDICT_UNKNOWN;
	record.reasons[0] = reason;
	record.port = !choice->port && choice->has_gid ? 1 : choice->port;
	if (choice->has_gid) {
		record.has = WIRE_RECORD_HAS_GID;
		record.gid_index = choice->gid_index;
	}
	text_copy(record.device, sizeof(record.device), choice->device ? choice->device : "");
	text_copy(record.netdev, sizeof(record.netdev), choice->netdev ? choice->netdev : "");
	text_copy(record.text, sizeof(record.text), why);
	text_printable(record.device);
	text_printable(record.netdev);
	text_printable(record.text);
	return wire_records_add(out, &record);
}

static int add_missing(const struct path_choice *choice, const struct rdma_device *device, struct wire_records *out)
{
	char why[160];

	if (choice->device && !device) {
		text_format(why, sizeof(why), "no RDMA device %s: list the devices with 'rdma link'", choice->device);
		return add_unknown(choice, REASON_DEVICE_UNKNOWN, why, out);
	}
	if (choice->netdev)
		text_format(why, sizeof(why), "no GID is on %s: list the GIDs with 'rdmasec status'", choice->netdev);
	else
		text_copy(why, sizeof(why), "no RDMA device has a GID: list the devices with 'rdma link'");
	return add_unknown(choice, REASON_NO_GID, why, out);
}

/* Packets to a remote of the other family do not leave by this GID. */
static bool chooses(const struct path_choice *choice, const struct rdma_port *port, const struct rdma_gid *gid)
{
	union ip_address ignored;

	if ((choice->port && choice->port != port->number) || strcmp(gid->netdev, choice->netdev))
		return false;
	return !choice->has_remote || gid_address(choice->remote, &ignored) == gid_address(gid->raw, &ignored);
}

static int survey_netdev(struct survey *survey, const struct survey_view *view, const struct rdma_device *device,
			 const struct path_choice *choice)
{
	enum remote_scope scope = choice->has_remote ? REMOTE_ONE : REMOTE_EVERY;
	int err = 0;

	for (size_t p = 0; p < device->port_count; p++) {
		const struct rdma_port *port = &device->ports[p];

		for (size_t g = 0; !err && g < port->gid_count; g++)
			if (chooses(choice, port, &port->gids[g]))
				err = survey_path(survey, view, device, port->number, port->gids[g].index, scope,
						  choice->remote);
	}
	return err;
}

static int survey_choice(struct survey *survey, const struct survey_view *view, const struct path_choice *choice,
			 const struct rdma_inventory *inventory)
{
	const struct rdma_device *device = choice->device ? find_device(inventory, choice->device) : NULL;
	int err = 0;

	if (choice->all)
		return survey_all(survey, view, inventory);
	if (choice->device && !device)
		return 0;
	if (!choice->netdev)
		return survey_path(survey, view, device, choice->port ? choice->port : 1, choice->gid_index,
				   choice->has_remote ? REMOTE_ONE : REMOTE_EVERY, choice->remote);
	for (size_t d = 0; !err && d < inventory->device_count; d++)
		if (!device || device == &inventory->devices[d])
			err = survey_netdev(survey, view, &inventory->devices[d], choice);
	return err;
}

int choice_judge_among(const struct path_choice *choice, const struct policy *policy, const struct evidence *ev,
		       const struct rdma_inventory *inventory, const struct detours *detours, struct wire_records *out)
{
	struct survey_view view = {
		.policy = policy, .evidence = ev, .route_get = evidence_route_get, .uid = getuid()
	};
	struct wire_records records = { 0 };
	struct survey survey = { 0 };
	int err;

	detours_look(detours, &view);
	err = survey_choice(&survey, &view, choice, inventory);
	for (size_t i = 0; !err && i < survey.count; i++) {
		struct wire_record record;

		survey_record(&survey.rows[i], &record);
		err = wire_records_add(&records, &record);
	}
	if (!err && !records.count)
		err = add_missing(choice, choice->device ? find_device(inventory, choice->device) : NULL, &records);
	survey_free(&survey);
	if (err)
		wire_records_free(&records);
	else
		*out = records;
	return err;
}

int choice_judge(const struct path_choice *choice, const struct policy *policy, const struct evidence *ev,
		 struct wire_records *out)
{
	struct rdma_inventory inventory;
	char error[192] = "", why[256];
	struct detours detours;
	int err = inventory_read("/sys", &inventory, error, sizeof(error));

	if (err == -ENOMEM)
		return err;
	if (err) {
		struct wire_records records = { 0 };

		text_format(why, sizeof(why), "cannot list RDMA devices: %s", error[0] ? error : strerror(-err));
		err = add_unknown(choice, REASON_DEVICE_UNKNOWN, why, &records);
		if (!err)
			*out = records;
		return err;
	}
	err = detours_open(&detours) ? 0 : -ENOMEM;
	if (!err)
		err = choice_judge_among(choice, policy, ev, &inventory, &detours, out);
	detours_close(&detours);
	inventory_free(&inventory);
	return err;
}

bool choice_is_missing(const struct wire_record *record)
{
	return record->verdict == VERDICT_UNKNOWN &&
	       (record->reasons[0] == REASON_DEVICE_UNKNOWN || record->reasons[0] == REASON_NO_GID ||
		record->reasons[0] == REASON_GID_EMPTY || record->reasons[0] == REASON_PORT_UNKNOWN ||
		record->reasons[0] == REASON_GID_NO_NETDEV);
}

/* ---- showing ---- */

static void show_line(const struct path_choice *choice, const struct wire_record *record)
{
	bool is_protected = record->verdict == VERDICT_PROTECTED;

	if (!choice_is_one_path(choice) && record->has & WIRE_RECORD_HAS_GID) {
		printf("%s port %u GID %u", record->device, record->port, record->gid_index);
		if (*record->local)
			printf(" (%s%s%s)", record->local, *record->netdev ? " on " : "", record->netdev);
		if (*record->remote)
			printf(" to %s%s", record->remote, strcmp(record->remote, "any") ? "" : " remote");
		printf(": ");
	}
	printf("%s: %s\n", verdict_name(record->verdict), is_protected ? record->details : record->text);
}

int choice_show(const struct path_choice *choice, const struct wire_records *records, bool json)
{
	const int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE;

	if (json)
		return json_print(stdout,
				  choice_is_one_path(choice) ? record_to_json(&records->rows[0]) : status_json(records),
				  flags);
	for (size_t i = 0; i < records->count; i++)
		show_line(choice, &records->rows[i]);
	return 0;
}
