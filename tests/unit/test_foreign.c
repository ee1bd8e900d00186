// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Helpers that look at and close the files of others. The null device stands for a uverbs device. A stopped helper
 * stands for one that hangs in the kernel: neither returns, and both sleep. The scenario engine-floods has FUSE.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse_fixture.h"
#include "process/foreign_private.h"
#include "skip.h"
#include "sysfs_fixture.h"
#include "util/clock.h"
#include "util/fd_socket.h"
#include "util/small_file.h"

enum { ACCOUNT = 1000, OTHER_ACCOUNT = 1001, THIRD_ACCOUNT = 1002, HELD = 77 };

static struct foreign *foreign;
static struct process self;

static void folder_make(void)
{
	char link[128];

	tree_make();
	put("dev/char/", NULL);
	snprintf(link, sizeof(link), "%s/dev/char/1:3", sysfs);
	cr_assert_eq(symlink("../../devices/virtual/infiniband_verbs/uverbs0", link), 0);
}

static void start(void)
{
	folder_make();
	cr_assert_eq(foreign_start(sysfs, &foreign), 0);
	cr_assert_eq(process_open(getpid(), &self), 0);
	self.account = ACCOUNT;
	cr_assert_eq(dup2(open("/dev/null", O_RDWR), HELD), HELD);
}

static void stop(void)
{
	foreign_stop(foreign);
	process_close(&self);
	tree_remove();
}

static struct process of_account(uint64_t account)
{
	struct process process = self;

	process.account = account;
	return process;
}

static int take(uint64_t account, int number)
{
	const struct process process = of_account(account);
	struct foreign_file file;
	int err = foreign_take(foreign, &process, number, &file);

	if (!err) {
		cr_expect_eq(file.rdev, makedev(1, 3));
		close(file.fd);
	}
	return err;
}

