// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Helpers that are late, work for ever or wait in the kernel for the owner of a file. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "foreign_fixture.h"
#include "fuse_fixture.h"
#include "skip.h"
#include "util/clock.h"

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

/* ---- a process that waits in execve(2) ---- */

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
