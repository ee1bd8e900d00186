/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A watch whose open file is held by a program. The device full(4) takes the place of a uverbs node; the lists of the
 * kernel are the test's.
 */
#ifndef RDMASEC_TESTS_LOST_FIXTURE_H
#define RDMASEC_TESTS_LOST_FIXTURE_H

#include <errno.h>
#include <pthread.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_verbs.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "rdma/uverbs_call_internal.h"
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

static inline int list_device(struct namespace *in, uint32_t index, struct rdma_resources *out)
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

static inline void kernel_lists(uint32_t qpn, pid_t pid)
{
	listed.qps[listed.count++] = (struct rdma_qp){
		.device = "rxe0", .qpn = qpn, .type = IB_UVERBS_QPT_RC, .state = 3, .pid = (uint32_t)pid
	};
}

static bool lists_nothing;

/*
 * A file of the program of this test. A search of all processes also finds those of tests that run beside it. The owner
 * is a mark of the open file: it is the same in every process that has it.
 */
static inline int open_full(pid_t test)
{
	int fd = open("/dev/full", O_RDWR);

	return fd >= 0 && !fcntl(fd, F_SETOWN, test) ? fd : -1;
}

/* Every file of the program has the one queue pair, without an address, or none. */
static inline int verbs(int fd, struct ib_uverbs_ioctl_hdr *request)
{
	struct ib_uverbs_query_qp_resp answer = { .qp_state = 1 };
	int owner = fcntl(fd, F_GETOWN); /* -1: the test has no such file, and means the program's */
	bool is_anothers = owner > 0 && owner != getpid();
	bool has_none = lists_nothing || is_anothers;
	uint32_t handle = has_none ? UINT32_MAX : HANDLE, total = has_none ? 0 : 1;

	if (is_anothers && request->method_id == UVERBS_METHOD_INVOKE_WRITE)
		return -EINVAL;
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

static inline void *own_table(void *arg)
{
	(void)arg;
	if (unshare(CLONE_FILES))
		_exit(1);
	__atomic_store_n(&stays, true, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

/* What the program does with its file, each time it is told. */
static inline void act(char command)
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
		int other = open_full(getppid());

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

static inline _Noreturn void program_run(int socket)
{
	char command;

	while (read(socket, &command, 1) == 1) {
		act(command);
		if (write(socket, &command, 1) != 1)
			break;
	}
	_exit(0);
}

static inline void program_does(char command)
{
	cr_assert_eq(write(program.socket, &command, 1), 1);
	cr_assert_eq(read(program.socket, &command, 1), 1);
}

static inline void program_start(void)
{
	int sockets[2], file = open_full(getpid());

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
static inline int program_end(void)
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

static inline void on_record(const struct wire_record *record, void *arg)
{
	(void)arg;
	records++;
	last = *record;
}

/* ---- the watch ---- */

static inline struct watch_holder *hold(pid_t pid, int number)
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

static inline void begin_with(const struct policy *policy)
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

static inline void begin(void)
{
	begin_with(policy_builtin());
}

static inline void end(void)
{
	close(program.socket);
	kill(program.pid, SIGKILL);
	waitpid(program.pid, NULL, 0);
	if (watch && watch->ufiles)
		watch_end();
}

static inline int borrow(void)
{
	int fd, err = watch_borrow_fd(ufile, &fd);

	if (!err)
		close(fd);
	return err;
}

/* The time that close(2) has to destroy the queue pairs passes. */
static inline void time_passes(void)
{
	ufile->reach.since_ms -= LOST_CLOSING_MS;
	watch->search_ms = 0;
	watch_settle_lost(watch);
}

static inline void hide(void)
{
	program_does('c');
	cr_assert_eq(borrow(), -ENOENT);
	watch_adopt(watch); /* there is no helper that could search all processes */
}

#endif
