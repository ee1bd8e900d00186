// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Open files without a known holder: what counts as living, what is reported, and whose process is ended. */
#include <sys/resource.h>

#include "lost_fixture.h"
#include "skip.h"
#include "util/clock.h"

TestSuite(watch_lost, .init = begin, .fini = end, .timeout = 60);

static void can_send(void)
{
	the_qp()->state = WATCH_LIVE;
	the_qp()->check = WATCH_CHECK_AGREED;
}

static void time_to_confirm_passes(void)
{
	ufile->reach.since_ms -= LOST_CONFIRM_MS;
	watch->search_ms = 0;
	watch_settle_lost(watch);
}

/* ---- honest programs, with the events of the loop ---- */

static void events_happen(int ms)
{
	const struct timeval end = clock_timeval(ms);

	event_base_loopexit(base, &end);
	event_base_dispatch(base);
}

static void expect_forgotten(void)
{
	cr_expect_null(watch->ufiles);
	cr_expect_eq(records, 0, "%s", last.text);
}

Test(watch_lost, program_that_ends_is_forgotten)
{
	listed.count = 0;
	kill(program.pid, SIGKILL);
	events_happen(400);
	expect_forgotten();
}

Test(watch_lost, program_that_closes_its_device_goes_on)
{
	program_does('c');
	listed.count = 0;
	cr_expect_eq(borrow(), -ENOENT);
	events_happen(3 * LOST_CONFIRM_MS / 2);
	expect_forgotten();
	cr_expect_eq(program_end(), -1);
}

/* close(2) takes longer than a step: its queue pairs are destroyed one after the other. */
Test(watch_lost, program_that_is_closing_its_device_goes_on)
{
	enum { QPS = 4 };

	for (uint32_t i = 1; i < QPS; i++) {
		report_created(HANDLE + i, IB_UVERBS_QPT_RC, QPN + i);
		kernel_lists(QPN + i, program.pid);
	}
	program_does('c');
	cr_expect_eq(borrow(), -ENOENT);
	while (listed.count) {
		events_happen(3 * LOST_CONFIRM_MS / 4);
		listed.count--;
	}
	events_happen(3 * LOST_CONFIRM_MS / 4);
	expect_forgotten();
	cr_expect_eq(program_end(), -1);
}

/* A program that gets little of a processor is long in close(2). */
Test(watch_lost, program_that_is_slow_to_close_its_device_goes_on)
{
	can_send();
	hide();
	time_to_confirm_passes();
	cr_expect_eq(records, 0, "%s", last.text);
	cr_expect_eq(program_end(), -1);
}

static void expect_ended_soon(void)
{
	hide();
	time_to_confirm_passes();
	cr_expect_eq(last.event, WIRE_EVENT_NOT_REVOKED);
	cr_expect_eq(program_end(), SIGKILL);
}

Test(watch_lost, program_that_hides_qp_whose_evidence_changed_is_ended_soon)
{
	can_send();
	watch_queue(ufile, the_qp());
	expect_ended_soon();
}

Test(watch_lost, program_that_hides_qp_whose_protection_went_is_ended_soon)
{
	can_send();
	the_qp()->state = WATCH_GRACE;
	expect_ended_soon();
}

Test(watch_lost, program_that_hides_qp_of_unknown_address_is_ended_soon)
{
	can_send();
	the_qp()->check = WATCH_CHECK_DUE;
	expect_ended_soon();
}

Test(watch_lost, program_that_hides_qp_of_unknown_state_is_ended_soon)
{
	the_qp()->state = WATCH_UNKNOWN;
	expect_ended_soon();
}

/* What the sweep does while queue pairs come and go. */
Test(watch_lost, qp_that_program_destroys_is_forgotten)
{
	report_created(HANDLE + 1, IB_UVERBS_QPT_RC, QPN + 1);
	cr_expect_not(watch_is_other_file(ufile, NUMBER, RDMA_DRIVER_RXE));
	cr_expect_null(watch_qp_find(ufile, HANDLE + 1));
	the_qp();
}

/* ---- what lives ---- */

