// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Queue pairs that the kernel door has found, in files that cannot be found: what follows from the kernel's lists. The
 * scenario kernel-door has files.
 */
#include "lost_fixture.h"

TestSuite(watch_entered, .init = begin, .fini = end, .timeout = 60);

static const struct watch_entered entered = {
	.device_index = INDEX,
	.device = "rxe0",
	.handle = HANDLE,
	.qpn = QPN,
	.qp_type = IB_UVERBS_QPT_RC,
	.address = { .dgid = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 9 }, .port = 1, .is_global = true },
};

static enum watch_fate fate(void)
{
	struct watch_entered_answer answer;
	struct process process;

	cr_assert_eq(process_open(program.pid, &process), 0);
	watch_entered(watch, &process, &entered, &answer);
	process_close(&process);
	cr_expect_eq(answer.record.pid, program.pid);
	cr_expect_str_eq(answer.record.remote, "10.0.0.9");
	cr_expect(answer.record.has & WIRE_RECORD_HAS_QPN && answer.record.qpn == QPN);
	cr_expect_neq(answer.record.verdict, VERDICT_PROTECTED);
	cr_expect_not(answer.kills);
	return answer.fate;
}

Test(watch_entered, is_unknown_while_the_kernel_lets_it_send)
{
	static const uint8_t sends[] = { UVERBS_QPS_RTR, UVERBS_QPS_RTS, UVERBS_QPS_SQD, UVERBS_QPS_SQE };

	for (size_t i = 0; i < sizeof(sends); i++) {
		listed.qps[0].state = sends[i];
		cr_expect_eq(fate(), WATCH_FATE_UNKNOWN, "state %u", sends[i]);
	}
}

Test(watch_entered, has_ended_in_states_that_send_nothing)
{
	static const uint8_t silent[] = { UVERBS_QPS_RESET, UVERBS_QPS_INIT, UVERBS_QPS_ERR };

	for (size_t i = 0; i < sizeof(silent); i++) {
		listed.qps[0].state = silent[i];
		cr_expect_eq(fate(), WATCH_FATE_ENDED, "state %u", silent[i]);
	}
}

Test(watch_entered, has_ended_when_destroyed)
{
	listed.count = 0;
	cr_expect_eq(fate(), WATCH_FATE_ENDED);
	cr_expect_eq(listed.reads, 2, "one list may lack it");
}

Test(watch_entered, is_unknown_when_one_list_lacks_it)
{
	listed.complete_from = 2;
	cr_expect_eq(fate(), WATCH_FATE_UNKNOWN);
}

Test(watch_entered, is_unknown_when_the_kernel_cannot_be_asked)
{
	listed.err = -ENOBUFS;
	cr_expect_eq(fate(), WATCH_FATE_UNKNOWN);
}

Test(watch_entered, has_ended_with_its_device)
{
	listed.err = -ENODEV;
	cr_expect_eq(fate(), WATCH_FATE_ENDED);
}

Test(watch_entered, is_unknown_beside_queue_pair_of_other_device_with_its_number)
{
	listed.qps[0].state = UVERBS_QPS_ERR;
	text_copy(listed.qps[0].device, sizeof(listed.qps[0].device), "rxe1");
	kernel_lists(QPN, program.pid);
	cr_expect_eq(fate(), WATCH_FATE_UNKNOWN);
}

/* ---- its process, if it stays unknown ---- */

static bool is_ended_by(const char *text)
{
	struct policy *policy;
	struct process process;
	char error[POLICY_ERROR_MAX];
	bool ended;

	cr_assert_eq(policy_parse("p", text, strlen(text), &policy, error, sizeof(error)), 0, "%s", error);
	cr_assert_eq(process_open(program.pid, &process), 0);
	watch_set_policy(watch, policy);
	ended = watch_entered_rule(watch, &process, &entered);
	watch_set_policy(watch, policy_builtin());
	process_close(&process);
	policy_free(policy);
	return ended;
}

Test(watch_entered, process_of_unknown_one_is_ended_unless_the_policy_only_reports)
{
	cr_expect(is_ended_by(""));
	cr_expect(is_ended_by("[default]\nunguarded = error\n"));
	cr_expect_not(is_ended_by("[default]\nunreachable = report\n"));
	cr_expect_not(is_ended_by("[default]\nmode = audit\n"));
	cr_expect_not(is_ended_by("[default]\nrequire = none\n"));
}
