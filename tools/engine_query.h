/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Asking the engine for lists and events. Whatever it sends is checked before it is used. */
#ifndef RDMASEC_TOOLS_ENGINE_QUERY_H
#define RDMASEC_TOOLS_ENGINE_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "messages/protocol.h"
#include "util/attributes.h"

/* The socket's name: RDMASEC_ENGINE if it is set, else the host's where there is to be one; NULL: there is none. */
const char *engine_query_name(void);

/* Asks the engine `name`. A connected socket, or -errno and a text. */
RS_MUST_USE int engine_query_open(const char *name, enum wire_type which, char *error, size_t error_size);

struct wire_records {
	struct wire_record *rows;
	size_t count, room;
};

/*
 * Reads a list to its end, within `timeout_ms`, and closes the socket. 0; or -errno and a text: then `out` is not
 * written. Free with wire_records_free().
 */
RS_MUST_USE int engine_query_list(int socket, int timeout_ms, struct wire_records *out, char *error, size_t error_size);
RS_MUST_USE int wire_records_add(struct wire_records *records, const struct wire_record *record);
void wire_records_free(struct wire_records *records);

/* One message of a stream: WIRE_RECORD and *out, or -errno and a text: the stream is at its end. -EAGAIN: none yet. */
RS_MUST_USE int engine_query_next(int socket, struct wire_record *out, char *error, size_t error_size);

#endif
