// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The filter and its server on this host's kernel: no RDMA is needed to be stopped at its ioctl. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "messages/protocol.h"
#include "skip.h"
#include "supervisor/supervisor.h"
#include "supervisor/supervisor_internal.h"
#include "util/fd_socket.h"

enum { FINE = 0, CANNOT = 99, NOT_KILLED = 98 };

/* A child that is filtered, does this, and exits with what it returns; its listener comes to us. */
static pid_t start_filtered(int (*what)(void), bool is_locked, int *listener)
{
	int pair[2], got;
	char byte;
	pid_t child;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		int fd;

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		fd = supervisor_filter_install(is_locked);
		if (fd < 0 || wire_send(pair[1], "", 1, fd) < 0)
			_exit(CANNOT);
		close(fd);
		close(pair[1]);
		_exit(what());
	}
	close(pair[1]);
	got = wire_receive(pair[0], &byte, 1, listener);
	close(pair[0]);
	cr_assert_eq(got, 1, "%d", got);
	return child;
}

static pid_t start(int (*what)(void), int *listener)
{
	return start_filtered(what, false, listener);
}

static int status_of(pid_t child)
{
	int status;

	cr_assert_eq(waitpid(child, &status, 0), child);
	return status;
}

/* Runs it under the real server. */
static int served(int (*what)(void))
{
	struct supervisor_options options = { .engine_len = 0 };
	int listener;
	pid_t child = start(what, &listener);

	cr_assert_eq(supervisor_serve(listener, &options), 0);
	return status_of(child);
}

/* errno of a call, 0: it did not fail */
static int failure(long result)
{
	return result < 0 ? errno : 0;
}

static int verbs_on_other_files(void)
{
	int pair[2];
	char request[24] = { 0 };

	if (pipe(pair))
		return CANNOT;
	/* upper bits are not the kernel's to look at */
	if (failure(syscall(SYS_ioctl, pair[0], RDMA_VERBS_IOCTL, request)) != ENOTTY)
		return 1;
	if (failure(syscall(SYS_ioctl, pair[0], (7UL << 32) | RDMA_VERBS_IOCTL, request)) != ENOTTY)
		return 2;
	return failure(syscall(SYS_ioctl, 777, RDMA_VERBS_IOCTL, request)) == EBADF ? FINE : 3;
}

Test(supervisor_filter, leaves_other_files_to_kernel)
{
	cr_expect_eq(served(verbs_on_other_files), FINE);
}

static int files(void)
{
	struct open_how how = { .flags = O_RDWR };
	char path[] = "/tmp/supervisor-XXXXXX", text[SUPERVISOR_DOORBELL_SIZE] = "thirty-two octets";
	int fd = mkstemp(path), again;

	if (fd < 0)
		return 1;
	if (write(fd, text, sizeof(text)) != sizeof(text))
		return 2;
	again = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (again < 0 || !(fcntl(again, F_GETFD) & FD_CLOEXEC) || write(again, "x", 1) != 1)
		return 3;
	close(again);
	again = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (again < 0 || lseek(again, 0, SEEK_END) != sizeof(text) + 1)
		return 4;
	close(again);
	if (unlink(path))
		return 5;
	if (failure(open(path, O_RDWR)) != ENOENT || failure(open((char *)8, O_RDWR)) != EFAULT)
		return 6;
	again = creat(path, 0600);
	if (again < 0 || unlink(path))
		return 7;
	return failure(open("/", O_RDWR)) == EISDIR ? FINE : 8;
}

Test(supervisor_filter, leaves_opening_of_files_to_kernel)
{
	cr_expect_eq(served(files), FINE);
}

static int ways_round(void)
{
	char params[256] = { 0 };

	if (failure(syscall(SYS_io_uring_setup, 4, params)) != EPERM)
		return 1;
	if (failure(syscall(SYS_open_by_handle_at, AT_FDCWD, params, O_RDWR)) != EPERM)
		return 2;
	return failure(syscall(SYS_open_by_handle_at, AT_FDCWD, params, O_RDONLY)) == EPERM ? 3 : FINE;
}

Test(supervisor_filter, refuses_ways_around_filter)
{
	int status = served(ways_round);

	/* without CAP_DAC_READ_SEARCH the kernel itself says EPERM */
	cr_expect(status == FINE || (getuid() != 0 && WEXITSTATUS(status) == 3), "%d", status);
}

#ifdef __x86_64__
static int as_x32(void)
{
	syscall(0x40000000 | SYS_getpid);
	return NOT_KILLED;
}

static int as_i386(void)
{
	long result = 20; /* getpid */

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return NOT_KILLED;
}

Test(supervisor_filter, ends_program_with_other_abi)
{
	int (*const ways[])(void) = { as_x32, as_i386 };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int status = served(ways[i]);

		cr_expect(WIFSIGNALED(status) &&
				  (WTERMSIG(status) == SIGSYS || (i == 1 && WTERMSIG(status) == SIGSEGV)),
			  "%zu: %x", i, status);
	}
}
#endif

static int left_alone(void)
{
	char request[24] = { 0 };
	int pair[2];

	/* when its supervisor is gone nothing hangs */
	if (pipe(pair))
		return CANNOT;
	return failure(syscall(SYS_ioctl, pair[0], RDMA_VERBS_IOCTL, request)) == ENOSYS &&
			       failure(open("/dev/null", O_RDWR)) == ENOSYS && open("/dev/null", O_RDONLY) >= 0
		       ? FINE
		       : 1;
}

