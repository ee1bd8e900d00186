// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Open files whose numbers no longer name them: what is found again, what counts as living, what is reported, and whose
 * process is ended. The device full(4) takes the place of a uverbs node; the lists of the kernel are the test's.
 */
#include <errno.h>
#include <pthread.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_verbs.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "process/foreign_private.h"
#include "process/same_file.h"
#include "rdma/uverbs_call_internal.h"
#include "skip.h"
#include "util/clock.h"
#include "watch_fixture.h"

enum { NUMBER = 77, OTHER_NUMBER = 78, QPN = 17, INDEX = 3, OTHER_INDEX = 4 };

/* ---- the kernel ---- */

static struct {
	int err;
	unsigned takes_ms;
	struct rdma_qp qps[4];
	size_t count, reads;
	size_t complete_from; /* the reads before this one lack the last queue pair */
} listed;

static int list_device(struct namespace *in, uint32_t index, struct rdma_resources *out)
{
	size_t count = listed.count;

	cr_expect_eq(in, watch->ufiles->in);
	cr_expect(index == INDEX || index == OTHER_INDEX);
	if (++listed.reads < listed.complete_from)
		count--;
	usleep(listed.takes_ms * 1000);
	if (listed.err)
		return listed.err;
	*out = (struct rdma_resources){ .qps = calloc(count + 1, sizeof(*out->qps)), .count = count };
	cr_assert(out->qps);
	memcpy(out->qps, listed.qps, count * sizeof(*out->qps));
	return 0;
}

static void kernel_lists(uint32_t qpn, pid_t pid)
{
	listed.qps[listed.count++] = (struct rdma_qp){
		.device = "rxe0", .qpn = qpn, .type = IB_UVERBS_QPT_RC, .state = 3, .pid = (uint32_t)pid
	};
}

static bool lists_nothing;

/* Every file has the one queue pair, without an address, or none. */
static int verbs(int fd, struct ib_uverbs_ioctl_hdr *request)
{
	struct ib_uverbs_query_qp_resp answer = { .qp_state = 1 };
	uint32_t handle = lists_nothing ? UINT32_MAX : HANDLE, total = lists_nothing ? 0 : 1;

	(void)fd;
	for (int i = 0; i < request->num_attrs; i++) {
		struct ib_uverbs_attr *attr = &request->attrs[i];
		void *out = (void *)(uintptr_t)attr->data;

		attr->flags |= UVERBS_ATTR_F_VALID_OUTPUT;
		if (request->method_id == UVERBS_METHOD_INVOKE_WRITE && attr->attr_id == UVERBS_ATTR_CORE_OUT)
			memcpy(out, &answer, sizeof(answer));
		if (request->method_id == UVERBS_METHOD_INFO_HANDLES && attr->attr_id == UVERBS_ATTR_INFO_HANDLES_LIST)
			memcpy(out, &handle, sizeof(handle));
		if (request->method_id == UVERBS_METHOD_INFO_HANDLES && attr->attr_id == UVERBS_ATTR_INFO_TOTAL_HANDLES)
			memcpy(out, &total, sizeof(total));
	}
	return 0;
}

/* ---- the program ---- */

static struct {
	pid_t pid;
	int socket;
} program;

static bool stays; /* in the thread that has a table of its own */