Test(watch_lost, closed_file_is_freed_when_kernel_lists_nothing)
{
	listed.count = 0;
	program_does('c');
	cr_expect_eq(borrow(), -ENOENT);
	watch_settle_lost(watch);
	cr_expect_null(watch->ufiles);
	cr_expect_eq(records, 0);
}

Test(watch_lost, closed_file_is_freed_when_device_is_unregistered)
{
	listed.err = -ENODEV;
	hide();
	cr_expect_null(watch->ufiles);
}

Test(watch_lost, qp_lives_when_list_cannot_be_read)
{
	listed.err = -EMFILE;
	hide();
	cr_expect_eq(watch->ufiles, ufile);
	the_qp();
}

Test(watch_lost, qp_lives_when_one_list_of_two_lacks_it)
{
	listed.complete_from = 2;
	hide();
	the_qp();
}

/* The number is that of another process's queue pair by now. */
Test(watch_lost, qp_is_destroyed_when_number_has_another_owner)
{
	listed.qps[0].pid = 1;
	hide();
	cr_expect_null(watch->ufiles);
}

Test(watch_lost, qp_lives_when_thread_that_made_it_has_ended)
{
	listed.qps[0].pid = 0;
	hide();
	the_qp();
}

Test(watch_lost, qp_without_number_lives_while_kernel_lists_unknown_one)
{
	the_qp()->qpn_source = WATCH_QPN_GUESSED;
	the_qp()->qpn = 99;
	hide();
	the_qp();
}

Test(watch_lost, qp_without_number_is_destroyed_when_kernel_lists_none)
{
	the_qp()->qpn_source = WATCH_QPN_GUESSED;
	listed.count = 0;
	hide();
	cr_expect_null(watch->ufiles);
}

Test(watch_lost, qp_is_listed_while_kernel_has_it)
{
	cr_expect(watch_is_listed(ufile, the_qp()));
	listed.count = 0;
	cr_expect_not(watch_is_listed(ufile, the_qp()));
	listed.err = -EMFILE;
	cr_expect(watch_is_listed(ufile, the_qp()), "the kernel cannot be asked");
	the_qp();
}

Test(watch_lost, number_of_new_qp_is_no_longer_that_of_old_one)
{
	report_created(HANDLE + 1, IB_UVERBS_QPT_RC, QPN);
	cr_expect_eq(the_qp()->qpn_source, WATCH_QPN_UNKNOWN);
	cr_expect_eq(watch_qp_number(ufile, HANDLE + 1), QPN);
}

/* ---- reports ---- */

Test(watch_lost, closing_file_has_time_to_be_destroyed)
{
	hide();
	cr_expect_eq(records, 0);
	cr_expect_eq(program_end(), -1);
}

Test(watch_lost, hidden_file_is_reported_and_its_process_ended)
{
	hide();
	time_passes();
	cr_expect_eq(records, 1);
	cr_expect_eq(last.event, WIRE_EVENT_NOT_REVOKED);
	cr_expect_eq(last.pid, program.pid);
	cr_expect_eq(last.reasons[0], REASON_PROCESS_ENDED);
	cr_expect_eq(last.reasons[1], REASON_UNREACHABLE);
	cr_expect_str_eq(last.device, "rxe0");
	cr_expect_eq(program_end(), SIGKILL);
}

Test(watch_lost, hidden_file_is_reported_once)
{
	hide();
	time_passes();
	time_passes();
	cr_expect_eq(records, 1);
}

static void hide_under(const char *text)
{
	char error[POLICY_ERROR_MAX];
	struct policy *policy;

	cr_assert_eq(policy_parse("p", text, strlen(text), &policy, error, sizeof(error)), 0, "%s", error);
	watch->policy = policy;
	hide();
	time_passes();
	cr_expect_eq(records, 1);
	cr_expect_eq(last.event, WIRE_EVENT_NOT_REVOKED);
	watch->policy = policy_builtin();
	policy_free(policy);
}

Test(watch_lost, rule_that_only_reports_lets_process_go_on)
{
	hide_under("[default]\nunreachable = report\n");
	cr_expect_eq(program_end(), -1);
}

