// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <string.h>
#include <time.h>

#include "engine/record_json.h"
#include "judge/decide.h"
#include "table.h"
#include "table_internal.h"
#include "util/text.h"

enum { DAY_S = 24 * 60 * 60, REMOTE_WIDTH = 15, PROGRAM_LEAST = 8 };

/* The texts of a row, made before the widths of the columns are known. */
struct cells {
	char pid[12], program[80], device[64], qpn[12], remote[48], verdict[16], by[16], since[16];
};

static const char *guard_word(enum qp_guard guard, uint32_t verdict)
{
	switch (guard) {
	case QP_GUARDED:
		return verdict_name(verdict);
	case QP_UNREACHABLE:
		return "UNREACHABLE";
	case QP_UNGUARDED:
	case QP_KERNEL:
		return "UNGUARDED";
	case QP_KERNEL_CM:
		return "kernel CM";
	case QP_NOT_YOURS:
		return "not yours";
	default:
		return "unknown";
	}
}

/* The name of a program without its folders; of a module in brackets, as ps(1) shows kernel threads. */
static void put_program(const struct qp_row *row, char *text, size_t size)
{
	const char *name = row->record.executable, *slash = strrchr(name, '/');
	bool kernel = row->guard == QP_KERNEL || row->guard == QP_KERNEL_CM;

	text_format(text, size, "%s%s%s", kernel ? "[" : "", or_dash(slash && slash[1] ? slash + 1 : name),
		    kernel ? "]" : "");
}

static void put_since(int64_t time_ns, time_t now, char *text, size_t size)
{
	time_t since = time_ns / 1000000000;
	struct tm tm;

	text_copy(text, size, "-");
	if (!time_ns || !localtime_r(&since, &tm))
		return;
	if (!strftime(text, size, since <= now && now - since < DAY_S ? "%H:%M:%S" : "%Y-%m-%d", &tm))
		text_copy(text, size, "-");
}

static void make_cells(const struct qp_row *row, time_t now, struct cells *out)
{
	const struct wire_record *record = &row->record;
	bool by = row->guard == QP_GUARDED && record->verdict == VERDICT_PROTECTED;

	text_copy(out->pid, sizeof(out->pid), "-");
	if (record->pid)
		text_format(out->pid, sizeof(out->pid), "%d", record->pid);
	put_program(row, out->program, sizeof(out->program));
	text_copy(out->device, sizeof(out->device), or_dash(record->device));
	text_copy(out->qpn, sizeof(out->qpn), "-");
	if (record->has & WIRE_RECORD_HAS_QPN)
		text_format(out->qpn, sizeof(out->qpn), "%u", record->qpn);
	text_copy(out->remote, sizeof(out->remote), or_dash(record->remote));
	text_copy(out->verdict, sizeof(out->verdict), guard_word(row->guard, record->verdict));
	text_copy(out->by, sizeof(out->by), by ? protection_name(record->by) : "-");
	put_since(record->time_ns, now, out->since, sizeof(out->since));
}

struct widths {
	int pid, program, device, qpn, by;
};

static void widen(int *width, const char *text)
{
	int len = (int)strlen(text);

	if (len > *width)
		*width = len;
}

/* PROGRAM gets the width that the other columns leave. */
static struct widths measure(const struct qp_rows *rows, int terminal, time_t now)
{
	struct widths w = { .pid = 3, .program = 7, .device = 6, .qpn = 3, .by = 2 };
	int rest;

	for (size_t i = 0; i < rows->count; i++) {
		struct cells cells;

		make_cells(&rows->rows[i], now, &cells);
		widen(&w.pid, cells.pid);
		widen(&w.program, cells.program);
		widen(&w.device, cells.device);
		widen(&w.qpn, cells.qpn);
		widen(&w.by, cells.by);
	}
	rest = terminal - (w.pid + w.device + w.qpn + REMOTE_WIDTH + 11 + w.by + 10 + 7);
	if (w.program > rest)
		w.program = rest < PROGRAM_LEAST ? PROGRAM_LEAST : rest;
	return w;
}

static void print_cells(FILE *to, const struct widths *w, const struct cells *c)
{
	fprintf(to, "%*s %-*.*s %-*s %*s %-*s %-11s %-*s %s\n", w->pid, c->pid, w->program, w->program, c->program,
		w->device, c->device, w->qpn, c->qpn, REMOTE_WIDTH,
		strlen(c->remote) > REMOTE_WIDTH ? "(below)" : c->remote, c->verdict, w->by, c->by, c->since);
}

