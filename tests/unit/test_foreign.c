// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What helpers take, receive, describe and compare, and that they end with their engine. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "foreign_fixture.h"
#include "util/clock.h"

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

Test(foreign, receives_the_file_of_a_message, .init = start, .fini = stop)
{
	const int fd = HELD;
	struct foreign_file file;

	cr_assert_eq(receive(&fd, 1, HELD, &file), 0);
	cr_expect_eq(file.same_err, 0);
	cr_expect_eq(file.rdev, makedev(1, 3));
	foreign_close_device(foreign, file.fd);
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

/* ---- describing, comparing ---- */

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
