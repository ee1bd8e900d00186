// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The tools' side of lists and events, against a scripted engine, and the tools' output. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "record_fixture.h"
#include "tools/commands.h"
#include "tools/engine_query.h"
#include "tools/monitor.h"
#include "tools/qp_rows.h"
#include "tools/table.h"
#include "util/fd_socket.h"
#include "util/text.h"

/* ---- an engine ---- */

enum { MESSAGES_MAX = 8, LIST_TIMEOUT_MS = 5000 };

static struct {
	char name[WIRE_NAME_MAX];
	int listener;
	pthread_t thread;
	struct {
		char octets[sizeof(struct wire_record) + 8];
		size_t len;
	} says[MESSAGES_MAX];
	size_t count;
	bool stays; /* keeps the connection until the tool closes it */
	int asked;  /* enum wire_type, or -errno */
} engine;

static void says(const void *message, size_t len)
{
	cr_assert_lt(engine.count, MESSAGES_MAX);
	cr_assert_leq(len, sizeof(engine.says[0].octets));
	memcpy(engine.says[engine.count].octets, message, len);
	engine.says[engine.count++].len = len;
}

static void says_record(int pid)
{
	struct wire_record record = full_record();

	record.pid = pid;
	says(&record, sizeof(record));
}

static void says_end(int err)
{
	struct wire_end end;

	wire_make(&end, WIRE_END);
	end.err = (uint32_t)err;
	says(&end, sizeof(end));
}

static void *engine_main(void *arg)
{
	int s = accept(engine.listener, NULL, NULL), n;
	char request[256];

	(void)arg;
	if (s < 0)
		return NULL;
	n = wire_receive(s, request, sizeof(request), NULL);
	engine.asked = n < 0 ? n : wire_check(request, (size_t)n, WIRE_REQUESTS);
	for (size_t i = 0; i < engine.count; i++)
		if (wire_send(s, engine.says[i].octets, engine.says[i].len, -1) < 0)
			break;
	if (engine.stays)
		n = wire_receive(s, request, sizeof(request), NULL);
	close(s);
	return NULL;
}

static void engine_start(void)
{
	engine.listener = wire_listen(engine.name);
	cr_assert_geq(engine.listener, 0);
	cr_assert_eq(pthread_create(&engine.thread, NULL, engine_main, NULL), 0);
}

static void engine_stop(void)
{
	pthread_join(engine.thread, NULL);
	close(engine.listener);
	memset(&engine, 0, sizeof(engine));
}

static int ask_list(int timeout_ms, struct wire_records *records, char error[256])
{
	int s;

	engine_start();
	s = engine_query_open(engine.name, WIRE_LIST_QPS, error, 256);
	cr_assert_geq(s, 0, "%s", error);
	return engine_query_list(s, timeout_ms, records, error, 256);
}

TestSuite(tools, .timeout = 60);

/* ---- lists ---- */

Test(tools, reads_list)
{
	struct wire_records records = { 0 };
	char error[256] = "";

	for (int i = 1; i <= 5; i++)
		says_record(i);
	says_end(0);
	cr_assert_eq(ask_list(LIST_TIMEOUT_MS, &records, error), 0, "%s", error);
	cr_expect_eq(records.count, 5);
	for (size_t i = 0; i < records.count; i++)
		cr_expect_eq(records.rows[i].pid, (int)i + 1);
	wire_records_free(&records);
	cr_expect_eq(engine.asked, WIRE_LIST_QPS, "%d", engine.asked);
	engine_stop();
	expect_no_leak();
}

Test(tools, reads_empty_list)
{
	struct wire_records records = { 0 };
	char error[256] = "";

	says_end(0);
	cr_assert_eq(ask_list(LIST_TIMEOUT_MS, &records, error), 0);
	cr_expect_eq(records.count, 0);
	wire_records_free(&records);
	engine_stop();
	expect_no_leak();
}

static void says_answer(void)
{
	struct wire_answer answer;

	wire_answer_make(&answer, WIRE_REFUSE, EPROTO, "what?");
	says(&answer, sizeof(answer.header) + 8);
}
static void says_other_version(void)
{
	struct wire_end end;

	wire_make(&end, WIRE_END);
	end.header.version++;
	says(&end, sizeof(end));
}
static void says_escape(void)
{
	struct wire_record record = full_record();

	strcpy(record.text, "\x1b[2J");
	says(&record, sizeof(record));
}
static void says_too_short(void)
{
	struct wire_record record = full_record();

	says(&record, sizeof(record) - 1);
}
static void says_too_long(void)
{
	struct wire_record record[2] = { full_record(), full_record() };

	says(record, sizeof(record[0]) + 1);
}
static void says_refusal(void)
{
	says_end(EACCES);
}
static void says_nothing(void)
{
}