Test(watch_lost, audit_mode_lets_process_go_on)
{
	hide_under("[default]\nmode = audit\n");
	cr_expect_eq(program_end(), -1);
}

/* Its address may be another one by now. */
Test(watch_lost, rule_of_any_remote_counts)
{
	hide_under("[rule here]\nmatch-remote = ::/0\nrequire = none\n[default]\nmode = enforce\n");
	cr_expect_eq(program_end(), SIGKILL);
}

/* As kernel.yama.ptrace_scope = 3 does: the process has its file under the known number, and denies it. */
static void deny(void)
{
	program_does('u');
	capng_get_caps_process();
	capng_update(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_SYS_PTRACE);
	cr_assert_eq(capng_apply(CAPNG_SELECT_CAPS), 0);
}

Test(watch_lost, denied_file_is_reported_at_once_and_its_process_ended)
{
	NEED_ROOT();
	deny();
	cr_expect_eq(borrow(), -EPERM);
	cr_expect(watch_is_held(ufile));
	watch_settle_lost(watch);
	cr_expect_eq(records, 1);
	cr_expect_eq(last.event, WIRE_EVENT_NOT_REVOKED);
	cr_expect_eq(last.reasons[0], REASON_PROCESS_ENDED);
	cr_expect_eq(last.reasons[1], REASON_UNREACHABLE_DENIED);
	cr_expect_eq(program_end(), SIGKILL);
}

Test(watch_lost, denied_file_without_living_qp_is_not_reported)
{
	NEED_ROOT();
	listed.count = 0;
	deny();
	cr_expect_eq(borrow(), -EPERM);
	watch_settle_lost(watch);
	cr_expect_eq(records, 0);
	cr_expect_eq(program_end(), -1);
}

Test(watch_lost, no_process_is_ended_when_kernel_cannot_be_asked)
{
	listed.err = -EMFILE;
	hide();
	time_passes();
	cr_expect_eq(records, 1);
	cr_expect_eq(last.reasons[0], REASON_PROCESS_UNSURE);
	cr_expect_eq(program_end(), -1);
}

Test(watch_lost, shortage_of_fds_reports_nothing)
{
	struct rlimit before, none;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	cr_expect_eq(borrow(), -EMFILE);
	ufile->reach.since_ms -= LOST_HANGS_MS;
	watch_settle_lost(watch);
	cr_expect_eq(ufile->reach.err, -EMFILE);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	cr_expect_eq(records, 0);
	cr_expect_eq(program_end(), -1);
	cr_expect_eq(borrow(), 0);
}

/* The kernel may be about to destroy its queue pairs. */
Test(watch_lost, file_that_could_not_be_taken_and_is_closed_has_time_to_be_destroyed)
{
	ufile->reach = (struct watch_reach){ .err = -EBUSY, .since_ms = clock_ms() - LOST_HANGS_MS };
	program_does('c');
	watch_settle_lost(watch);
	cr_expect_eq(ufile->reach.err, -ENOENT);
	cr_expect_eq(records, 0);
	cr_expect_eq(program_end(), -1);
}

static void add_other_file(void)
{
	struct watch_ufile *other = calloc(1, sizeof(*other));
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	cr_assert(other && own >= 0);
	*other = (struct watch_ufile){ .watch = watch, .index = OTHER_INDEX, .index_known = true };
	cr_assert_eq(namespace_get(watch_namespaces(watch), own, &other->in), 0);
	close(own);
	DL_APPEND(watch->ufiles, other);
	cr_assert(watch_qp_make(other, HANDLE));
}

/* Answers to other programs come between. */
Test(watch_lost, step_leaves_files_to_next_one_when_its_time_is_over)
{
	add_other_file();
	watch_holder_lose(ufile->holders);
	watch->search_ms = INT64_MAX;
	listed.count = 0;
	listed.takes_ms = LOST_AT_ONCE_MS;
	watch_settle_lost(watch);
	cr_assert(watch->ufiles, "the second file has not had its turn");
	cr_expect_neq(watch->ufiles, ufile);
	cr_expect_geq(watch->lost_ms, clock_ms() + LOST_AT_ONCE_MS);
	watch_settle_lost(watch);
	cr_expect_null(watch->ufiles);
	cr_expect_eq(records, 0);
}

