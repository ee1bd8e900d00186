/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Limits the records of decisions: a program can have questions answered thousands of times a second, and each would be
 * a line of the audit log. An account (process/account.h) may have DECISIONS_BURST records at once and DECISIONS_PER_S
 * on average. The further ones are counted, and reported in one record. Records of living queue pairs (revoked, ...)
 * are not limited. For one thread; never blocks.
 */
#ifndef RDMASEC_ENGINE_DECISIONS_H
#define RDMASEC_ENGINE_DECISIONS_H

#include "messages/protocol.h"
#include "util/attributes.h"

/* The account of what the gate reports. No account of a process has this number (process/account.h). */
#define DECISIONS_OF_GATE (UINT64_MAX - 1)

enum { DECISIONS_BURST = 4000, DECISIONS_PER_S = 50, DECISIONS_SUMMARY_MS = 5000 };

struct decisions;

/* Returns NULL if there is no memory; the caller frees it with decisions_free(). */
struct decisions *decisions_new(void);
void decisions_free(struct decisions *decisions); /* NULL is allowed */

/* Returns whether the record shall be published; otherwise counts it. */
RS_MUST_USE bool decisions_admit(struct decisions *decisions, uint64_t account, const struct wire_record *record,
				 int64_t now_ms);

/* Counts `count` records like this one that were left out before they were made. */
void decisions_leave_out(struct decisions *decisions, uint64_t account, const struct wire_record *like, uint64_t count);

/*
 * Calls `publish` with a record WIRE_EVENT_LOST for each account with records that were left out since the last call.
 * The record has the last of them, and the number of all and of the refusals. Call it every DECISIONS_SUMMARY_MS.
 */
void decisions_summarise(struct decisions *decisions, int64_t now_ms,
			 void (*publish)(const struct wire_record *record, void *arg), void *arg);

#endif