static void print_row(FILE *to, const struct widths *w, const struct qp_row *row, int width, time_t now)
{
	struct cells cells;

	make_cells(row, now, &cells);
	print_cells(to, w, &cells);
	if (strlen(cells.remote) > REMOTE_WIDTH)
		print_wrapped(to, "to:  ", cells.remote, width);
	if (qp_is_of_engine(row->guard) && row->record.verdict != VERDICT_PROTECTED && *row->record.text)
		print_wrapped(to, "why: ", row->record.text, width);
}

void qps_table(FILE *to, const struct qp_rows *rows, int width, time_t now)
{
	static const struct cells head = { "PID", "PROGRAM", "DEVICE", "QPN", "REMOTE", "VERDICT", "BY", "SINCE" };
	struct widths w = measure(rows, width, now);

	print_cells(to, &w, &head);
	for (size_t i = 0; i < rows->count; i++)
		print_row(to, &w, &rows->rows[i], width, now);
}

static const char *queue_pairs(size_t count)
{
	return count == 1 ? "queue pair" : "queue pairs";
}

static void print_unreachable(FILE *to, const struct qp_rows *rows)
{
	size_t count = rows->counts[QP_UNREACHABLE];

	if (count)
		fprintf(to, "%zu %s unreachable: guarded before, %s can neither be checked nor stopped\n", count,
			queue_pairs(count), count == 1 ? "it" : "they");
}

void qps_summary(FILE *to, const struct qp_rows *rows)
{
	const size_t *n = rows->counts;

	fprintf(to, "%zu %s guarded, %zu unguarded (%zu of processes, %zu of the kernel)\n", n[QP_GUARDED],
		queue_pairs(n[QP_GUARDED]), n[QP_UNGUARDED] + n[QP_KERNEL], n[QP_UNGUARDED], n[QP_KERNEL]);
	print_unreachable(to, rows);
	if (n[QP_UNKNOWN])
		fprintf(to, "%zu unknown: no engine answered\n", n[QP_UNKNOWN]);
	if (n[QP_NOT_YOURS])
		fprintf(to, "%zu of other users or of invisible processes: root sees them\n", n[QP_NOT_YOURS]);
	if (n[QP_KERNEL_CM])
		fprintf(to,
			"%zu of the kernel's connection management, whose CM messages leave in clear\n"
			"unless their netdev is protected\n",
			n[QP_KERNEL_CM]);
}

void unguarded_summary(FILE *to, const struct qp_rows *rows, bool engine)
{
	const size_t *n = rows->counts;

	print_unreachable(to, rows);
	if (n[QP_KERNEL] + n[QP_UNGUARDED])
		fprintf(to, "%zu %s unguarded: %zu of processes, %zu of the kernel: list them with 'rdmasec qps'\n",
			n[QP_KERNEL] + n[QP_UNGUARDED], queue_pairs(n[QP_KERNEL] + n[QP_UNGUARDED]), n[QP_UNGUARDED],
			n[QP_KERNEL]);
	if (!engine && n[QP_UNKNOWN])
		fprintf(to, "%zu %s of processes, guarded or not: unknown without rdmasecd\n", n[QP_UNKNOWN],
			queue_pairs(n[QP_UNKNOWN]));
}

/* ---- JSON ---- */

static int add_key(json_object *object, const char *key, const char *text)
{
	json_object *value = json_object_new_string(text);

	if (value && !json_object_object_add(object, key, value))
		return 0;
	json_object_put(value);
	return -1;
}

static json_object *row_json(const struct qp_row *row)
{
	bool kernel = row->guard == QP_KERNEL || row->guard == QP_KERNEL_CM;
	struct wire_record record = row->record;
	json_object *object;
	int err = 0;

	/* for these it is a short name, not a path */
	if (!qp_is_of_engine(row->guard))
		record.executable[0] = '\0';
	object = record_to_json(&record);
	if (!object)
		return NULL;
	/* the engine has decided nothing about these */
	if (!qp_is_of_engine(row->guard))
		json_object_object_del(object, "verdict");
	if (!qp_is_of_engine(row->guard) && row->record.executable[0])
		err |= add_key(object, kernel ? "kernel_owner" : "comm", row->record.executable);
	err |= add_key(object, "guard", qp_guard_name(row->guard));
	if (row->has_state)
		err |= add_key(object, "state", qp_state_name(row->state));
	if (!err)
		return object;
	json_object_put(object);
	return NULL;
}

json_object *qps_json(const struct qp_rows *rows)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < rows->count; i++)
		json_append(&array, row_json(&rows->rows[i]));
	return array;
}