/* It sent the file to a process of another user, which had it last. */
Test(watch_lost, process_whose_account_had_file_first_is_ended_first)
{
	struct watch_holder *theirs = hold(getpid(), OTHER_NUMBER);

	ufile->account = ufile->holders->client->process.account + 1;
	theirs->client->process.account = ufile->account + 1;
	ufile->holders->client->process.account = ufile->account;
	watch_holder_lose(ufile->holders);
	watch_holder_lose(theirs);
	program_does('c');
	cr_expect_eq(borrow(), -ENOENT);
	watch_adopt(watch);
	time_passes();
	cr_expect_eq(records, 1);
	cr_expect_eq(last.reasons[0], REASON_PROCESS_ENDED);
	cr_expect_eq(program_end(), SIGKILL);
}

/* ---- more queue pairs on a file than the kernel lists ---- */

static void file_is_overfull(void)
{
	watch_cannot_list(ufile, -ENOSPC);
	cr_expect_eq(records, 1);
	cr_expect_eq(last.event, WIRE_EVENT_NOT_REVOKED);
	cr_expect_eq(last.reasons[1], REASON_FILE_FULL);
	watch_cannot_list(ufile, -ENOSPC);
	cr_expect_eq(records, 1, "once");
}

Test(watch_lost, overfull_file_is_reported_and_its_process_ended)
{
	file_is_overfull();
	cr_expect_eq(last.reasons[0], REASON_PROCESS_ENDED);
	cr_expect_eq(program_end(), SIGKILL);
}

Test(watch_lost, overfull_file_is_reported_only_where_rule_says_so)
{
	char error[POLICY_ERROR_MAX];
	static const char text[] = "[default]\nunreachable = report\n";
	struct policy *policy;

	cr_assert_eq(policy_parse("p", text, strlen(text), &policy, error, sizeof(error)), 0, "%s", error);
	watch->policy = policy;
	file_is_overfull();
	cr_expect_eq(last.reasons[0], REASON_PROCESS_LEFT);
	cr_expect_eq(program_end(), -1);
	watch->policy = policy_builtin();
	policy_free(policy);
}

Test(watch_lost, other_error_of_list_ends_no_process)
{
	watch_cannot_list(ufile, -EIO);
	cr_expect_eq(records, 0);
	cr_expect_eq(program_end(), -1);
}

static bool is_refused(enum request_kind kind)
{
	const struct request request = { .kind = kind };
	struct judgement answer = { .pass = true };

	watch_refuse_full(ufile, &request, &answer);
	if (!answer.pass)
		cr_expect_eq(answer.verdict.why[0].reason, REASON_FILE_FULL);
	return !answer.pass;
}

Test(watch_lost, file_takes_as_many_qps_as_kernel_lists_and_no_more)
{
	for (uint32_t i = 1; i < UVERBS_QPS_LISTED_MAX - 1; i++)
		cr_assert(watch_qp_make(ufile, HANDLE + i));
	cr_expect_not(is_refused(REQUEST_QP_CREATE), "the last one");
	cr_assert(watch_qp_make(ufile, HANDLE + UVERBS_QPS_LISTED_MAX - 1));
	cr_expect(is_refused(REQUEST_QP_CREATE));
	cr_expect(is_refused(REQUEST_QP_OPEN));
	cr_expect_not(is_refused(REQUEST_QP_ADDRESS), "those that are there go on");
}

Test(watch_lost, list_has_row_for_hidden_qp)
{
	struct wire_record row;

	hide();
	watch_list_qp(ufile, the_qp(), NULL, &row);
	cr_expect_eq(row.verdict, VERDICT_UNKNOWN);
	cr_expect_eq(row.reasons[0], REASON_UNREACHABLE);
	cr_expect_str_eq(row.device, "rxe0");
}