Test(tools, rejects_invalid_lists)
{
	static const struct {
		const char *name;
		void (*say)(void);
		int err;
		const char *text;
	} rows[] = {
		{ "an answer", says_answer, -EBADMSG, "invalid answer" },
		{ "other version", says_other_version, -EPROTONOSUPPORT, "another release" },
		{ "escape", says_escape, -EBADMSG, "invalid answer" },
		{ "too short", says_too_short, -EBADMSG, "invalid answer" },
		{ "too long", says_too_long, -EBADMSG, "invalid answer" },
		{ "refused", says_refusal, -EACCES, "Permission denied" },
		{ "gone", says_nothing, -ECONNRESET, "has ended" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_records records = { .count = 77 };
		char error[256] = "";

		says_record(1);
		rows[i].say();
		cr_expect_eq(ask_list(LIST_TIMEOUT_MS, &records, error), rows[i].err, "%s: %s", rows[i].name, error);
		cr_expect(strstr(error, rows[i].text), "%s: %s", rows[i].name, error);
		cr_expect_eq(records.count, 77, "%s: an error changed the output", rows[i].name);
		engine_stop();
	}
	expect_no_leak();
}

Test(tools, times_out_without_end_of_list)
{
	struct wire_records records = { .count = 77 };
	char error[256] = "";

	says_record(1);
	engine.stays = true;
	cr_expect_eq(ask_list(200, &records, error), -ETIMEDOUT);
	cr_expect(strstr(error, "does not answer"), "%s", error);
	engine_stop();
	expect_no_leak();
}

Test(tools, fails_without_engine)
{
	char error[256] = "";

	cr_expect_eq(engine_query_open("@rdmasec-no-listener-here", WIRE_LIST_QPS, error, sizeof(error)),
		     -ECONNREFUSED);
	cr_expect(strstr(error, "@rdmasec-no-listener-here"), "%s", error);
	cr_expect_eq(engine_query_open("", WIRE_LIST_QPS, error, sizeof(error)), -EINVAL);
}

/* ---- guarded QPs ---- */

static int fake_process(void *context, pid_t pid, uid_t *out_uid, char comm[16])
{
	(void)context;
	if (pid >= 900)
		return -ENOENT;
	*out_uid = (uid_t)pid / 100 * 1000;
	text_format(comm, 16, "program%d", (int)pid);
	return 0;
}

static const struct process_reader processes = { .read = fake_process };

static struct rdma_qp user_qp(uint32_t qpn, uint32_t pid)
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

static struct rdma_qp kernel_qp(uint32_t qpn, uint8_t type, const char *owner)
{
	struct rdma_qp qp = { .device = "rxe0", .port = 1, .qpn = qpn, .type = type, .state = 3, .is_kernel = true };

	text_copy(qp.kernel_owner, sizeof(qp.kernel_owner), owner);
	return qp;
}

static struct wire_record guarded_qp(uint32_t qpn)
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

enum { ROOT = 0, USER = 1000 };

/* The guard in this QP's row; -1: no row. */
static int guard_of(const struct qp_rows *rows, uint32_t qpn)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].record.qpn == qpn)
			return (int)rows->rows[i].guard;
	return -1;
}

