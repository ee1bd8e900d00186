/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Queue pairs as the kernel lists them and as the engine does, and the processes that own them. */
#ifndef RDMASEC_TESTS_QP_ROWS_FIXTURE_H
#define RDMASEC_TESTS_QP_ROWS_FIXTURE_H

#include <rdma/ib_user_ioctl_verbs.h>

#include "record_fixture.h"
#include "tools/qp_rows.h"
#include "util/text.h"

enum { ROOT = 0, USER = 1000 };

static inline int fake_process(void *context, pid_t pid, uid_t *out_uid, char comm[16])
{
	(void)context;
	if (pid >= 900)
		return -ENOENT;
	*out_uid = (uid_t)pid / 100 * 1000;
	text_format(comm, 16, "program%d", (int)pid);
	return 0;
}

static const struct process_reader processes = { .read = fake_process };

static inline struct rdma_qp user_qp(uint32_t qpn, uint32_t pid)
{
	return (struct rdma_qp){ .device = "rxe0",
				 .port = 1,
				 .qpn = qpn,
				 .type = IB_UVERBS_QPT_RC,
				 .state = 3,
				 .has_remote_qpn = true,
				 .remote_qpn = qpn + 1000,
				 .pid = pid };
}

static inline struct rdma_qp kernel_qp(uint32_t qpn, uint8_t type, const char *owner)
{
	struct rdma_qp qp = { .device = "rxe0", .port = 1, .qpn = qpn, .type = type, .state = 3, .is_kernel = true };

	text_copy(qp.kernel_owner, sizeof(qp.kernel_owner), owner);
	return qp;
}

static inline struct wire_record guarded_qp(uint32_t qpn)
{
	struct wire_record record = full_record();

	record.event = WIRE_EVENT_NONE;
	record.outcome = WIRE_OUTCOME_NONE;
	record.err = 0;
	record.qpn = qpn;
	record.verdict = VERDICT_PROTECTED;
	record.by = BY_IPSEC;
	record.text[0] = '\0';
	strcpy(record.details, "ESP SPI 0xc0ffee01");
	memset(record.reasons, 0, sizeof(record.reasons));
	return record;
}

#endif