Test(supervisor_filter, fails_calls_without_supervisor)
{
	int listener;
	pid_t child = start(left_alone, &listener);

	close(listener);
	cr_expect_eq(status_of(child), FINE);
}

/* Without a supervisor, calls that would notify it fail with ENOSYS. */
static int opens_behind_landlock(void)
{
	static const int passed[] = { O_WRONLY,         O_WRONLY | O_APPEND, O_RDWR | O_CREAT,
				      O_RDWR | O_TRUNC, O_RDWR | O_APPEND,   O_WRONLY | O_CREAT | O_TRUNC };
	static const int stopped[] = { O_RDWR, O_RDWR | O_CLOEXEC, O_RDWR | O_NONBLOCK };
	struct rlimit limit;

	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		if (open("/dev/null", passed[i], 0600) < 0)
			return 1 + (int)i;
	for (size_t i = 0; i < sizeof(stopped) / sizeof(stopped[0]); i++)
		if (failure(open("/dev/null", stopped[i])) != ENOSYS)
			return 11 + (int)i;
	if (creat("/dev/null", 0600) < 0 || getrlimit(RLIMIT_CPU, &limit) || setrlimit(RLIMIT_CPU, &limit))
		return 21;
	if (prlimit(getppid(), RLIMIT_CPU, NULL, &limit))
		return 22;
	return failure(prlimit(getppid(), RLIMIT_CPU, &limit, NULL)) == EPERM ? FINE : 23;
}

Test(supervisor_filter, stops_only_opening_of_nodes_behind_landlock)
{
	int listener;
	pid_t child = start_filtered(opens_behind_landlock, true, &listener);

	close(listener);
	cr_expect_eq(WEXITSTATUS(status_of(child)), FINE);
}

static int sleeps_in_verbs(void)
{
	char request[24] = { 0 };

	syscall(SYS_ioctl, 0, RDMA_VERBS_IOCTL, request);
	return FINE;
}

/* A supervisor that is slow, and a program that is killed before the answer. */
Test(supervisor_filter, survives_program_killed_during_call)
{
	struct pollfd poll_fd = { .events = POLLIN };
	int listener, status;
	pid_t child = start(sleeps_in_verbs, &listener);
	struct seccomp_notif *from = calloc(1, 4096);
	struct notice notice;
	uint32_t word;

	poll_fd.fd = listener;
	cr_assert_eq(poll(&poll_fd, 1, 60000), 1);
	cr_assert_eq(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, from), 0);
	cr_assert_eq(notice_open(&notice, listener, from), 0);
	cr_assert_eq(notice_process(&notice), 0);
	cr_expect(notice.target.waits(&notice) && notice.target.pid == child);
	cr_expect_eq(notice.target.read(&notice, from->data.args[2], &word, sizeof(word)), 0);
	cr_expect_eq(notice.target.read(&notice, 8, &word, sizeof(word)), -EFAULT);
	cr_expect_eq(notice.target.fetch_fd(&notice, 777, &listener), -EBADF);
	kill(child, SIGKILL);
	status = status_of(child);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "nothing holds it");
	cr_expect(!notice.target.waits(&notice));
	cr_expect_eq(notice.target.read(&notice, from->data.args[2], &word, sizeof(word)), -ESRCH);
	cr_expect_eq(notice.target.write(&notice, from->data.args[2], &word, sizeof(word)), -ESRCH);
	notice_close(&notice);
	close(poll_fd.fd);
	free(from);
}

static void *many(void *arg)
{
	for (int i = 0; i < 100; i++) {
		int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (fd < 0)
			return arg;
		close(fd);
	}
	return NULL;
}

static int threads_and_children(void)
{
	pthread_t threads[8];
	void *failed = NULL;
	int status;
	pid_t child = fork();

	for (size_t i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, many, &failed);
	for (size_t i = 0; i < 8; i++) {
		void *one;

		pthread_join(threads[i], &one);
		failed = one ? one : failed;
	}
	if (child == 0)
		_exit(failed ? 1 : 0);
	if (waitpid(child, &status, 0) != child)
		return CANNOT;
	return failed || status;
}

Test(supervisor_filter, serves_threads_and_children)
{
	cr_expect_eq(served(threads_and_children), FINE);
}

/* ---- Landlock ---- */

enum { ABI_WITH_SCOPES = 6, SCOPED = 50, OLD_KERNEL = 51 };

static int signals_its_parent(void)
{
	pid_t child;
	int status;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < ABI_WITH_SCOPES)
		return OLD_KERNEL;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || supervisor_landlock_install())
		return CANNOT;
	if (failure(kill(getppid(), 0)) != EPERM || failure(kill(getppid(), SIGKILL)) != EPERM)
		return 1;
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	if (kill(child, SIGKILL) || waitpid(child, &status, 0) != child || raise(0))
		return 2;
	return SCOPED;
}

Test(supervisor_landlock, keeps_signals_inside)
{
	pid_t child = fork();
	int status;

	cr_assert_geq(child, 0);
	if (child == 0)
		_exit(signals_its_parent());
	status = status_of(child);
	if (WIFEXITED(status) && (WEXITSTATUS(status) == OLD_KERNEL || WEXITSTATUS(status) == CANNOT))
		skip_test("this kernel has no Landlock that knows signals");
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == SCOPED, "%x", status);
}