static bool is_stopped(pid_t pid)
{
	char path[32], text[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	cr_assert_gt(small_file_read(AT_FDCWD, path, text, sizeof(text)), 0);
	return strstr(text, ") T") != NULL;
}

/* True when all write ends are closed. */
static bool is_at_end(int reader, int ms)
{
	struct pollfd end = { .fd = reader, .events = POLLIN };

	return poll(&end, 1, ms) == 1 && end.revents & POLLHUP;
}

static void stop_helper(enum foreign_role role)
{
	struct foreign_helper *helper = foreign_helper_find(foreign, role);

	cr_assert(helper);
	cr_assert_eq(kill(helper->pid, SIGSTOP), 0);
	while (!is_stopped(helper->pid))
		usleep(1000);
}

/* ---- taking ---- */

Test(foreign, takes_a_uverbs_file, .init = start, .fini = stop)
{
	cr_expect_eq(take(ACCOUNT, HELD), 0);
}

Test(foreign, takes_no_other_file, .init = start, .fini = stop)
{
	int zero = open("/dev/zero", O_RDWR);

	cr_expect_eq(take(ACCOUNT, zero), -ENODEV);
	cr_expect_eq(take(ACCOUNT, 999), -EBADF);
	cr_expect_eq(take(ACCOUNT, HELD), 0, "the helper serves on");
	cr_expect_eq(foreign_stuck(foreign), 0);
}

/* Another account's question is answered by another helper; that of the file's account is refused at once. */
Test(foreign, gives_up_a_helper_that_hangs, .init = start, .fini = stop)
{
	int64_t began;

	cr_assert_eq(take(ACCOUNT, HELD), 0);
	stop_helper(FOREIGN_TAKER);
	began = clock_ms();
	cr_expect_eq(take(OTHER_ACCOUNT, HELD), 0);
	cr_expect_leq(clock_ms() - began, 1000);
	cr_expect_eq(foreign_stuck(foreign), 1);
	cr_expect_eq(take(ACCOUNT, HELD), -EBUSY);
	cr_expect_eq(take(OTHER_ACCOUNT, HELD), 0);
}

Test(foreign, refuses_when_its_own_file_hangs, .init = start, .fini = stop)
{
	cr_assert_eq(take(ACCOUNT, HELD), 0);
	stop_helper(FOREIGN_TAKER);
	cr_expect_eq(take(ACCOUNT, HELD), -ETIMEDOUT);
	cr_expect_eq(take(OTHER_ACCOUNT, HELD), 0);
}

Test(foreign, replaces_a_helper_that_ended, .init = start, .fini = stop)
{
	cr_assert_eq(kill(foreign_helper_find(foreign, FOREIGN_TAKER)->pid, SIGKILL), 0);
	cr_expect_eq(take(ACCOUNT, HELD), 0);
	cr_expect_eq(foreign_stuck(foreign), 0);
}

/* ---- receiving ---- */

static void send_files(int socket, const int *fds, size_t count)
{
	cr_assert_eq(foreign_send(socket, "question", 8, fds, count, 0), 8);
}

static int receive_with(struct process *process, const int *fds, size_t count, int number, struct foreign_file *out,
			int *ticket)
{
	int pair[2], err;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	send_files(pair[0], fds, count);
	err = foreign_receive(foreign, pair[1], process, number, out, ticket);
	/* a helper has it, unless it was refused */
	if (err == -EBUSY)
		foreign_close_socket(foreign, pair[1], process->account);
	else
		close(pair[1]);
	close(pair[0]);
	return err;
}

static int receive_from(struct process *process, const int *fds, size_t count, int number, struct foreign_file *out)
{
	return receive_with(process, fds, count, number, out, NULL);
}

static int receive_of(uint64_t account, const int *fds, size_t count, int number, struct foreign_file *out)
{
	struct process process = of_account(account);

	return receive_from(&process, fds, count, number, out);
}

static int receive(const int *fds, size_t count, int number, struct foreign_file *out)
{
	return receive_of(ACCOUNT, fds, count, number, out);
}

Test(foreign, receives_the_file_of_a_message, .init = start, .fini = stop)
{
	const int fd = HELD;
	struct foreign_file file;

	cr_assert_eq(receive(&fd, 1, HELD, &file), 0);
	cr_expect_eq(file.same_err, 0);
	cr_expect_eq(file.rdev, makedev(1, 3));
	foreign_close_device(foreign, file.fd);
}

/* As of the peer of a socket: what the engine knows of it before it asks a helper. */
static struct process identified(pid_t pid)
{
	struct process process;

	cr_assert_eq(process_identify(pid, &process), 0);
	cr_assert_eq(process.start_time, 0);
	return process;
}

Test(foreign, describes_the_process_with_the_file_of_its_message, .init = start, .fini = stop)
{
	const int fd = HELD, zero = open("/dev/zero", O_RDWR);
	struct process process = identified(getpid()), refused = identified(getpid());
	struct foreign_file file;

	cr_assert_eq(receive_from(&process, &fd, 1, HELD, &file), 0);
	cr_expect_eq(process.start_time, self.start_time);
	cr_expect_str_eq(process.executable, self.executable);
	cr_expect_eq(process.netns_ino, self.netns_ino);
	cr_expect_eq(process.account, getuid(), "what the engine has found stays");
	cr_expect_eq(receive_from(&refused, &zero, 1, HELD, &file), -ENODEV);
	cr_expect_eq(refused.start_time, self.start_time, "also of a refused file, for the audit log");
	process_close(&process);
	process_close(&refused);
}

static unsigned open_files(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 1000; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* A zombie: it has facts, and its number is not used again yet. */
Test(foreign, receives_no_file_of_a_process_that_has_ended, .init = start, .fini = stop)
{
	const int fd = HELD;
	struct foreign_file file;
	struct process process;
	pid_t pid = fork();
	unsigned before;

	if (pid == 0) {
		pause();
		_exit(0);
	}
	process = identified(pid);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	before = open_files();
	cr_expect_eq(receive_from(&process, &fd, 1, HELD, &file), -ESRCH);
	cr_expect_eq(process.start_time, 0);
	cr_expect_eq(open_files(), before);
	process_close(&process);
	waitpid(pid, NULL, 0);
}

Test(foreign, notices_another_file_under_the_number, .init = start, .fini = stop)
{
	const int fd = HELD;
	struct foreign_file file;

	cr_assert_eq(receive(&fd, 1, open("/dev/null", O_RDWR), &file), 0);
	cr_expect_eq(file.same_err, -EBADF);
	close(file.fd);
}

Test(foreign, refuses_messages_without_one_uverbs_file, .init = start, .fini = stop)
{
	const int two[] = { HELD, HELD }, zero = open("/dev/zero", O_RDWR);
	struct foreign_file file;

	cr_expect_eq(receive(NULL, 0, HELD, &file), -EBADMSG);
	cr_expect_eq(receive(two, 2, HELD, &file), -EBADMSG);
	cr_expect_eq(receive(&zero, 1, HELD, &file), -ENODEV);
	cr_expect_eq(take(ACCOUNT, HELD), 0);
}

/* ---- a helper that is slow, but not dead ---- */

/* The helper sleeps with the question of the account, and then goes on: a host or a file system that is slow. */
static int begin_late(struct process *process)
{
	const int fd = HELD;
	struct foreign_file file;
	int ticket = -1;

	stop_helper(FOREIGN_TAKER);
	*process = of_account(ACCOUNT);
	cr_assert_eq(receive_with(process, &fd, 1, HELD, &file, &ticket), -EINPROGRESS);
	cr_assert_geq(ticket, 0);
	cr_expect_eq(foreign_receive_late(foreign, ticket, process, &file), -EINPROGRESS);
	cr_expect_eq(take(OTHER_ACCOUNT, HELD), 0, "others are served meanwhile");
	cr_expect_eq(take(ACCOUNT, HELD), -EBUSY);
	return ticket;
}

Test(foreign, takes_the_reply_of_a_helper_that_was_late, .init = start, .fini = stop)
{
	struct foreign_file file;
	struct process process;
	int ticket, err;

	cr_assert_eq(take(ACCOUNT, HELD), 0);
	ticket = begin_late(&process);
	cr_assert_eq(kill(foreign->helpers[ticket].pid, SIGCONT), 0);
	while ((err = foreign_receive_late(foreign, ticket, &process, &file)) == -EINPROGRESS)
		usleep(1000);
	cr_assert_eq(err, 0);
	cr_expect_eq(file.same_err, 0);
	cr_expect_eq(process.start_time, self.start_time);
	foreign_close_device(foreign, file.fd);
	cr_expect_eq(foreign_stuck(foreign), 0);
	cr_expect_eq(take(ACCOUNT, HELD), 0, "the account is not barred");
}

Test(foreign, gives_up_a_late_helper_in_the_end, .init = start, .fini = stop)
{
	struct foreign_file file;
	struct process process;
	int ticket;

	cr_assert_eq(take(ACCOUNT, HELD), 0);
	ticket = begin_late(&process);
	foreign->helpers[ticket].until_ms -= FOREIGN_LATE_MS + 1;
	cr_expect_eq(foreign_receive_late(foreign, ticket, &process, &file), -ETIMEDOUT);
	cr_expect_eq(foreign_stuck(foreign), 1);
	cr_expect_eq(take(ACCOUNT, HELD), -EBUSY);
	cr_expect_eq(take(OTHER_ACCOUNT, HELD), 0);
}

/* The engine's end of a helper that does `work`, and then replies. */
static void await_work(void (*work)(void), struct foreign_helper *helper, struct foreign_slot *slot, int *err)
{
	const struct foreign_reply reply = { .kind = FOREIGN_REPLY, .index = 7 };
	struct foreign_reply got;
	int pair[2], fd;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	*helper = (struct foreign_helper){ .socket = pair[0], .slot = slot, .pid = fork() };
	if (helper->pid == 0) {
		work();
		(void)!foreign_send(pair[1], &reply, sizeof(reply), NULL, 0, 0);
		pause();
	}
	cr_assert_eq(clock_getcpuclockid(helper->pid, &helper->work), 0);
	*err = foreign_await(foreign, helper, &got, &fd);
	cr_expect(*err || got.index == 7);
	kill(helper->pid, SIGKILL);
	waitpid(helper->pid, NULL, 0);
	close(pair[0]);
	close(pair[1]);
}

/* As on a file system that answers late several times: it is asleep whenever the engine looks. */
static void sleep_and_wake(void)
{
	for (int i = 0; i < 4; i++)
		usleep(45000);
}

static void spin(void)
{
	for (;;)
		;
}

Test(foreign, waits_for_a_helper_that_proceeds, .init = start, .fini = stop)
{
	struct foreign_slot slot = { .account = 0 };
	struct foreign_helper helper;
	int err;

	await_work(sleep_and_wake, &helper, &slot, &err);
	cr_expect_eq(err, 0);
}

Test(foreign, gives_up_a_helper_that_works_for_ever, .init = start, .fini = stop)
{
	struct foreign_slot slot = { .account = 0 };
	struct foreign_helper helper;
	int err;

	await_work(spin, &helper, &slot, &err);
	cr_expect_eq(err, -ETIMEDOUT);
}

/* An account cannot have it wake up as often as it likes. */
static void sleep_and_wake_long(void)
{
	for (int i = 0; i < 50; i++)
		usleep(40000);
}

Test(foreign, gives_up_a_helper_that_proceeds_too_slowly, .init = start, .fini = stop)
{
	struct foreign_slot slot = { .account = 0 };
	struct foreign_helper helper;
	int err;

	await_work(sleep_and_wake_long, &helper, &slot, &err);
	cr_expect_eq(err, -ETIMEDOUT);
}

/*
 * A helper of a low weight beside programs that take the processor: it waits for some tenths of a second, and nothing
 * of that is sleep.
 */
static void starve_itself(void)
{
	volatile unsigned long left = 2000000;

	(void)!nice(10);
	while (left)
		left--;
}

Test(foreign, waits_for_a_helper_that_waits_for_a_processor, .init = start, .fini = stop, .timeout = 60)
{
	struct foreign_slot slot = { .account = ACCOUNT };
	struct foreign_helper helper;
	pid_t busy[2];
	int err;

	for (size_t i = 0; i < 2; i++)
		if ((busy[i] = fork()) == 0)
			spin();
	await_work(starve_itself, &helper, &slot, &err);
	cr_expect_eq(err, 0);
	cr_expect_not(foreign_debt_is_high(foreign, ACCOUNT));
	for (size_t i = 0; i < 2; i++) {
		kill(busy[i], SIGKILL);
		waitpid(busy[i], NULL, 0);
	}
}

/* ---- a real one ---- */

/*
 * The helper that received the file hangs in its close(2). It has answered before that, and another account's question
 * is answered by another helper.
 */
Test(foreign, gives_up_a_helper_that_closes_a_silent_fuse_file, .init = start, .fini = stop)
{
	int64_t began;
	int fd = fuse_file();
	struct foreign_file file;

	if (fd < 0) {
		fuse_end();
		skip_test("FUSE cannot be mounted here");
	}
	began = clock_ms();
	cr_expect_eq(receive(&fd, 1, HELD, &file), -ENODEV);
	cr_expect_eq(take(OTHER_ACCOUNT, HELD), 0);
	cr_expect_leq(clock_ms() - began, 1000);
	cr_expect_eq(foreign_stuck(foreign), 1);
	cr_expect_eq(take(ACCOUNT, HELD), -EBUSY);
	fuse_end();
}

/* Each answer comes before a helper counts as hanging. The account does not have the others wait for all of them. */
Test(foreign, refuses_an_account_whose_files_are_slow, .init = start, .fini = stop)
{
	enum { QUESTIONS = 60, FLUSH_MS = 50 };
	int64_t began;
	struct foreign_file file;
	int fd, slow = 0;

	fuse_flush_ms = FLUSH_MS;
	fd = fuse_file();
	if (fd < 0) {
		fuse_end();
		skip_test("FUSE cannot be mounted here");
	}
	began = clock_ms();
	for (int i = 0; i < QUESTIONS; i++)
		slow += receive_of(ACCOUNT, &fd, 1, HELD, &file) == -ENODEV;
	cr_expect_leq(slow, 1 + FOREIGN_DEBT_MS / 20, "%d questions in %lld ms", slow, (long long)(clock_ms() - began));
	cr_expect_eq(receive_of(ACCOUNT, &fd, 1, HELD, &file), -EBUSY);
	cr_expect_eq(foreign_stuck(foreign), 0);
	cr_expect_eq(take(OTHER_ACCOUNT, HELD), 0);
	fuse_end();
}

Test(foreign, forgets_a_debt_with_time, .init = start, .fini = stop)
{
	foreign_debt_add(foreign, ACCOUNT, FOREIGN_DEBT_MS + 1);
	cr_expect_eq(take(ACCOUNT, HELD), -EBUSY);
	cr_expect_eq(take(OTHER_ACCOUNT, HELD), 0);
	while (foreign_debt_is_high(foreign, ACCOUNT))
		usleep(1000);
	cr_expect_eq(take(ACCOUNT, HELD), 0);
}

Test(foreign, root_has_no_debt, .init = start, .fini = stop)
{
	foreign_debt_add(foreign, 0, 2 * FOREIGN_DEBT_MS);
	cr_expect_eq(take(0, HELD), 0);
}

/* ---- comparing, describing ---- */

static struct flock whole_file(short type)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET };
}