static void *own_table(void *arg)
{
	(void)arg;
	if (unshare(CLONE_FILES))
		_exit(1);
	__atomic_store_n(&stays, true, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

/* What the program does with its file, each time it is told. */
static void act(char command)
{
	pthread_t thread;

	if (command == 'm') {
		dup2(NUMBER, OTHER_NUMBER);
		close(NUMBER);
	} else if (command == 'c') {
		close(NUMBER);
	} else if (command == 'n') {
		prctl(PR_SET_NAME, "rdmasec-it");
	} else if (command == 'u') {
		if (setuid(65534))
			_exit(1);
	} else if (command == 'o') {
		int other = open("/dev/full", O_RDWR);

		dup2(other, NUMBER);
		close(other);
	} else if (command == 'r') {
		int other = open("/dev/null", O_RDWR);

		dup2(other, NUMBER);
		close(other);
	} else if (command == 't') {
		pthread_create(&thread, NULL, own_table, NULL);
		while (!__atomic_load_n(&stays, __ATOMIC_SEQ_CST))
			sched_yield();
		close(NUMBER);
	}
}

static _Noreturn void program_run(int socket)
{
	char command;

	while (read(socket, &command, 1) == 1) {
		act(command);
		if (write(socket, &command, 1) != 1)
			break;
	}
	_exit(0);
}

static void program_does(char command)
{
	cr_assert_eq(write(program.socket, &command, 1), 1);
	cr_assert_eq(read(program.socket, &command, 1), 1);
}

static void program_start(void)
{
	int sockets[2], file = open("/dev/full", O_RDWR);

	cr_assert(file >= 0 && !socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	program.pid = fork();
	if (!program.pid) {
		dup2(file, NUMBER);
		close(file);
		close(sockets[0]);
		program_run(sockets[1]);
	}
	close(sockets[1]);
	close(file);
	program.socket = sockets[0];
	program_does('-');
}

/* How it ended; -1: it goes on. */
static int program_end(void)
{
	siginfo_t info = { 0 };

	for (int i = 0; i < 100 && !info.si_pid; i++) {
		cr_assert_eq(waitid(P_PID, (id_t)program.pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
		if (!info.si_pid)
			usleep(2000);
	}
	return info.si_pid ? info.si_status : -1;
}

/* ---- records ---- */

static unsigned records;
static struct wire_record last;

static void on_record(const struct wire_record *record, void *arg)
{
	(void)arg;
	records++;
	last = *record;
}

/* ---- the watch ---- */

static struct watch_holder *hold(pid_t pid, int number)
{
	struct watch_holder *holder = calloc(1, sizeof(*holder));
	struct watch_client *client;
	struct process process;

	cr_assert(holder && !process_open(pid, &process));
	cr_assert_eq(watch_client_get(watch, &process, &client), 0);
	process_close(&process);
	*holder = (struct watch_holder){ .client = client, .ufile = ufile, .number = number };
	DL_APPEND(ufile->holders, holder);
	DL_APPEND2(client->holders, holder, client_prev, client_next);
	return holder;
}

static void begin_with(const struct policy *policy)
{
	program_start();
	watch_begin(policy, &(struct watch_listener){ .record = on_record });
	watch_list_device = list_device;
	uverbs_call_kernel = verbs;
	ufile->rdev = makedev(1, 7);
	ufile->index = INDEX;
	ufile->index_known = true;
	ufile->asker.uid = 0;
	hold(program.pid, NUMBER);
	report_created(HANDLE, IB_UVERBS_QPT_RC, QPN);
	kernel_lists(QPN, program.pid);
}

static void begin(void)
{
	begin_with(policy_builtin());
}

static void end(void)
{
	close(program.socket);
	kill(program.pid, SIGKILL);
	waitpid(program.pid, NULL, 0);
	if (watch && watch->ufiles)
		watch_end();
}

TestSuite(watch_lost, .init = begin, .fini = end, .timeout = 60);

static int borrow(void)
{
	int fd, err = watch_borrow_fd(ufile, &fd);

	if (!err)
		close(fd);
	return err;
}

/* The time that close(2) has to destroy the queue pairs passes. */
static void time_passes(void)
{
	ufile->reach.since_ms -= LOST_CONFIRM_MS;
	watch->search_ms = 0;
	watch_settle_lost(watch);
}

static void hide(void)
{
	program_does('c');
	cr_assert_eq(borrow(), -ENOENT);
	watch_adopt(watch); /* there is no helper that could search all processes */
}

/* ---- found again ---- */

/* It has no place in the class of uverbs devices, as the node of a device that is being removed. */
Test(watch_lost, borrows_file_whose_node_left_sysfs)
{
	cr_expect_eq(borrow(), 0);
	cr_expect(watch_is_held(ufile));
}

Test(watch_lost, finds_file_under_another_number)
{
	program_does('m');
	cr_expect_eq(borrow(), 0);
	cr_expect_eq(ufile->holders->number, OTHER_NUMBER);
	cr_expect_not(ufile->holders->lost);
}

Test(watch_lost, finds_file_in_table_of_thread)
{
	program_does('t');
	if (syscall(SYS_pidfd_open, getpid(), O_EXCL) < 0)
		return; /* before kernel 6.9 */
	cr_expect_eq(borrow(), 0);
	cr_expect_eq(ufile->holders->number, NUMBER);
	cr_expect_neq(ufile->holders->thread, 0);
}

Test(watch_lost, finds_file_of_request_in_table_of_thread)
{
	struct process process;
	pid_t thread = 0;
	int fd;

	cr_assert_eq(borrow(), 0);
	cr_assert_eq(process_open(program.pid, &process), 0);
	cr_assert_eq(process_fetch_fd(&process, NUMBER, &fd), 0);
	cr_expect_eq(process_find_thread_with(&process, NUMBER, fd, &thread), -EBADF);
	program_does('t');
	cr_expect_eq(process_find_thread_with(&process, NUMBER, fd, &thread), 0);
	cr_expect_neq(thread, 0);
	cr_expect_eq(process_find_thread_with(&process, OTHER_NUMBER, fd, &thread), -EBADF);
	close(fd);
	process_close(&process);
}

static bool is_thread_visited(void *context, const struct process *process, pid_t thread, int number)
{
	unsigned *visited = context;

	(void)process;
	*visited += thread && number >= 0;
	return !thread;
}

static int is_not_found(void *context, const struct process *process, pid_t thread, int number, int fd, dev_t rdev)
{
	(void)context, (void)process, (void)thread, (void)number, (void)fd, (void)rdev;
	return -EEXIST;
}

/* Its time may be over, and it may have thousands of them. */
Test(watch_lost, search_leaves_out_table_of_thread)
{
	unsigned visited = 0;
	const struct process_search search = { .visits = is_thread_visited,
					       .found = is_not_found,
					       .context = &visited };
	struct process process;

	program_does('t');
	cr_assert_eq(process_open(program.pid, &process), 0);
	cr_expect_eq(process_search_fds(&search, &process), 0);
	cr_expect_eq(visited, 0);
	process_close(&process);
}

/* One process made the queue pair and closed the file; another, which nothing guards, has it from there. */
static void another_process_has_it(void)
{
	watch_client_free(ufile->holders->client);
	watch_holder_lose(hold(getpid(), NUMBER));
	listed.qps[0].pid = (uint32_t)getpid();
	the_qp()->request.kind = REQUEST_QP_ADDRESS;
	the_qp()->request.has |= UVERBS_HAS_DEST_QPN;
	cr_assert_eq(foreign_start("/sys", &watch->foreign), 0);
	cr_assert_eq(borrow(), -ENOENT);
	watch->search_ms = INT64_MAX; /* only the scan of all processes finds it */
	watch_adopt(watch);
}

static void helpers_end(void)
{
	foreign_stop(watch->foreign);
	watch->foreign = NULL;
}

Test(watch_lost, finds_file_in_unguarded_process)
{
	another_process_has_it();
	cr_assert(watch_is_held(ufile));
	cr_expect_eq(ufile->holders->client->process.pid, program.pid);
	cr_expect_eq(borrow(), 0);
	helpers_end();
}

/* A supervisor has the file for the moment of a call only. */
Test(watch_lost, finds_file_at_second_search_in_process_with_name_of_supervisor)
{
	program_does('n');
	another_process_has_it();
	cr_expect_not(watch_is_held(ufile));
	watch->search_ms = 0;
	cr_expect_eq(borrow(), 0);
	cr_assert(watch_is_held(ufile));
	cr_expect_eq(ufile->holders->client->process.pid, program.pid);
	helpers_end();
}

Test(watch_lost, process_with_name_of_supervisor_that_had_file_once_is_not_ended)
{
	struct why why;

	program_does('n');
	another_process_has_it();
	program_does('c');
	watch->search_ms = 0;
	cr_expect_eq(borrow(), -ENOENT);
	watch_holder_free(ufile->holders->prev); /* that of the process that made it */
	cr_assert(ufile->holders && ufile->holders->client->process.pid == program.pid);
	cr_expect(watch_end_owner(ufile, &the_qp()->request, &why));
	cr_expect_eq(why.reason, REASON_PROCESS_NOT_KNOWN);
	cr_expect_eq(program_end(), -1);
	helpers_end();
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

Test(watch_lost, reused_number_of_fd_does_not_end_holder)
{
	program_does('r');
	cr_expect_eq(borrow(), -ENOENT);
	cr_assert(ufile->holders && ufile->holders->lost);
	the_qp();
}

/* ---- another file of the same device under the known number ---- */

static void another_file_takes_number(void)
{
	program_does('m');
	program_does('o');
	cr_assert_eq(borrow(), 0, "it cannot be told apart by its number");
	lists_nothing = true;
}

Test(watch_lost, empty_file_under_same_number_is_another_file)
{
	another_file_takes_number();
	cr_expect(watch_is_other_file(ufile, NUMBER, RDMA_DRIVER_RXE));
	the_qp();
}

Test(watch_lost, empty_file_is_the_same_when_kernel_destroyed_its_qps)
{
	another_file_takes_number();
	listed.count = 0;
	cr_expect_not(watch_is_other_file(ufile, NUMBER, RDMA_DRIVER_RXE));
	cr_expect_null(ufile->qps);
}

Test(watch_lost, file_is_found_again_after_another_took_its_number)
{
	another_file_takes_number();
	watch_take_back(ufile);
	lists_nothing = false;
	watch->search_ms = 0;
	cr_expect_eq(borrow(), 0);
	cr_expect(watch_is_held(ufile));
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

/* ---- helpers that hang ---- */

static void helper_hangs_for(uint64_t account)
{
	struct foreign_helper *helper = foreign_helper_find(watch->foreign, FOREIGN_NONE);

	cr_assert(helper);
	helper->role = FOREIGN_STUCK;
	helper->account = account;
	helper->until_ms = INT64_MAX;
}

static void helper_has_hung(void)
{
	cr_expect_eq(borrow(), -EBUSY);
	watch_settle_lost(watch);
	cr_expect_eq(records, 0, "it may return");
	ufile->reach.since_ms -= LOST_HANGS_MS;
	watch_settle_lost(watch);
	cr_expect(watch_is_held(ufile));
	the_qp();
	foreign_stop(watch->foreign);
	watch->foreign = NULL;
}

/* Else a program could hide its queue pairs behind another file of its own. */
Test(watch_lost, process_whose_account_stops_helpers_is_ended)
{
	cr_assert_eq(foreign_start("/sys", &watch->foreign), 0);
	helper_hangs_for(ufile->holders->client->process.account);
	helper_has_hung();
	cr_expect_eq(records, 1);
	cr_expect_eq(last.event, WIRE_EVENT_NOT_REVOKED);
	cr_expect_eq(program_end(), SIGKILL);
}

Test(watch_lost, process_goes_on_when_others_use_up_the_helpers)
{
	cr_assert_eq(foreign_start("/sys", &watch->foreign), 0);
	foreign_helper_end(foreign_helper_find(watch->foreign, FOREIGN_TAKER));
	while (foreign_helper_find(watch->foreign, FOREIGN_NONE))
		helper_hangs_for(ufile->holders->client->process.account + 1);
	helper_has_hung();
	cr_expect_eq(records, 0);
	cr_expect_eq(program_end(), -1);
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

/* ---- a successor ---- */

/* The file of kept processes, empty; `path` becomes its name. */
static struct kept *keep_in(char *path)
{
	struct kept *kept;
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && !close(fd));
	cr_assert_eq(kept_open(path, &kept), 0);
	watch_keep(watch, kept);
	return kept;
}

static void end_keeping(struct kept *kept, const char *path)
{
	watch_end();
	watch = NULL;
	kept_close(kept);
	unlink(path);
}

/* A helper hangs for the account of the process: whether it lives is not known. */
Test(watch_lost, process_that_cannot_be_looked_at_stays_kept)
{
	char path[] = "/tmp/test_watch_lost.XXXXXX";
	struct kept *kept = keep_in(path);
	struct process process;

	cr_assert_eq(process_open(program.pid, &process), 0);
	kept_add(kept, process.pid, process.start_time);
	cr_assert_eq(foreign_start("/sys", &watch->foreign), 0);
	helper_hangs_for(process.account);
	watch_adopt(watch);
	cr_expect(kept_has(kept, process.pid, process.start_time));
	foreign_stop(watch->foreign);
	watch->foreign = NULL;
	process_close(&process);
	end_keeping(kept, path);
}

/* It was guarded by the last daemon, and nothing else shows that it is. */
Test(watch_lost, holder_is_kept_for_successor)
{
	char path[] = "/tmp/test_watch_lost.XXXXXX";
	struct kept *kept = keep_in(path);
	struct process process;

	watch_client_free(ufile->holders->client);
	hold(program.pid, NUMBER);
	cr_assert_eq(process_open(program.pid, &process), 0);
	cr_expect(kept_has(kept, program.pid, process.start_time));
	watch_adopt(watch);
	cr_expect(kept_has(kept, program.pid, process.start_time), "it lives");
	kill(program.pid, SIGKILL);
	waitpid(program.pid, NULL, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	cr_expect_not(kept_has(kept, program.pid, process.start_time), "it has ended");
	process_close(&process);
	end_keeping(kept, path);
}
