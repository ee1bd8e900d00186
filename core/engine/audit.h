/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The audit log: one line of JSON (record_json.h) a record, appended to a file. Nothing that goes wrong with the file
 * keeps a decision back: lines wait in a buffer of fixed size, what does not fit is counted, and when the file can be
 * written again a record of WIRE_EVENT_LOST with the count is the next line. A line that was cut by a full disk is
 * completed then; only one whose daemon did not live to see that stays torn, and the next one begins on a new line.
 */
#ifndef RDMASEC_ENGINE_AUDIT_H
#define RDMASEC_ENGINE_AUDIT_H

#include <stdint.h>

#include "messages/protocol.h"
#include "util/attributes.h"

enum { AUDIT_BUFFER_SIZE = 256 * 1024 };

struct audit;

/*
 * Opens `path` (absolute, or the current directory must not change), made with mode 0640 where it is not there. 0; or
 * -errno, -ELOOP for a symbolic link, -EINVAL, -ENXIO or -EISDIR for what is no regular file. Close with audit_close().
 * The process should ignore SIGXFSZ, which a file at RLIMIT_FSIZE raises.
 */
RS_MUST_USE int audit_open(const char *path, struct audit **out);

/* Keeps a line for the next flush; flushes by itself where the buffer is full and the last flush was good. */
void audit_write(struct audit *audit, const struct wire_record *record);

/*
 * Writes what waits, to a new file where logrotate(8) has moved the old one away. 0, or -errno: what could not be
 * written waits on. When only the new file cannot be made, the old one is written, and that errno told.
 */
RS_MUST_USE int audit_flush(struct audit *audit);

/* How many records were lost since audit_open(). */
uint64_t audit_lost(const struct audit *audit);

/* Flushes, and frees; what cannot be written now is lost. NULL is allowed. */
void audit_close(struct audit *audit);

#endif