/*
 * A process that hangs in execve(2), as it closes the file there. What asks for its memory or files waits for the end
 * of that. The kernel closes in the order of the numbers, and gives up the lock of `older`, a file of a lower one, at
 * once.
 */
static pid_t hang_in_exec(int fd, int older)
{
	struct flock lock = whole_file(F_WRLCK);
	int locked[2];
	pid_t pid;
	char octet;

	cr_assert_lt(older, fd);
	cr_assert_eq(pipe(locked), 0);
	pid = fork();
	if (pid == 0) {
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		if (!fcntl(older, F_SETLK, &lock) && write(locked[1], "", 1) == 1)
			execl("/bin/true", "true", NULL);
		_exit(1);
	}
	cr_assert_eq(read(locked[0], &octet, 1), 1);
	while (!fcntl(older, F_GETLK, &lock) && lock.l_type != F_UNLCK) {
		lock = whole_file(F_WRLCK);
		usleep(1000);
	}
	close(locked[0]);
	close(locked[1]);
	return pid;
}

/* /proc waits for the end of execve(2): a helper does, and not for long. */
Test(foreign, gives_up_a_process_that_hangs_in_execve, .init = start, .fini = stop, .timeout = 60)
{
	struct foreign_file file;
	struct process process;
	int64_t began;
	int older = memfd_create("lock", MFD_CLOEXEC), fd = fuse_file(), err;
	pid_t pid;

	if (fd < 0) {
		fuse_end();
		skip_test("FUSE cannot be mounted here");
	}
	pid = hang_in_exec(fd, older);
	began = clock_ms();
	cr_expect_eq(process_identify(pid, &process), 0, "what the engine reads itself");
	process_close(&process);
	err = foreign_open(foreign, pid, &process);
	cr_expect(err == 0 || err == -ETIMEDOUT, "%d", err);
	if (!err)
		process_close(&process);
	cr_expect_leq(clock_ms() - began, 1000);
	cr_expect_eq(take(OTHER_ACCOUNT, HELD), 0);
	process = identified(pid);
	process.account = OTHER_ACCOUNT;
	began = clock_ms();
	err = receive_from(&process, (const int[]){ HELD }, 1, HELD, &file);
	cr_expect_eq(err, -ETIMEDOUT, "its question: %d", err);
	cr_expect_leq(clock_ms() - began, 1000);
	process_close(&process);
	cr_expect_eq(take(THIRD_ACCOUNT, HELD), 0);
	fuse_end();
}