Test(tools, assigns_guard_to_each_queue_pair)
{
	enum { MINE = 101, OTHERS = 201, GONE = 901, HIDDEN = 0 };
	struct rdma_qp qps[] = {
		kernel_qp(0, QP_TYPE_SMI, "ib_core"),
		kernel_qp(1, QP_TYPE_GSI, "ib_core"),
		user_qp(17, MINE),
		user_qp(18, MINE),
		user_qp(19, OTHERS),
		user_qp(20, GONE),
		user_qp(21, HIDDEN),
		kernel_qp(22, IB_UVERBS_QPT_RC, "nvme_rdma"),
	};
	struct wire_record record = guarded_qp(17);
	struct wire_records guarded = { &record, 1, 1 };
	struct rdma_resources now = { qps, sizeof(qps) / sizeof(qps[0]) };
	static const struct {
		bool engine;
		uid_t uid;
		enum qp_guard guards[8];
	} rows[] = {
		{ true,
		  ROOT,
		  { QP_KERNEL_CM, QP_KERNEL_CM, QP_GUARDED, QP_UNGUARDED, QP_UNGUARDED, QP_UNGUARDED, QP_UNGUARDED,
		    QP_KERNEL } },
		{ true,
		  USER,
		  { QP_KERNEL_CM, QP_KERNEL_CM, QP_GUARDED, QP_UNGUARDED, QP_NOT_YOURS, QP_NOT_YOURS, QP_NOT_YOURS,
		    QP_KERNEL } },
		{ false,
		  ROOT,
		  { QP_KERNEL_CM, QP_KERNEL_CM, QP_UNKNOWN, QP_UNKNOWN, QP_UNKNOWN, QP_UNKNOWN, QP_UNKNOWN,
		    QP_KERNEL } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct qp_rows got;
		size_t counts = 0;

		cr_assert_eq(qp_rows_make(rows[i].engine ? &guarded : NULL, &now, &now, rows[i].uid, &processes, &got),
			     0);
		cr_expect_eq(got.count, 8);
		for (size_t j = 0; j < now.count; j++)
			cr_expect_eq(guard_of(&got, qps[j].qpn), (int)rows[i].guards[j], "row %zu, QP %u: %d", i,
				     qps[j].qpn, guard_of(&got, qps[j].qpn));
		for (size_t j = 0; j < QP_GUARD_COUNT; j++)
			counts += got.counts[j];
		cr_expect_eq(counts, got.count);
		qp_rows_free(&got);
	}
	expect_no_leak();
}

/* QPs created or destroyed while the engine made its list get no claim that could be wrong. */
Test(tools, ignores_queue_pairs_in_one_list_only)
{
	struct rdma_qp first[] = { user_qp(17, 101), user_qp(18, 101), user_qp(19, 101), user_qp(20, 101) };
	struct rdma_qp last[] = { user_qp(18, 101), user_qp(19, 0), user_qp(20, 102), user_qp(21, 101) };
	struct rdma_resources before = { first, 4 }, after = { last, 4 };
	struct wire_record records[] = { guarded_qp(30), guarded_qp(21), guarded_qp(0) };
	struct wire_records guarded = { records, 3, 3 };
	struct qp_rows got;

	records[2].has = 0; /* the kernel has not reported its number yet */
	cr_assert_eq(qp_rows_make(&guarded, &before, &after, ROOT, &processes, &got), 0);
	cr_expect_eq(guard_of(&got, 17), -1, "it went");
	cr_expect_eq(guard_of(&got, 18), QP_UNGUARDED);
	cr_expect_eq(guard_of(&got, 19), QP_UNGUARDED, "its process ended, the QP remained");
	cr_expect_eq(guard_of(&got, 20), -1, "another QP with the same number");
	cr_expect_eq(guard_of(&got, 21), QP_GUARDED);
	cr_expect_eq(guard_of(&got, 30), QP_GUARDED, "in a network namespace whose QPs the kernel does not list here");
	cr_expect_eq(got.count, 5);
	for (size_t i = 0; i < got.count; i++)
		cr_expect_eq(got.rows[i].has_state, got.rows[i].record.qpn >= 18 && got.rows[i].record.qpn <= 21);
	qp_rows_free(&got);
	expect_no_leak();
}

/* QP numbers are per device. An engine cannot claim to guard a QP of the kernel. */
Test(tools, separates_equal_numbers_of_other_owners)
{
	struct rdma_qp qps[] = { user_qp(17, 101), user_qp(17, 101), kernel_qp(18, IB_UVERBS_QPT_RC, "nvme_rdma") };
	struct rdma_resources now = { qps, 3 };
	struct wire_record records[] = { guarded_qp(17), guarded_qp(18) };
	struct wire_records guarded = { records, 2, 2 };
	struct qp_rows got;

	strcpy(qps[0].device, "mlx5_0");
	cr_assert_eq(qp_rows_make(&guarded, &now, &now, ROOT, &processes, &got), 0);
	cr_expect_eq(got.counts[QP_GUARDED], 2);
	cr_expect_eq(got.counts[QP_UNGUARDED], 1);
	cr_expect_eq(got.counts[QP_KERNEL], 1);
	cr_expect_str_eq(got.rows[2].record.device, "mlx5_0");
	qp_rows_free(&got);
	expect_no_leak();
}

Test(tools, reads_processes_of_host)
{
	char comm[16] = "";
	uid_t uid = 77;

	cr_assert_eq(process_proc.read(NULL, getpid(), &uid, comm), 0);
	cr_expect_eq(uid, geteuid());
	cr_expect_str_eq(comm, "test_tools");
	cr_expect_lt(process_proc.read(NULL, INT32_MAX, &uid, comm), 0);
}

/* ---- output ---- */

struct printed {
	char *text;
	size_t size;
	FILE *to;
};

static void expect_lines_within(const char *text, size_t width)
{
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		cr_expect_leq(strcspn(line, "\n"), width, "%.*s", (int)strcspn(line, "\n"), line);
}

/* A program's long name, an IPv6 remote, a reason that needs two lines. */
static void make_qps(struct qp_rows *out)
{
	struct rdma_qp qps[] = { kernel_qp(1, QP_TYPE_GSI, "ib_core"), user_qp(17, 101), user_qp(18, 102),
				 user_qp(19, 201), kernel_qp(22, IB_UVERBS_QPT_RC, "nvme_rdma") };
	struct wire_record records[] = { guarded_qp(17), guarded_qp(18) };
	struct wire_records guarded = { records, 2, 2 };
	struct rdma_resources now = { qps, 5 };

	strcpy(records[1].remote, "2001:db8:1111:2222:3333:4444:5555:6666");
	records[1].verdict = VERDICT_UNPROTECTED;
	records[1].details[0] = '\0';
	strcpy(records[1].text, "the outbound policy 10.0.0.1 to 10.0.0.2 has no live SA that answers its template");
	cr_assert_eq(qp_rows_make(&guarded, &now, &now, ROOT, &processes, out), 0);
}

Test(tools, prints_table_of_qps)
{
	struct printed p = { 0 };
	struct qp_rows rows;

	setenv("TZ", "UTC", 1);
	make_qps(&rows);
	p.to = open_memstream(&p.text, &p.size);
	qps_table(p.to, &rows, 80, 1769860800 + 60);
	qps_summary(p.to, &rows);
	fclose(p.to);
	cr_expect_str_eq(p.text, "PID PROGRAM         DEVICE QPN REMOTE          VERDICT     BY    SINCE\n"
				 "101 ibv_rc_pingpong rxe0    17 10.0.0.2        protected   ipsec 12:00:00\n"
				 "101 ibv_rc_pingpong rxe0    18 (below)         unprotected -     12:00:00\n"
				 "      to:  2001:db8:1111:2222:3333:4444:5555:6666\n"
				 "      why: the outbound policy 10.0.0.1 to 10.0.0.2 has no live SA that answers\n"
				 "           its template\n"
				 "  - [ib_core]       rxe0     1 -               kernel CM   -     -\n"
				 "201 program201      rxe0    19 -               UNGUARDED   -     -\n"
				 "  - [nvme_rdma]     rxe0    22 -               UNGUARDED   -     -\n"
				 "2 queue pairs guarded, 2 unguarded (1 of processes, 1 of the kernel)\n"
				 "1 of the kernel's connection management, whose CM messages leave in clear\n"
				 "unless their netdev is protected\n");
	expect_lines_within(p.text, 80);
	free(p.text);
	p.to = open_memstream(&p.text, &p.size);
	qps_table(p.to, &rows, 60, 1769860800 + 2 * 24 * 60 * 60);
	fclose(p.to);
	cr_expect(strstr(p.text, "101 ibv_rc_p rxe0    17 10.0.0.2        protected   ipsec 2026-01-31\n"), "%s",
		  p.text);
	free(p.text);
	qp_rows_free(&rows);
	expect_no_leak();
}

Test(tools, prints_json_of_qps)
{
	const char *others;
	struct printed p = { 0 };
	struct qp_rows rows;

	make_qps(&rows);
	p.to = open_memstream(&p.text, &p.size);
	cr_expect_eq(json_print(p.to, qps_json(&rows), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE), 0);
	fclose(p.to);
	/* test_record_json.c checks the engine's rows; the other rows are checked in full */
	cr_expect(strstr(p.text, "\"rule\":\"storage\",\"guard\":\"guarded\",\"state\":\"RTS\"},{"), "%s", p.text);
	others = strstr(p.text, "{\"device\"");
	cr_assert_not_null(others);
	cr_expect_str_eq(others, "{\"device\":\"rxe0\",\"port\":1,\"qpn\":1,\"qp_type\":\"GSI\","
				 "\"kernel_owner\":\"ib_core\",\"guard\":\"kernel-cm\",\"state\":\"RTS\"},"
				 "{\"pid\":201,\"uid\":2000,\"device\":\"rxe0\",\"port\":1,\"qpn\":19,"
				 "\"dest_qpn\":1019,\"qp_type\":\"RC\",\"comm\":\"program201\","
				 "\"guard\":\"unguarded\",\"state\":\"RTS\"},"
				 "{\"device\":\"rxe0\",\"port\":1,\"qpn\":22,\"qp_type\":\"RC\","
				 "\"kernel_owner\":\"nvme_rdma\",\"guard\":\"kernel\",\"state\":\"RTS\"}]\n");
	free(p.text);
	qp_rows_free(&rows);
	expect_no_leak();
}

Test(tools, prints_table_of_status)
{
	struct wire_record rows[3] = { full_record(), full_record(), full_record() };
	struct wire_records records = { rows, 3, 3 };
	struct printed p = { 0 };

	rows[0].verdict = VERDICT_PROTECTED;
	rows[0].by = BY_MACSEC;
	strcpy(rows[0].details, "macsec0 GCM-AES-128");
	strcpy(rows[0].remote, "any");
	rows[1].local[0] = rows[1].gid_type[0] = rows[1].netdev[0] = '\0';
	strcpy(rows[1].remote, "any");
	memset(rows[2].text, 'x', 200);
	rows[2].text[200] = '\0';
	p.to = open_memstream(&p.text, &p.size);
	status_table(p.to, &records, 80);
	fclose(p.to);
	cr_expect_str_eq(p.text, "DEVICE     PORT GID  ADDRESS                   TYPE     NETDEV     VERDICT\n"
				 "rxe0          1   3  10.0.0.1                  RoCE v2  eth0       protected\n"
				 "      by:  macsec0 GCM-AES-128\n"
				 "rxe0          1   3  -                         ?        -          unprotected\n"
				 "      why: eth0 is not a \"MACsec\" device\n"
				 "rxe0          1   3  10.0.0.1                  RoCE v2  eth0       unprotected\n"
				 "      to:  10.0.0.2\n"
				 "      why: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
				 "           xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
				 "           xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n");
	expect_lines_within(p.text, 80);
	free(p.text);
	expect_no_leak();
}

Test(tools, exits_with_worst_verdict)
{
	struct wire_record rows[2] = { full_record(), full_record() };
	struct wire_records records = { rows, 0, 2 };

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

Test(tools, prints_counts_below_status)
{
	struct printed p = { 0 };
	struct qp_rows rows = { .count = 0 };

	p.to = open_memstream(&p.text, &p.size);
	unguarded_summary(p.to, &rows, true);
	rows.counts[QP_GUARDED] = rows.counts[QP_KERNEL_CM] = 3;
	unguarded_summary(p.to, &rows, true);
	fflush(p.to);
	cr_expect_str_eq(p.text ? p.text : "", "", "no text");
	rows.counts[QP_KERNEL] = 1;
	unguarded_summary(p.to, &rows, true);
	rows.counts[QP_UNGUARDED] = 2;
	unguarded_summary(p.to, &rows, true);
	rows.counts[QP_UNGUARDED] = rows.counts[QP_KERNEL] = 0;
	rows.counts[QP_UNKNOWN] = 4;
	unguarded_summary(p.to, &rows, false);
	fclose(p.to);
	cr_expect_str_eq(p.text,
			 "1 queue pair unguarded: 0 of processes, 1 of the kernel: list them with 'rdmasec qps'\n"
			 "3 queue pairs unguarded: 2 of processes, 1 of the kernel: list them with 'rdmasec qps'\n"
			 "4 queue pairs of processes, guarded or not: unknown without rdmasecd\n");
	free(p.text);
	expect_no_leak();
}

static void expect_event(const struct wire_record *record, const char *expected)
{
	struct printed p = { 0 };

	p.to = open_memstream(&p.text, &p.size);
	event_line(p.to, record);
	fclose(p.to);
	cr_expect_str_eq(p.text, expected);
	free(p.text);
}

Test(tools, prints_events)
{
	struct wire_record record = full_record();

	expect_event(&record, "2026-01-31T12:00:00.123Z revoked modify_qp RC pid 101 uid 102 "
			      "(/usr/bin/ibv_rc_pingpong) rxe0 port 1 GID 3 (10.0.0.1 on eth0) QP 104 to 10.0.0.2 "
			      "QP 105: unprotected: eth0 is not a \"MACsec\" device (Operation not permitted) "
			      "[rule storage]\n");
	record.event = WIRE_EVENT_DECIDED;
	record.outcome = WIRE_OUTCOME_PASSED;
	record.err = 0;
	record.has = 0;
	record.port = 0;
	record.verdict = VERDICT_PROTECTED;
	record.by = BY_LOOPBACK;
	record.local[0] = record.executable[0] = record.text[0] = '\0';
	strcpy(record.remote, "any");
	strcpy(record.rule, "default");
	expect_event(&record, "2026-01-31T12:00:00.123Z passed modify_qp RC pid 101 uid 102 rxe0 to any remote: "
			      "protected by loopback\n");
	wire_make(&record, WIRE_RECORD);
	record.event = WIRE_EVENT_LOST;
	record.count = 12;
	expect_event(&record, "1970-01-01T00:00:00.000Z lost 12 events\n");
	expect_no_leak();
}

/* ---- the monitor ---- */

/* Runs the monitor against the engine until it ends, and stores its output in `text`. */
static int run_monitor(FILE *to, int signals, bool json, char error[256])
{
	int s, err;

	engine_start();
	s = engine_query_open(engine.name, WIRE_MONITOR, error, 256);
	cr_assert_geq(s, 0, "%s", error);
	err = monitor_stream(to, s, signals, json, error, 256);
	close(s);
	return err;
}

Test(tools, monitor_ends_with_engine)
{
	char error[256] = "", text[4096] = "";
	int pipes[2], signals = eventfd(0, EFD_CLOEXEC);
	FILE *to;

	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	to = fdopen(pipes[1], "we");
	says_record(1);
	says_record(2);
	cr_expect_eq(run_monitor(to, signals, true, error), -ECONNRESET);
	cr_expect(strstr(error, "has ended"), "%s", error);
	cr_expect_eq(engine.asked, WIRE_MONITOR);
	/* `to` is still open, so the monitor flushed each line */
	cr_assert_gt(read(pipes[0], text, sizeof(text) - 1), 0);
	cr_expect(!strncmp(text, "{\"time\":", 8) && strstr(text, "\"pid\":1,") && strstr(text, "}\n{\"time\":"), "%s",
		  text);
	cr_expect(strstr(text, "\"pid\":2,") && text[strlen(text) - 1] == '\n');
	fclose(to);
	close(pipes[0]);
	close(signals);
	engine_stop();
	expect_no_leak();
}

Test(tools, monitor_ends_on_signal)
{
	char error[256] = "";
	int signals = eventfd(1, EFD_CLOEXEC);
	FILE *to = fopen("/dev/null", "we");

	engine.stays = true;
	cr_expect_eq(run_monitor(to, signals, false, error), 0);
	cr_expect_str_empty(error);
	fclose(to);
	close(signals);
	engine_stop();
	expect_no_leak();
}

/* The monitor also ends if no event arrives. */
Test(tools, monitor_ends_when_reader_closes)
{
	char error[256] = "";
	int pipes[2], signals = eventfd(0, EFD_CLOEXEC);
	FILE *to;

	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	to = fdopen(pipes[1], "we");
	close(pipes[0]);
	engine.stays = true;
	cr_expect_eq(run_monitor(to, signals, false, error), 0);
	cr_expect_str_empty(error);
	fclose(to);
	close(signals);
	engine_stop();
	expect_no_leak();
}

/* The monitor ends at the first event that it cannot write: /dev/full stays open but has no room. */
Test(tools, monitor_ends_on_write_error)
{
	char error[256] = "";
	int signals = eventfd(0, EFD_CLOEXEC);
	FILE *to = fopen("/dev/full", "we");

	says_record(1);
	engine.stays = true;
	cr_expect_eq(run_monitor(to, signals, false, error), -ENOSPC);
	cr_expect(strstr(error, "cannot write an event"), "%s", error);
	fclose(to);
	close(signals);
	engine_stop();
	expect_no_leak();
}

Test(tools, rejects_invalid_stream)
{
	char error[256] = "";
	int signals = eventfd(0, EFD_CLOEXEC);
	FILE *to = fopen("/dev/null", "we");

	says_escape();
	engine.stays = true;
	cr_expect_eq(run_monitor(to, signals, false, error), -EBADMSG);
	cr_expect(strstr(error, "invalid answer"), "%s", error);
	engine_stop();
	says_end(0);
	engine.stays = true;
	cr_expect_eq(run_monitor(to, signals, false, error), -ECONNRESET, "an event stream has no end message");
	engine_stop();
	fclose(to);
	close(signals);
	expect_no_leak();
}
