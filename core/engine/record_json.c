// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "engine/record_json.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "judge/decide.h"
#include "util/text.h"

const char *record_event_name(uint32_t event)
{
	static const char *const names[WIRE_EVENT_COUNT] = {
		[WIRE_EVENT_DECIDED] = "decided",
		[WIRE_EVENT_CHANGED] = "changed",
		[WIRE_EVENT_GRACE] = "grace",
		[WIRE_EVENT_REVOKED] = "revoked",
		[WIRE_EVENT_NOT_REVOKED] = "not-revoked",
		[WIRE_EVENT_ADOPTED] = "adopted",
		[WIRE_EVENT_LOST] = "lost",
		[WIRE_EVENT_STOPPED] = "stopped",
		[WIRE_EVENT_KERNEL_DOOR] = "kernel-door",
	};

	return event < WIRE_EVENT_COUNT ? names[event] : NULL;
}

const char *record_outcome_name(uint32_t outcome)
{
	static const char *const names[WIRE_OUTCOME_COUNT] = {
		[WIRE_OUTCOME_PASSED] = "passed",
		[WIRE_OUTCOME_REFUSED] = "refused",
		[WIRE_OUTCOME_AUDITED] = "audited",
	};

	return outcome < WIRE_OUTCOME_COUNT ? names[outcome] : NULL;
}

const char *record_time_text(int64_t time_ns, char text[RECORD_TIME_MAX])
{
	const int64_t second = 1000000000;
	int64_t fraction = time_ns % second;
	time_t seconds = time_ns / second;
	struct tm tm;
	size_t len;

	if (fraction < 0) {
		fraction += second;
		seconds--;
	}
	text[0] = '\0';
	if (!gmtime_r(&seconds, &tm))
		return text;
	len = strftime(text, RECORD_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	text_format(text + len, RECORD_TIME_MAX - len, ".%03dZ", (int)(fraction / 1000000));
	return text;
}

/* An object under construction. `failed`: a key could not be added, so the object is incomplete. */
struct maker {
	json_object *object;
	bool failed;
};

static void add(struct maker *maker, const char *key, json_object *value)
{
	if (value && !json_object_object_add_ex(maker->object, key, value,
						JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY))
		return;
	json_object_put(value);
	maker->failed = true;
}

static void add_text(struct maker *maker, const char *key, const char *text)
{
	if (text && *text)
		add(maker, key, json_object_new_string(text));
}

static void add_number(struct maker *maker, const char *key, uint64_t number, bool known)
{
	if (known)
		add(maker, key, json_object_new_uint64(number));
}

static void add_what_happened(struct maker *maker, const struct wire_record *record)
{
	char time[RECORD_TIME_MAX];

	if (record->time_ns)
		add_text(maker, "time", record_time_text(record->time_ns, time));
	add_text(maker, "event", record_event_name(record->event));
	add_text(maker, "outcome", record_outcome_name(record->outcome));
	add_number(maker, "count", record->count,
		   record->event == WIRE_EVENT_LOST || record->event == WIRE_EVENT_STOPPED);
	add_number(maker, "pid", (uint32_t)record->pid, record->pid);
	add_number(maker, "uid", record->uid, record->pid); /* 0 is root: known only where there is a process */
	add_text(maker, "executable", record->executable);
	add_text(maker, "command", record->command);
}

static void add_path(struct maker *maker, const struct wire_record *record)
{
	add_text(maker, "device", record->device);
	add_number(maker, "port", record->port, record->port);
	add_number(maker, "gid_index", record->gid_index, record->has & WIRE_RECORD_HAS_GID);
	add_text(maker, "gid_type", record->gid_type);
	add_text(maker, "local", record->local);
	add_text(maker, "netdev", record->netdev);
	add_text(maker, "remote", record->remote);
	add_number(maker, "qpn", record->qpn, record->has & WIRE_RECORD_HAS_QPN);
	add_number(maker, "dest_qpn", record->dest_qpn, record->has & WIRE_RECORD_HAS_DEST_QPN);
	add_text(maker, "qp_type", record->qp_type);
}

static void add_judgement(struct maker *maker, const struct wire_record *record)
{
	char reasons[REASONS_TEXT_MAX];
	const char *name;

	if (record->event != WIRE_EVENT_LOST)
		add_text(maker, "verdict", verdict_name(record->verdict));
	if (record->verdict == VERDICT_PROTECTED)
		add_text(maker, "by", protection_name(record->by));
	add_text(maker, "details", record->details);
	add_text(maker, "rule", record->rule);
	add_text(maker, "reason", reasons_text(record->reasons, reasons));
	add_text(maker, "text", record->text);
	if (!record->err)
		return;
	name = strerrorname_np((int)record->err);
	if (name)
		add_text(maker, "errno", name);
	else
		add_number(maker, "errno", record->err, true);
}

json_object *record_to_json(const struct wire_record *record)
{
	struct maker maker = { .object = json_object_new_object() };

	if (!maker.object)
		return NULL;
	add_what_happened(&maker, record);
	add_path(&maker, record);
	add_judgement(&maker, record);
	if (!maker.failed)
		return maker.object;
	json_object_put(maker.object);
	return NULL;
}