Test(foreign, describes_a_process, .init = start, .fini = stop)
{
	struct process process;
	int ns_fd;

	cr_assert_eq(foreign_open(foreign, getpid(), &process), 0);
	cr_expect_eq(process.start_time, self.start_time);
	cr_expect_str_eq(process.executable, self.executable);
	cr_expect_eq(process.netns_ino, self.netns_ino);
	cr_expect_eq(foreign_open_netns(foreign, &process, &ns_fd), 0);
	close(ns_fd);
	process_close(&process);
	cr_expect_eq(foreign_open(foreign, 1 << 30, &process), -ESRCH);
}

/* Other users' processes hang: the question is one of this user. */
Test(foreign, compares_its_own_account_when_others_hang, .init = start, .fini = stop, .timeout = 60)
{
	enum { OTHERS = 5 };
	struct foreign_place places[OTHERS + 1];
	const struct foreign_place own = { ACCOUNT, getpid(), HELD };
	int older = memfd_create("lock", MFD_CLOEXEC), copy = dup(HELD), fd = fuse_file();
	int64_t began;
	size_t index = 0;

	if (fd < 0) {
		fuse_end();
		skip_test("FUSE cannot be mounted here");
	}
	for (int i = 0; i < OTHERS; i++)
		places[i] = (struct foreign_place){ OTHER_ACCOUNT + (uint64_t)i, hang_in_exec(fd, older), HELD };
	places[OTHERS] = (struct foreign_place){ ACCOUNT, getpid(), copy };
	began = clock_ms();
	cr_expect_eq(foreign_same(foreign, &own, places, OTHERS + 1, &index), 0);
	cr_expect_eq(index, OTHERS);
	cr_expect_leq(clock_ms() - began, 1000);
	fuse_end();
}

