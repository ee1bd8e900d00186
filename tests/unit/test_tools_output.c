// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The output of status, qps and monitor. The complete texts are in tests/golden: status.txt, qps.txt, monitor.txt. */
#include <stdlib.h>

#include "golden.h"
#include "qp_rows_fixture.h"
#include "tools/commands.h"
#include "tools/table.h"

enum { NOON = 1769860800 }; /* of the records */

static char *text;
static size_t text_size;

static void expect_lines_within(size_t width)
{
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		cr_expect_leq(strcspn(line, "\n"), width, "%.*s", (int)strcspn(line, "\n"), line);
}

static void expect_output(FILE *to, const char *file, const char *name)
{
	fclose(to);
	expect_golden_output(file, name, text);
	free(text);
	expect_no_leak();
}

/* ---- qps ---- */

/* A program's long name, an IPv6 remote, a reason that needs two lines. */
static void make_qps(struct qp_rows *out)
{
	struct rdma_qp qps[] = { kernel_qp(1, QP_TYPE_GSI, "ib_core"), user_qp(17, 101), user_qp(18, 102),
				 user_qp(19, 201), kernel_qp(22, IB_UVERBS_QPT_RC, "nvme_rdma") };
	struct wire_record records[] = { guarded_qp(17), guarded_qp(18) };
	struct wire_records guarded = { records, 2 };
	struct rdma_resources now = { qps, 5 };

	strcpy(records[1].remote, "2001:db8:1111:2222:3333:4444:5555:6666");
	records[1].verdict = VERDICT_UNPROTECTED;
	records[1].details[0] = '\0';
	strcpy(records[1].text, "the outbound policy 10.0.0.1 to 10.0.0.2 has no live SA that answers its template");
	cr_assert_eq(qp_rows_make(&guarded, &now, &now, ROOT, &processes, out), 0);
}

static void print_qps(size_t width, time_t now, const char *name)
{
	FILE *to = open_memstream(&text, &text_size);
	struct qp_rows rows;

	setenv("TZ", "UTC", 1);
	make_qps(&rows);
	qps_table(to, &rows, width, now);
	qps_summary(to, &rows);
	qp_rows_free(&rows);
	fflush(to);
	if (width >= 80) /* a narrower table gives up long names, and no more */
		expect_lines_within(width);
	expect_output(to, "qps.txt", name);
}

Test(tools_output, prints_table_of_qps)
{
	print_qps(80, NOON + 60, "table");
}

Test(tools_output, shortens_names_in_narrow_table_of_qps)
{
	print_qps(60, NOON + 2 * 24 * 60 * 60, "table for 60 columns, two days later");
}

static void make_unreachable(struct qp_rows *out)
{
	struct rdma_qp qps[] = { user_qp(17, 101) };
	struct wire_record record = guarded_qp(17);
	struct wire_records guarded = { &record, 1 };
	struct rdma_resources now = { qps, 1 };

	record.verdict = VERDICT_UNKNOWN;
	record.reasons[0] = REASON_UNREACHABLE_DENIED;
	record.details[0] = '\0';
	strcpy(record.text, "it lives");
	cr_assert_eq(qp_rows_make(&guarded, &now, &now, ROOT, &processes, out), 0);
}

Test(tools_output, prints_unreachable_qp)
{
	FILE *to = open_memstream(&text, &text_size);
	struct qp_rows rows;

	setenv("TZ", "UTC", 1);
	make_unreachable(&rows);
	qps_table(to, &rows, 80, NOON + 60);
	qps_summary(to, &rows);
	unguarded_summary(to, &rows, true);
	qp_rows_free(&rows);
	expect_output(to, "qps.txt", "unreachable");
}

Test(tools_output, json_says_that_qp_is_unreachable)
{
	struct qp_rows rows;
	json_object *array;

	make_unreachable(&rows);
	array = qps_json(&rows);
	cr_expect(strstr(json_object_to_json_string(array), "\"guard\": \"unreachable\""));
	cr_expect(strstr(json_object_to_json_string(array), "\"verdict\": \"unknown\""));
	json_object_put(array);
	qp_rows_free(&rows);
	expect_no_leak();
}

Test(tools_output, prints_json_of_qps)
{
	FILE *to = open_memstream(&text, &text_size);
	struct qp_rows rows;

	make_qps(&rows);
	cr_expect_eq(json_print(to, qps_json(&rows), JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE), 0);
	qp_rows_free(&rows);
	expect_output(to, "qps.txt", "JSON");
}

/* ---- status ---- */

