// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The limit of records of decisions, by account. */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/decisions.h"

enum { ACCOUNT = 1000, OTHER_ACCOUNT = 1001, NOW_MS = 1000000 };

static struct decisions *decisions;
static struct wire_record reported;
static unsigned reports;

static void start(void)
{
	decisions = decisions_new();
	cr_assert(decisions);
	reports = 0;
}

static void stop(void)
{
	decisions_free(decisions);
}

static void on_report(const struct wire_record *record, void *arg)
{
	(void)arg;
	reported = *record;
	reports++;
}

static unsigned admitted(uint64_t account, unsigned count, enum wire_outcome outcome, int64_t now_ms)
{
	const struct wire_record record = { .event = WIRE_EVENT_DECIDED, .outcome = outcome, .pid = 7, .uid = 1000 };
	unsigned passed = 0;

	for (unsigned i = 0; i < count; i++)
		passed += decisions_admit(decisions, account, &record, now_ms);
	return passed;
}

Test(decisions, limits_one_account_only, .init = start, .fini = stop)
{
	cr_expect_eq(admitted(ACCOUNT, 290000, WIRE_OUTCOME_REFUSED, NOW_MS), DECISIONS_BURST);
	cr_expect_eq(admitted(OTHER_ACCOUNT, 10, WIRE_OUTCOME_REFUSED, NOW_MS), 10);
}

Test(decisions, admits_some_again_later, .init = start, .fini = stop)
{
	admitted(ACCOUNT, 2 * DECISIONS_BURST, WIRE_OUTCOME_REFUSED, NOW_MS);
	cr_expect_eq(admitted(ACCOUNT, 1000, WIRE_OUTCOME_REFUSED, NOW_MS + 2000), 2 * DECISIONS_PER_S);
}

Test(decisions, reports_what_was_left_out_once, .init = start, .fini = stop)
{
	admitted(ACCOUNT, DECISIONS_BURST + 30, WIRE_OUTCOME_PASSED, NOW_MS);
	admitted(ACCOUNT, 12, WIRE_OUTCOME_REFUSED, NOW_MS);
	decisions_summarise(decisions, NOW_MS, on_report, NULL);
	cr_assert_eq(reports, 1);
	cr_expect_eq(reported.event, WIRE_EVENT_LOST);
	cr_expect_eq(reported.count, 42);
	cr_expect_eq(reported.uid, 1000);
	cr_expect(strstr(reported.text, "12 were refusals"), "%s", reported.text);
	decisions_summarise(decisions, NOW_MS, on_report, NULL);
	cr_expect_eq(reports, 1);
}

Test(decisions, reports_nothing_below_the_limit, .init = start, .fini = stop)
{
	admitted(ACCOUNT, 10, WIRE_OUTCOME_REFUSED, NOW_MS);
	decisions_summarise(decisions, NOW_MS + 1000000, on_report, NULL);
	cr_expect_eq(reports, 0);
}

/* 65,536 subordinate uids are not so many lines: beyond the table's size they share one bucket. */
Test(decisions, bounds_the_number_of_accounts, .init = start, .fini = stop)
{
	unsigned passed = 0;

	for (uint64_t account = 1; account <= 20000; account++)
		passed += admitted(account, 1, WIRE_OUTCOME_REFUSED, NOW_MS);
	cr_expect_leq(passed, 4096 + DECISIONS_BURST);
}

/* Reports of the gate share one bucket. */
Test(decisions, names_reports_of_the_gate, .init = start, .fini = stop)
{
	struct wire_record record;

	wire_make(&record, WIRE_RECORD);
	record.event = WIRE_EVENT_STOPPED;
	for (unsigned i = 0; i < DECISIONS_BURST + 7; i++)
		cr_assert_eq(decisions_admit(decisions, DECISIONS_OF_GATE, &record, NOW_MS), i < DECISIONS_BURST);
	decisions_summarise(decisions, NOW_MS, on_report, NULL);
	cr_expect_eq(reports, 1);
	cr_expect_eq(reported.count, 7);
	cr_expect(strstr(reported.text, "7 reports of the gate"), "%s", reported.text);
}

Test(decisions, counts_what_was_left_out_elsewhere, .init = start, .fini = stop)
{
	struct wire_record record;

	wire_make(&record, WIRE_RECORD);
	record.event = WIRE_EVENT_STOPPED;
	record.dest_qpn = 77;
	decisions_leave_out(decisions, DECISIONS_OF_GATE, &record, 3);
	decisions_leave_out(decisions, DECISIONS_OF_GATE, &record, 40);
	decisions_summarise(decisions, NOW_MS, on_report, NULL);
	cr_expect_eq(reports, 1);
	cr_expect_eq(reported.count, 43);
	cr_expect_eq(reported.dest_qpn, 77);
	decisions_summarise(decisions, NOW_MS, on_report, NULL);
	cr_expect_eq(reports, 1, "once");
}