Test(foreign, finds_the_same_open_file, .init = start, .fini = stop)
{
	const struct foreign_place held = { ACCOUNT, getpid(), HELD };
	struct foreign_place places[100];
	int other = open("/dev/null", O_RDWR), copy = dup(HELD);
	size_t index = 0;

	for (size_t i = 0; i < 100; i++)
		places[i] = (struct foreign_place){ ACCOUNT, getpid(), i == 90 ? copy : other };
	cr_expect_eq(foreign_same(foreign, &held, places, 100, &index), 0);
	cr_expect_eq(index, 90);
	cr_expect_eq(foreign_same(foreign, &held, places, 90, &index), -ENOENT);
}

/* The engine cannot be traced by its helpers, so they get a duplicate. */
Test(foreign, finds_the_place_of_a_file_of_the_engine, .init = start, .fini = stop)
{
	int other = open("/dev/null", O_RDWR), copy = dup(HELD);
	const struct foreign_place places[] = { { ACCOUNT, getpid(), other }, { ACCOUNT, getpid(), HELD } };
	size_t index = 0;

	cr_expect_eq(foreign_same_as(foreign, ACCOUNT, copy, places, 2, &index), 0);
	cr_expect_eq(index, 1);
	cr_expect_eq(foreign_same_as(foreign, ACCOUNT, copy, places, 1, &index), -ENOENT);
	cr_expect_eq(take(ACCOUNT, HELD), 0, "the helper serves on");
}

/* ---- tables of files that only a thread has ---- */

static bool stays;

static void *own_table(void *arg)
{
	/* it must not keep the sockets of the helpers */
	if (unshare(CLONE_FILES) || close_range(3, HELD - 1, 0) || close_range(HELD + 1, ~0U, 0))
		_exit(1);
	__atomic_store_n(&stays, true, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
	return arg;
}

/* From now on only a thread has the file under its number. Returns a duplicate. */
static int leave_to_thread(void)
{
	pthread_t thread;
	int copy = dup(HELD);

	cr_assert_eq(pthread_create(&thread, NULL, own_table, NULL), 0);
	while (!__atomic_load_n(&stays, __ATOMIC_SEQ_CST))
		sched_yield();
	close(HELD);
	return copy;
}

static bool threads_can_be_asked(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), O_EXCL /* PIDFD_THREAD, of kernel 6.9 */);

	if (pidfd >= 0)
		close(pidfd);
	return pidfd >= 0;
}

Test(foreign, receives_the_file_of_a_threads_own_table, .init = start, .fini = stop)
{
	int copy = leave_to_thread();
	struct foreign_file file, again;

	cr_assert_eq(receive(&copy, 1, HELD, &file), 0);
	cr_expect_neq(file.thread, 0);
	cr_expect_eq(file.same_err, threads_can_be_asked() ? 0 : -EPERM);
	if (!file.same_err) {
		cr_expect_eq(take(ACCOUNT, HELD), -EBADF);
		cr_assert_eq(foreign_take_of(foreign, &self, file.thread, HELD, makedev(1, 3), &again), 0);
		close(again.fd);
		cr_expect_eq(foreign_take_of(foreign, &self, file.thread, HELD, makedev(1, 5), &again), -ENODEV);
		cr_expect_eq(foreign_take_of(foreign, &self, 1, HELD, makedev(1, 3), &again), -ESRCH,
			     "it is no thread of the process");
	}
	close(file.fd);
}