static void make_status(struct wire_record rows[3])
{
	for (int i = 0; i < 3; i++)
		rows[i] = full_record();
	rows[0].verdict = VERDICT_PROTECTED;
	rows[0].by = BY_MACSEC;
	strcpy(rows[0].details, "macsec0 GCM-AES-128");
	strcpy(rows[0].remote, "any");
	rows[1].local[0] = rows[1].gid_type[0] = rows[1].netdev[0] = '\0';
	strcpy(rows[1].remote, "any");
	memset(rows[2].text, 'x', 200);
	rows[2].text[200] = '\0';
}

Test(tools_output, prints_table_of_status)
{
	FILE *to = open_memstream(&text, &text_size);
	struct wire_record rows[3];

	make_status(rows);
	status_table(to, &(struct wire_records){ rows, 3 }, 80);
	fflush(to);
	expect_lines_within(80);
	expect_output(to, "status.txt", "table");
}

Test(tools_output, prints_json_of_status)
{
	FILE *to = open_memstream(&text, &text_size);
	struct wire_record rows[3];

	make_status(rows);
	cr_expect_eq(json_print(to, status_json(&(struct wire_records){ rows, 3 }),
				JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE),
		     0);
	expect_output(to, "status.txt", "JSON");
}

Test(tools_output, exits_with_worst_verdict)
{
	struct wire_record rows[2] = { full_record(), full_record() };
	struct wire_records records = { rows, 0 };

	cr_expect_eq(status_exit(&records), EXIT_UNKNOWN, "nothing listed");
	records.count = 2;
	cr_expect_eq(status_exit(&records), EXIT_UNPROTECTED);
	rows[0].verdict = VERDICT_PROTECTED;
	cr_expect_eq(status_exit(&records), EXIT_UNPROTECTED);
	rows[1].verdict = VERDICT_PROTECTED;
	cr_expect_eq(status_exit(&records), EXIT_PROTECTED);
	rows[0].verdict = VERDICT_UNKNOWN;
	cr_expect_eq(status_exit(&records), EXIT_UNKNOWN);
	rows[0].verdict = 99;
	cr_expect_eq(status_exit(&records), EXIT_UNKNOWN, "an unknown verdict");
}

static void print_counts(size_t of_processes, size_t of_kernel, const char *name)
{
	FILE *to = open_memstream(&text, &text_size);
	struct qp_rows rows = { .count = 0 };

	rows.counts[QP_GUARDED] = rows.counts[QP_KERNEL_CM] = 3;
	rows.counts[QP_UNGUARDED] = of_processes;
	rows.counts[QP_KERNEL] = of_kernel;
	unguarded_summary(to, &rows, true);
	expect_output(to, "status.txt", name);
}

Test(tools_output, prints_count_of_one_unguarded)
{
	print_counts(0, 1, "one unguarded queue pair");
}

Test(tools_output, prints_count_of_several_unguarded)
{
	print_counts(2, 1, "three unguarded queue pairs");
}

Test(tools_output, prints_count_without_engine)
{
	FILE *to = open_memstream(&text, &text_size);
	struct qp_rows rows = { .count = 0 };

	rows.counts[QP_UNKNOWN] = 4;
	unguarded_summary(to, &rows, false);
	expect_output(to, "status.txt", "four queue pairs, no engine");
}

Test(tools_output, prints_no_count_if_all_are_guarded)
{
	FILE *to = open_memstream(&text, &text_size);
	struct qp_rows rows = { .count = 0 };

	unguarded_summary(to, &rows, true);
	rows.counts[QP_GUARDED] = rows.counts[QP_KERNEL_CM] = 3;
	unguarded_summary(to, &rows, true);
	fclose(to);
	cr_expect_str_empty(text);
	free(text);
}

/* ---- monitor ---- */

static void print_event(const struct wire_record *record, const char *name)
{
	FILE *to = open_memstream(&text, &text_size);

	event_line(to, record);
	expect_output(to, "monitor.txt", name);
}

Test(tools_output, prints_event_with_every_field)
{
	const struct wire_record record = full_record();

	print_event(&record, "revoked, with every field");
}

Test(tools_output, omits_unknown_fields_of_event)
{
	struct wire_record record = full_record();

	record.event = WIRE_EVENT_DECIDED;
	record.outcome = WIRE_OUTCOME_PASSED;
	record.err = 0;
	record.has = 0;
	record.port = 0;
	record.verdict = VERDICT_PROTECTED;
	record.by = BY_LOOPBACK;
	record.local[0] = record.executable[0] = record.text[0] = '\0';
	memset(record.reasons, 0, sizeof(record.reasons));
	strcpy(record.remote, "any");
	strcpy(record.rule, "default");
	print_event(&record, "passed, with few fields");
}

Test(tools_output, prints_count_of_lost_events)
{
	struct wire_record record;

	wire_make(&record, WIRE_RECORD);
	record.event = WIRE_EVENT_LOST;
	record.count = 12;
	print_event(&record, "lost");
}
