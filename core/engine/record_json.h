/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* One struct wire_record as one JSON object: the audit log's lines, and what the tools print with --json. */
#ifndef RDMASEC_ENGINE_RECORD_JSON_H
#define RDMASEC_ENGINE_RECORD_JSON_H

#include <json-c/json.h>

#include "messages/protocol.h"

/* One line, and no needless backslashes in paths. */
enum { RECORD_JSON_LINE = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE };

/*
 * An object with a key for everything that the record has (rdmasec(1) lists them); what is not known is left out.
 * NULL: no memory. Free with json_object_put(). The record must have passed wire_check(), or be our own.
 */
RS_MUST_USE json_object *record_to_json(const struct wire_record *record);

const char *record_event_name(uint32_t event);     /* enum wire_event: "revoked"...; NULL for none */
const char *record_outcome_name(uint32_t outcome); /* enum wire_outcome: "refused"...; NULL for none */

/* RFC 3339 in UTC with milliseconds, "2026-01-31T12:00:00.123Z"; "" for a time that no calendar has. */
enum { RECORD_TIME_MAX = 40 };
const char *record_time_text(int64_t time_ns, char text[RECORD_TIME_MAX]);

#endif
