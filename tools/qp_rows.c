// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "qp_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/status.h"
#include "util/small_file.h"
#include "util/text.h"

const char *qp_guard_name(enum qp_guard guard)
{
	static const char *const names[QP_GUARD_COUNT] = {
		[QP_GUARDED] = "guarded", [QP_UNREACHABLE] = "unreachable", [QP_UNGUARDED] = "unguarded",
		[QP_KERNEL] = "kernel",   [QP_KERNEL_CM] = "kernel-cm",     [QP_NOT_YOURS] = "not-yours",
		[QP_UNKNOWN] = "unknown",
	};

	return names[guard];
}

bool qp_is_of_engine(enum qp_guard guard)
{
	return guard == QP_GUARDED || guard == QP_UNREACHABLE;
}

static enum qp_guard guard_of_record(const struct wire_record *record)
{
	for (size_t i = 0; i < REASONS_MAX; i++)
		if (record->reasons[i] == REASON_UNREACHABLE || record->reasons[i] == REASON_UNREACHABLE_DENIED)
			return QP_UNREACHABLE;
	return QP_GUARDED;
}

/* ---- processes ---- */

/* Not the owner of /proc/PID, which is root for a process that is not dumpable. */
static int proc_read(void *context, pid_t pid, uid_t *out_uid, char comm[16])
{
	char path[64], name[32];
	uint64_t uids[2]; /* real, effective */
	int err = process_status_numbers(pid, "Uid", 10, uids, 2);

	(void)context;
	if (err)
		return err;
	text_format(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (small_file_read(AT_FDCWD, path, name, sizeof(name)) < 0)
		return -ESRCH;
	name[strcspn(name, "\n")] = '\0';
	text_printable(name);
	text_copy(comm, 16, name);
	*out_uid = (uid_t)uids[1];
	return 0;
}

const struct process_reader process_proc = { .read = proc_read };

/* ---- rows ---- */

static int compare_records(const void *a, const void *b)
{
	const struct wire_record *p = *(const struct wire_record *const *)a, *q = *(const struct wire_record *const *)b;
	int names = strcmp(p->device, q->device);

	return names ? names : p->qpn < q->qpn ? -1 : p->qpn > q->qpn;
}

/* The engine's records, sorted by device and number. NULL: no memory. */
static const struct wire_record **sorted_records(const struct wire_records *records)
{
	const struct wire_record **sorted = calloc(records->count + 1, sizeof(*sorted));

	for (size_t i = 0; sorted && i < records->count; i++)
		sorted[i] = &records->rows[i];
	if (sorted)
		qsort(sorted, records->count, sizeof(*sorted), compare_records);
	return sorted;
}

static bool is_guarded(const struct wire_record *const *sorted, size_t count, const struct rdma_qp *qp)
{
	struct wire_record wanted = { .qpn = qp->qpn };
	const struct wire_record *key = &wanted;

	text_copy(wanted.device, sizeof(wanted.device), qp->device);
	return !qp->is_kernel && count && bsearch(&key, sorted, count, sizeof(*sorted), compare_records);
}

static void add_row(struct qp_rows *rows, enum qp_guard guard, const struct wire_record *record,
		    const struct rdma_qp *qp)
{
	rows->rows[rows->count++] =
		(struct qp_row){ .guard = guard, .record = *record, .has_state = qp, .state = qp ? qp->state : 0 };
	rows->counts[guard]++;
}

static const struct rdma_qp *qp_of(const struct rdma_resources *resources, const struct wire_record *record)
{
	const struct rdma_qp *qp = resources_find(resources, record->device, record->qpn);

	return record->has & WIRE_RECORD_HAS_QPN && qp && !qp->is_kernel ? qp : NULL;
}

static enum qp_guard guard_of_process(bool engine, uid_t asker, bool known, uid_t owner)
{
	if (!engine)
		return QP_UNKNOWN;
	/* the engine does not list queue pairs of other users: one of an unknown owner may be guarded */
	return asker == 0 || (known && owner == asker) ? QP_UNGUARDED : QP_NOT_YOURS;
}

/* Adds a queue pair that only the kernel lists. */
static void add_unguarded(struct qp_rows *rows, const struct rdma_qp *qp, bool engine, uid_t asker,
			  const struct process_reader *processes)
{
	struct wire_record record;
	enum qp_guard guard;
	char comm[16] = "";
	uid_t uid = 0;
	bool known = qp->pid && !processes->read(processes->context, (pid_t)qp->pid, &uid, comm);

	wire_make(&record, WIRE_RECORD);
	record.has = WIRE_RECORD_HAS_QPN | (qp->has_remote_qpn ? WIRE_RECORD_HAS_DEST_QPN : 0);
	record.qpn = qp->qpn;
	record.dest_qpn = qp->remote_qpn;
	record.port = qp->port;
	text_copy(record.device, sizeof(record.device), qp->device);
	text_printable(record.device);
	text_copy(record.qp_type, sizeof(record.qp_type), qp_type_name(qp->type));
	if (qp->is_kernel) {
		guard = qp_is_connection_management(qp) ? QP_KERNEL_CM : QP_KERNEL;
		text_copy(record.executable, sizeof(record.executable), qp->kernel_owner);
	} else {
		guard = guard_of_process(engine, asker, known, uid);
		record.pid = known ? (int32_t)qp->pid : 0;
		record.uid = known ? uid : 0;
		text_copy(record.executable, sizeof(record.executable), comm);
	}
	add_row(rows, guard, &record, qp);
}

static bool same_qp(const struct rdma_qp *a, const struct rdma_qp *b)
{
	/* its process may have ended, and a child may hold the QP open */
	return b && (a->pid == b->pid || !a->pid) && a->is_kernel == b->is_kernel && a->type == b->type;
}

int qp_rows_make(const struct wire_records *guarded, const struct rdma_resources *before,
		 const struct rdma_resources *after, uid_t uid, const struct process_reader *processes,
		 struct qp_rows *out)
{
	static const struct wire_records none;
	const struct wire_records *records = guarded ? guarded : &none;
	const struct wire_record **sorted = sorted_records(records);
	struct qp_rows rows = { .rows = calloc(records->count + after->count + 1, sizeof(*rows.rows)) };

	if (!sorted || !rows.rows) {
		free(sorted);
		free(rows.rows);
		return -ENOMEM;
	}
	for (size_t i = 0; i < records->count; i++)
		add_row(&rows, guard_of_record(sorted[i]), sorted[i], qp_of(after, sorted[i]));
	for (size_t i = 0; i < after->count; i++) {
		const struct rdma_qp *qp = &after->qps[i];

		if (!is_guarded(sorted, records->count, qp) && same_qp(qp, resources_find(before, qp->device, qp->qpn)))
			add_unguarded(&rows, qp, guarded, uid, processes);
	}
	free(sorted);
	*out = rows;
	return 0;
}

void qp_rows_free(struct qp_rows *rows)
{
	free(rows->rows);
	*rows = (struct qp_rows){ 0 };
}

/* ---- asking ---- */

static int list_guarded(struct wire_records *out, char *error, size_t error_size)
{
	const char *name = engine_query_name();
	int s;

	if (!name) {
		text_format(error, error_size, "rdmasecd is not installed here (no %s): see rdmasecd(8)",
			    WIRE_SYSTEM_FOLDER);
		return -ENOTCONN;
	}
	s = engine_query_open(name, WIRE_LIST_QPS, error, error_size);
	return s < 0 ? s : engine_query_list(s, WIRE_TIMEOUT_MS, out, error, error_size);
}

int qp_rows_read(struct qp_rows *out, char *error, size_t error_size)
{
	struct rdma_resources before, after;
	struct wire_records guarded = { 0 };
	int err = resources_read(&before, error, error_size), unlisted;

	if (err)
		return err;
	unlisted = list_guarded(&guarded, error, error_size);
	err = resources_read(&after, error, error_size);
	if (!err) {
		err = qp_rows_make(unlisted ? NULL : &guarded, &before, &after, geteuid(), &process_proc, out);
		resources_free(&after);
		if (err)
			text_format(error, error_size, "%s", strerror(-err));
	}
	wire_records_free(&guarded);
	resources_free(&before);
	return err ? err : unlisted ? -ENOTCONN : 0;
}
