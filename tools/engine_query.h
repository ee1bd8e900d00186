/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Asks the engine for lists and events. Checks every message before use. Functions block up to WIRE_TIMEOUT_MS. */
#ifndef RDMASEC_TOOLS_ENGINE_QUERY_H
#define RDMASEC_TOOLS_ENGINE_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "messages/protocol.h"
#include "util/attributes.h"

/* The name of the engine's socket: RDMASEC_ENGINE if it is not empty, else that of rdmasecd if it is installed; else
 * NULL. */
const char *engine_query_name(void);

/* Sends a request to the engine `name`. A connected socket, which the caller owns, or -errno and a text. */
RS_MUST_USE int engine_query_open(const char *name, enum wire_type which, char *error, size_t error_size);

struct wire_records {
	struct wire_record *rows;
	size_t count;
};

/*
 * Reads a list to its end, within `timeout_ms`, and closes the socket. 0: the caller frees *out with
 * wire_records_free(); or -errno and a text, without *out.
 */
RS_MUST_USE int engine_query_list(int socket, int timeout_ms, struct wire_records *out, char *error, size_t error_size);
RS_MUST_USE int wire_records_add(struct wire_records *records, const struct wire_record *record);
void wire_records_free(struct wire_records *records);

/* One event: WIRE_RECORD and *out; -EAGAIN: none yet; another -errno and a text: the stream has ended. */
RS_MUST_USE int engine_query_next(int socket, struct wire_record *out, char *error, size_t error_size);

#endif
