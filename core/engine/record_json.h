/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* One struct wire_record as one JSON object: lines of the audit log, and output of the tools with --json. */
#ifndef RDMASEC_ENGINE_RECORD_JSON_H
#define RDMASEC_ENGINE_RECORD_JSON_H

#include <json-c/json.h>

#include "messages/protocol.h"

/* One line, without backslashes before slashes. */
enum { RECORD_JSON_LINE = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE };

/*
 * Returns an object with a key for each known fact of the record; rdmasec(1) lists the keys. NULL: no memory. The
 * caller frees it with json_object_put(). The record must come from this process, or have passed wire_check().
 */
RS_MUST_USE json_object *record_to_json(const struct wire_record *record);

const char *record_event_name(uint32_t event);     /* of enum wire_event: "revoked"...; NULL: no name */
const char *record_outcome_name(uint32_t outcome); /* of enum wire_outcome: "refused"...; NULL: no name */

/* Writes and returns `text`: RFC 3339, UTC, milliseconds, "2026-01-31T12:00:00.123Z"; "" if out of range. */
enum { RECORD_TIME_MAX = 40 };
const char *record_time_text(int64_t time_ns, char text[RECORD_TIME_MAX]);

#endif
