/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The audit log: one line of JSON (record_json.h) for each record, appended to a file. A failing file never delays a
 * decision. Lines wait in a buffer of fixed size; records that do not fit are counted. When the file can be written
 * again, the next line is a WIRE_EVENT_LOST record with the count. A line that a full disk cut is completed then. If
 * the daemon ended before, the line stays incomplete and the next daemon begins a new line. For one thread.
 */
#ifndef RDMASEC_ENGINE_AUDIT_H
#define RDMASEC_ENGINE_AUDIT_H

#include <stdint.h>

#include "messages/protocol.h"
#include "util/attributes.h"

enum { AUDIT_BUFFER_SIZE = 256 * 1024 };

struct audit;

/*
 * Opens `path`, and creates it with mode 0640 if it does not exist. Returns 0 or -errno: -ELOOP for a symbolic link;
 * -EINVAL, -ENXIO or -EISDIR if it is no regular file. A relative path needs a current directory that does not change.
 * The caller frees *out with audit_close(), and should ignore SIGXFSZ, which a file at RLIMIT_FSIZE raises.
 */
RS_MUST_USE int audit_open(const char *path, struct audit **out);

/* Buffers a line for the next flush. Flushes if the buffer is full and the last flush succeeded. */
void audit_write(struct audit *audit, const struct wire_record *record);

/*
 * Writes the buffered lines; if logrotate(8) has moved the file away, to a new file. Returns 0 or -errno; lines that
 * could not be written stay in the buffer. If only the new file cannot be created, it writes to the old file and
 * returns that -errno.
 */
RS_MUST_USE int audit_flush(struct audit *audit);

/* Returns the number of records lost since audit_open(). */
uint64_t audit_lost(const struct audit *audit);

/* Flushes and frees. Lines that cannot be written are lost. NULL is allowed. */
void audit_close(struct audit *audit);

#endif
