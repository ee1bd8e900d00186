// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The tools' side of lists and events, against a scripted engine. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "record_fixture.h"
#include "tools/engine_query.h"
#include "tools/monitor.h"
#include "util/fd_socket.h"

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
