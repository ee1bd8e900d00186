/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Records for tests: one with everything, its octets as another process sends them, and a check of leaks. */
#ifndef RDMASEC_TESTS_RECORD_FIXTURE_H
#define RDMASEC_TESTS_RECORD_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <sanitizer/lsan_interface.h>
#include <string.h>

#include "judge/decide.h"
#include "messages/protocol.h"

/* Criterion counts neither what LeakSanitizer says when a worker exits, nor what fails in a .fini. */
static inline void expect_no_leak(void)
{
	cr_expect_eq(__lsan_do_recoverable_leak_check(), 0, "memory was leaked");
}

/* Each field has its own value, so that none can be taken for another. */
static inline struct wire_record full_record(void)
{
	struct wire_record record;

	wire_make(&record, WIRE_RECORD);
	record.event = WIRE_EVENT_REVOKED;
	record.outcome = WIRE_OUTCOME_REFUSED;
	record.has = WIRE_RECORD_HAS_GID | WIRE_RECORD_HAS_QPN | WIRE_RECORD_HAS_DEST_QPN;
	record.err = EPERM;
	record.time_ns = INT64_C(1769860800123999999);
	record.pid = 101;
	record.uid = 102;
	record.port = 1;
	record.gid_index = 3;
	record.qpn = 104;
	record.dest_qpn = 105;
	record.verdict = VERDICT_UNPROTECTED;
	strcpy(record.command, "modify_qp");
	strcpy(record.qp_type, "RC");
	strcpy(record.executable, "/usr/bin/ibv_rc_pingpong");
	strcpy(record.device, "rxe0");
	strcpy(record.gid_type, "RoCE v2");
	strcpy(record.netdev, "eth0");
	strcpy(record.local, "10.0.0.1");
	strcpy(record.remote, "10.0.0.2");
	strcpy(record.rule, "storage");
	record.reasons[0] = REASON_MACSEC_NO_DEVICE;
	record.reasons[1] = REASON_OUTBOUND_NO_POLICY;
	strcpy(record.text, "eth0 is not a \"MACsec\" device");
	return record;
}

#endif