/* ---- searching one process ---- */

static struct {
	unsigned calls;
	int number;
	pid_t thread;
	int result;
} seen;

static int note(void *context, const struct process *process, const struct foreign_found *found)
{
	struct foreign_file file;

	cr_expect_eq(context, &seen);
	cr_expect_eq(process, &self);
	cr_expect_eq(found->file.rdev, makedev(1, 7));
	seen.calls++;
	seen.number = found->number;
	seen.thread = found->file.thread;
	/* another helper answers meanwhile */
	cr_expect_eq(foreign_take(foreign, &self, HELD, &file), 0);
	foreign_close_device(foreign, file.fd);
	return seen.result;
}

/* The device full(4), which has no node in the folder, as one that is being removed. */
static int search(void)
{
	return foreign_search(foreign, &self, makedev(1, 7), note, &seen);
}

Test(foreign, finds_each_file_of_a_device, .init = start, .fini = stop)
{
	int first = open("/dev/full", O_RDWR);

	cr_expect_eq(search(), 0);
	cr_expect_eq(seen.calls, 1);
	cr_expect_eq(seen.number, first);
	cr_expect_eq(seen.thread, 0);
	dup(first);
	cr_expect_eq(search(), 0);
	cr_expect_eq(seen.calls, 3);
}

Test(foreign, ends_a_search_that_has_found_what_it_was_for, .init = start, .fini = stop)
{
	int first = open("/dev/full", O_RDWR);

	dup(first);
	seen.result = 1;
	cr_expect_eq(search(), 1);
	cr_expect_eq(seen.calls, 1);
	cr_expect_eq(search(), 1, "the helper serves on");
	cr_expect_eq(foreign_stuck(foreign), 0);
}

Test(foreign, gives_up_a_search_that_hangs, .init = start, .fini = stop)
{
	cr_assert_eq(search(), 0);
	stop_helper(FOREIGN_SEARCHER);
	cr_expect_eq(search(), -ETIMEDOUT);
	cr_expect(foreign_hangs(foreign, ACCOUNT));
	cr_expect_not(foreign_hangs(foreign, OTHER_ACCOUNT));
	cr_expect_eq(search(), -EBUSY);
	cr_expect_eq(take(OTHER_ACCOUNT, HELD), 0);
}

/* ---- scanning ---- */

/* The files of this process that a scan found. It is not guarded. */
struct scanned {
	unsigned null, full, of_thread;
};

static void note_scanned(const struct foreign_found *found, struct scanned *out)
{
	if (found->pid != getpid())
		return;
	cr_expect_not(found->is_guarded);
	out->null += found->file.rdev == makedev(1, 3);
	out->full += found->file.rdev == makedev(1, 7);
	out->of_thread += found->number == HELD && found->file.thread != 0;
}

static struct scanned scan(bool is_everything)
{
	const struct foreign_scope scope = { .is_everything = is_everything,
					     .device_count = 1,
					     .devices = { makedev(1, 7) } };
	struct foreign_found found;
	struct scanned scanned = { 0 };
	int err, scan_err;

	cr_assert_eq(foreign_scan_start(foreign, &scope), 0);
	while ((err = foreign_scan_next(foreign, &found, &scan_err)) != -ENOENT) {
		if (err) {
			/* a process of this host may stop the helper */
			if (!poll(&(struct pollfd){ .fd = foreign_scan_fd(foreign), .events = POLLIN }, 1, 1000))
				(void)foreign_scan_check(foreign);
			continue;
		}
		note_scanned(&found, &scanned);
		foreign_close_device(foreign, found.file.fd);
	}
	/* other processes of the host may be closed to us, and not show whether they are guarded */
	cr_expect(!is_everything || !scan_err, "%d", scan_err);
	return scanned;
}

Test(foreign, scans_unguarded_processes_only_when_asked, .init = start, .fini = stop)
{
	struct scanned scanned;

	cr_assert_geq(open("/dev/full", O_RDWR), 0);
	scanned = scan(false);
	cr_expect_eq(scanned.null + scanned.full, 0);
	scanned = scan(true);
	cr_expect_geq(scanned.null, 1, "by its node");
	cr_expect_eq(scanned.full, 1, "by its number: it has no node");
}

Test(foreign, scans_tables_of_threads, .init = start, .fini = stop)
{
	if (!threads_can_be_asked())
		skip_test("before kernel 6.9");
	close(leave_to_thread());
	cr_expect_eq(scan(true).of_thread, 1);
}

/* ---- closing ---- */

