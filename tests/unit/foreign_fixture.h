/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Helpers that look at and close the files of others. The null device stands for a uverbs device. A stopped helper
 * stands for one that hangs in the kernel: neither returns, and both sleep. The scenario engine-floods has FUSE.
 */
#ifndef RDMASEC_TESTS_FOREIGN_FIXTURE_H
#define RDMASEC_TESTS_FOREIGN_FIXTURE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "process/foreign_private.h"
#include "sysfs_fixture.h"
#include "util/fd_socket.h"
#include "util/small_file.h"

enum { ACCOUNT = 1000, OTHER_ACCOUNT = 1001, THIRD_ACCOUNT = 1002, HELD = 77 };

static struct foreign *foreign;
static struct process self;

static inline void folder_make(void)
{
	char link[128];

	tree_make();
	put("dev/char/", NULL);
	snprintf(link, sizeof(link), "%s/dev/char/1:3", sysfs);
	cr_assert_eq(symlink("../../devices/virtual/infiniband_verbs/uverbs0", link), 0);
}

static inline void start(void)
{
	folder_make();
	cr_assert_eq(foreign_start(sysfs, &foreign), 0);
	cr_assert_eq(process_open(getpid(), &self), 0);
	self.account = ACCOUNT;
	cr_assert_eq(dup2(open("/dev/null", O_RDWR), HELD), HELD);
}

static inline void stop(void)
{
	foreign_stop(foreign);
	process_close(&self);
	tree_remove();
}

static inline struct process of_account(uint64_t account)
{
	struct process process = self;

	process.account = account;
	return process;
}

static inline int take(uint64_t account, int number)
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

static inline bool is_stopped(pid_t pid)
{
	char path[32], text[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	cr_assert_gt(small_file_read(AT_FDCWD, path, text, sizeof(text)), 0);
	return strstr(text, ") T") != NULL;
}

/* True when all write ends are closed. */
static inline bool is_at_end(int reader, int ms)
{
	struct pollfd end = { .fd = reader, .events = POLLIN };

	return poll(&end, 1, ms) == 1 && end.revents & POLLHUP;
}

static inline void stop_helper(enum foreign_role role)
{
	struct foreign_helper *helper = foreign_helper_find(foreign, role);

	cr_assert(helper);
	cr_assert_eq(kill(helper->pid, SIGSTOP), 0);
	while (!is_stopped(helper->pid))
		usleep(1000);
}

/* ---- a question with a file ---- */

static inline void send_files(int socket, const int *fds, size_t count)
{
	cr_assert_eq(foreign_send(socket, "question", 8, fds, count, 0), 8);
}

static inline int receive_with(struct process *process, const int *fds, size_t count, int number,
			       struct foreign_file *out, int *ticket)
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

static inline int receive_from(struct process *process, const int *fds, size_t count, int number,
			       struct foreign_file *out)
{
	return receive_with(process, fds, count, number, out, NULL);
}

static inline int receive_of(uint64_t account, const int *fds, size_t count, int number, struct foreign_file *out)
{
	struct process process = of_account(account);

	return receive_from(&process, fds, count, number, out);
}

static inline int receive(const int *fds, size_t count, int number, struct foreign_file *out)
{
	return receive_of(ACCOUNT, fds, count, number, out);
}

/* As of the peer of a socket: what the engine knows of it before it asks a helper. */
static inline struct process identified(pid_t pid)
{
	struct process process;

	cr_assert_eq(process_identify(pid, &process), 0);
	cr_assert_eq(process.start_time, 0);
	return process;
}

/* ---- tables of files that only a thread has ---- */

static bool stays;

static inline void *own_table(void *arg)
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
static inline int leave_to_thread(void)
{
	pthread_t thread;
	int copy = dup(HELD);

	cr_assert_eq(pthread_create(&thread, NULL, own_table, NULL), 0);
	while (!__atomic_load_n(&stays, __ATOMIC_SEQ_CST))
		sched_yield();
	close(HELD);
	return copy;
}

static inline bool threads_can_be_asked(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), O_EXCL /* PIDFD_THREAD, of kernel 6.9 */);

	if (pidfd >= 0)
		close(pidfd);
	return pidfd >= 0;
}

#endif
