/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* All queue pairs of the host: the engine's list and the kernel's, joined. */
#ifndef RDMASEC_TOOLS_QP_ROWS_H
#define RDMASEC_TOOLS_QP_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "engine_query.h"
#include "rdma/resources.h"

enum qp_guard {
	QP_GUARDED,     /* the engine knows it; its verdict is in the record */
	QP_UNREACHABLE, /* the engine guarded it, and can neither check nor stop it any more; likewise */
	QP_UNGUARDED,   /* of a process, and unknown to the engine */
	QP_KERNEL,      /* of a kernel module (NVMe, NFS, SMB...), which does not use uverbs */
	QP_KERNEL_CM,   /* of the kernel's connection management, for CM messages */
	QP_NOT_YOURS,   /* of another user: the engine lists it for root only */
	QP_UNKNOWN,     /* no engine answered */
	QP_GUARD_COUNT,
};

struct qp_row {
	enum qp_guard guard;
	/* Of the engine; else made of the kernel's data, with the short name of process or module as `executable`. */
	struct wire_record record;
	bool has_state;
	uint8_t state; /* enum ib_qp_state */
};

struct qp_rows {
	struct qp_row *rows;
	size_t count;
	size_t counts[QP_GUARD_COUNT];
};

/* Reads a process: from /proc, or from a test. */
struct process_reader {
	/* 0, its effective uid and its name (comm); -errno: no such process is visible */
	int (*read)(void *context, pid_t pid, uid_t *out_uid, char comm[16]);
	void *context;
};
extern const struct process_reader process_proc;

/*
 * Joins `guarded`, the engine's list (NULL: no engine answered), with the kernel's lists that were read before and
 * after it: a queue pair in both existed while the engine made its list. `uid`: the asking user. 0 or -ENOMEM; the
 * caller frees *out with qp_rows_free().
 */
RS_MUST_USE int qp_rows_make(const struct wire_records *guarded, const struct rdma_resources *before,
			     const struct rdma_resources *after, uid_t uid, const struct process_reader *processes,
			     struct qp_rows *out);
void qp_rows_free(struct qp_rows *rows);

/*
 * Asks engine and kernel. 0; -ENOTCONN: no engine answered, and *out has the kernel's rows; another -errno without
 * rows; both with a text. The caller frees the rows. Blocks for at most WIRE_TIMEOUT_MS.
 */
RS_MUST_USE int qp_rows_read(struct qp_rows *out, char *error, size_t error_size);

const char *qp_guard_name(enum qp_guard guard);
/* Whether the record is the engine's. */
bool qp_is_of_engine(enum qp_guard guard);

#endif