static int a_socket_with_a_file(const char *message, size_t len, int *client, int *reader)
{
	int pair[2], ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(foreign_send(pair[0], message, len, &ends[1], 1, 0), (int)len);
	close(ends[1]);
	*client = pair[0];
	*reader = ends[0];
	return pair[1];
}

Test(foreign, closes_a_socket_with_an_unread_file, .init = start, .fini = stop)
{
	int client, reader, socket = a_socket_with_a_file("x", 1, &client, &reader);
	char octet;

	foreign_close_socket(foreign, socket, ACCOUNT);
	cr_expect(is_at_end(reader, 10000));
	cr_expect_eq(read(client, &octet, 1), 0, "the client sees the end");
}

/* recvmsg(2) returns 0 for it, as at the end. */
Test(foreign, leaves_an_empty_message_with_a_file_to_a_helper, .init = start, .fini = stop)
{
	int client, reader, socket = a_socket_with_a_file("", 0, &client, &reader);

	foreign_close_socket(foreign, socket, ACCOUNT);
	cr_expect_eq(foreign_helper_find(foreign, FOREIGN_SOCKET_CLOSER)->sent, 1);
	cr_expect(is_at_end(reader, 10000));
}

Test(foreign, closes_a_socket_without_messages_itself, .init = start, .fini = stop)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	foreign_close_socket(foreign, pair[1], ACCOUNT);
	cr_expect_eq(foreign_helper_find(foreign, FOREIGN_SOCKET_CLOSER)->sent, 0);
	cr_expect_eq(fcntl(pair[1], F_GETFD), -1);
}

/* A closer that hangs keeps the further sockets of that account, and another one serves the others. */
Test(foreign, jails_the_account_whose_socket_hangs, .init = start, .fini = stop)
{
	int client, reader, first = a_socket_with_a_file("x", 1, &client, &reader), second, third, readers[2];

	foreign_close_socket(foreign, first, ACCOUNT);
	while (!atomic_load(&foreign_helper_find(foreign, FOREIGN_SOCKET_CLOSER)->slot->closed))
		usleep(1000);
	stop_helper(FOREIGN_SOCKET_CLOSER);
	second = a_socket_with_a_file("x", 1, &client, &readers[0]);
	third = a_socket_with_a_file("x", 1, &client, &readers[1]);
	foreign_close_socket(foreign, second, ACCOUNT);
	foreign_helper_find(foreign, FOREIGN_SOCKET_CLOSER)->seen_ms -= 10000; /* as if it had been long ago */
	foreign_close_socket(foreign, third, OTHER_ACCOUNT);
	cr_expect(is_at_end(readers[1], 10000), "the other account's is closed");
	cr_expect_not(is_at_end(readers[0], 0));
	cr_expect_eq(foreign_stuck(foreign), 1);
	cr_expect_eq(take(ACCOUNT, HELD), 0, "its questions are not refused");
}

/* ---- an account with many sockets, of which one hangs ---- */

/* Of the account, whose sockets are held from now on. */
static void jail_the_account(void)
{
	int client, reader, first = a_socket_with_a_file("x", 1, &client, &reader);
	struct foreign_helper *closer;

	stop_helper(FOREIGN_SOCKET_CLOSER);
	closer = foreign_helper_find(foreign, FOREIGN_SOCKET_CLOSER);
	atomic_store(&closer->slot->account, ACCOUNT);
	foreign_close_socket(foreign, first, ACCOUNT);
	closer->seen_ms -= 10000; /* as if it had been long ago */
	foreign_close_socket(foreign, a_socket_with_a_file("x", 1, &client, &reader), OTHER_ACCOUNT);
	cr_assert_eq(closer->role, FOREIGN_JAIL);
}

/* Returns whether the engine still has the socket. */
static bool stays_open(uint64_t account, int *reader)
{
	int client, socket = a_socket_with_a_file("x", 1, &client, reader);

	foreign_close_socket(foreign, socket, account);
	close(client);
	return fcntl(socket, F_GETFD) >= 0;
}

static unsigned helpers_with(enum foreign_role role)
{
	unsigned count = 0;

	for (size_t i = 0; i < FOREIGN_HELPERS_MAX; i++)
		count += foreign->helpers[i].role == role;
	return count;
}

Test(foreign, holds_sockets_of_a_jailed_account, .init = start, .fini = stop)
{
	enum { MANY = 200 };
	int readers[MANY];

	jail_the_account();
	for (int i = 0; i < MANY; i++)
		cr_expect_not(stays_open(ACCOUNT, &readers[i]));
	cr_expect_eq(helpers_with(FOREIGN_HOLDER), 1);
	cr_expect_not(is_at_end(readers[0], 0), "nothing is closed, for that might hang");
	cr_expect_eq(kill(foreign_helper_find(foreign, FOREIGN_JAIL)->pid, SIGKILL), 0);
	foreign_helper_find(foreign, FOREIGN_JAIL)->until_ms = 0;
	while (helpers_with(FOREIGN_JAIL))
		(void)foreign_hangs(foreign, ACCOUNT);
	for (int i = 0; i < MANY; i++)
		cr_expect(is_at_end(readers[i], 10000), "what is held is closed with the end of the jail");
}

