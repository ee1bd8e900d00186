/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* All QPs of the host, each with who guards it: what the engine says and what the kernel says, put together. */
#ifndef RDMASEC_TOOLS_QP_ROWS_H
#define RDMASEC_TOOLS_QP_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "engine_query.h"
#include "rdma/resources.h"

enum qp_guard {
	QP_GUARDED,   /* the engine knows it; its verdict is in the record */
	QP_UNGUARDED, /* of a process that asked no engine */
	QP_KERNEL,    /* of the kernel's own user (NVMe, NFS, SMB...), which passes no uverbs */
	QP_KERNEL_CM, /* the kernel's connection management: CM messages leave by it */
	QP_NOT_YOURS, /* another user's: the engine tells only root of those */
	QP_UNKNOWN,   /* no engine answered */
	QP_GUARD_COUNT,
};

struct qp_row {
	enum qp_guard guard;
	/* As the engine sent it; else made of what the kernel says, `executable` being the process' or the module's
	 * short name. */
	struct wire_record record;
	bool has_state;
	uint8_t state; /* enum ib_qp_state */
};

struct qp_rows {
	struct qp_row *rows;
	size_t count;
	size_t counts[QP_GUARD_COUNT];
};

/* What is asked about a process. /proc, and what a test says instead. */
struct process_reader {
	/* 0, its effective uid and its name (comm); -errno: there is no such process to be seen */
	int (*read)(void *context, pid_t pid, uid_t *out_uid, char comm[16]);
	void *context;
};
extern const struct process_reader process_proc;

/*
 * `guarded`: the engine's list, NULL if none could be had. `before` and `after` were read before and after it: what is
 * in both lived while the engine made its list. `uid`: who asks. 0 or -ENOMEM; free with qp_rows_free().
 */
RS_MUST_USE int qp_rows_make(const struct wire_records *guarded, const struct rdma_resources *before,
			     const struct rdma_resources *after, uid_t uid, const struct process_reader *processes,
			     struct qp_rows *out);
void qp_rows_free(struct qp_rows *rows);

/*
 * Asks engine and kernel. 0; -ENOTCONN: no engine answered, `error` says why, and the rows are there all the same; else
 * -errno and a text.
 */
RS_MUST_USE int qp_rows_read(struct qp_rows *out, char *error, size_t error_size);

const char *qp_guard_name(enum qp_guard guard);

#endif