/* At the limit the engine keeps the account's sockets, as it has no place that cannot hang; others are served. */
Test(foreign, bounds_the_holders_of_an_account, .init = start, .fini = stop)
{
	enum { EACH = 3, HOLDERS = 4 };
	int reader, others;
	pid_t holders[HOLDERS];

	jail_the_account();
	foreign->held_max = EACH;
	for (int i = 0; i < HOLDERS; i++) {
		for (int j = 0; j < EACH; j++)
			cr_expect_not(stays_open(ACCOUNT, &reader), "holder %d, socket %d", i, j);
		holders[i] = foreign_helper_find(foreign, FOREIGN_HOLDER)->pid;
		/* as of one that hangs with what it closes: SIGKILL does not end it */
		foreign_helper_find(foreign, FOREIGN_HOLDER)->pidfd = eventfd(0, EFD_CLOEXEC);
	}
	cr_expect(stays_open(ACCOUNT, &reader));
	cr_expect_eq(helpers_with(FOREIGN_HOLDER_ENDS), HOLDERS);
	cr_expect_not(stays_open(OTHER_ACCOUNT, &others));
	cr_expect(is_at_end(others, 10000));
	for (int i = 0; i < HOLDERS; i++)
		kill(holders[i], SIGKILL);
}

/* ---- end ---- */

static bool is_ready_keeper(pid_t pid)
{
	char path[32], text[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return small_file_read(AT_FDCWD, path, text, sizeof(text)) > 0 && !strcmp(text, "rdmasec-keeper\n");
}

/* In a child: an engine whose keeper is stopped. */
static _Noreturn void be_an_engine(int report)
{
	if (foreign_start(sysfs, &foreign))
		_exit(1);
	/* one that is stopped before has not asked to end with the engine */
	while (!is_ready_keeper(foreign->keeper))
		usleep(1000);
	if (kill(foreign->keeper, SIGSTOP) ||
	    write(report, &foreign->keeper, sizeof(foreign->keeper)) != sizeof(foreign->keeper))
		_exit(1);
	for (;;)
		pause();
}

/* Its end would release the files that it has, and last as long as their server likes. A stopped keeper has them. */
Test(foreign, keeps_files_of_an_engine_that_was_killed, .timeout = 60)
{
	int report[2], ends[2], keeper, status;
	pid_t child, pid;

	folder_make();
	cr_assert(!pipe(report) && !pipe(ends));
	child = fork();
	if (child == 0)
		be_an_engine(report[1]);
	close(ends[1]);
	cr_assert_eq(read(report[0], &pid, sizeof(pid)), (ssize_t)sizeof(pid));
	keeper = pidfd_open(pid, 0);
	cr_assert_geq(keeper, 0);
	/* SIGKILL ends stopped processes as well: the keeper ends after the engine, with the last fds */
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(poll(&(struct pollfd){ .fd = keeper, .events = POLLIN }, 1, 10000), 1);
	(void)pidfd_send_signal(keeper, SIGKILL, NULL, 0); /* if it has failed: what is left would keep ctest waiting */
	cr_expect(is_at_end(ends[0], 10000));
	tree_remove();
}

Test(foreign, shares_its_files_with_a_keeper, .init = start, .fini = stop)
{
	int fd = open("/dev/null", O_RDONLY);
	char path[48], target[16] = "";

	cr_assert_geq(fd, 0);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)foreign->keeper, fd);
	cr_expect_gt(readlink(path, target, sizeof(target) - 1), 0, "one that was opened after its start");
	cr_expect_str_eq(target, "/dev/null");
	close(fd);
	cr_expect_lt(readlink(path, target, sizeof(target)), 0);
}

Test(foreign, ends_with_its_engine)
{
	int report[2], spawner, helper, status;
	pid_t child, pids[2];

	folder_make();
	cr_assert_eq(pipe(report), 0);
	child = fork();
	if (child == 0) {
		if (foreign_start(sysfs, &foreign))
			_exit(1);
		pids[0] = foreign->pid;
		pids[1] = foreign_helper_find(foreign, FOREIGN_TAKER)->pid;
		if (write(report[1], pids, sizeof(pids)) != sizeof(pids))
			_exit(1);
		pause();
	}
	cr_assert_eq(read(report[0], pids, sizeof(pids)), (ssize_t)sizeof(pids));
	spawner = pidfd_open(pids[0], 0);
	helper = pidfd_open(pids[1], 0);
	cr_assert(spawner >= 0 && helper >= 0);
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(poll(&(struct pollfd){ .fd = spawner, .events = POLLIN }, 1, 10000), 1);
	cr_expect_eq(poll(&(struct pollfd){ .fd = helper, .events = POLLIN }, 1, 10000), 1);
	tree_remove();
}
