// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * What the agent can still do, and what the process can that it starts for a container: each in a process that confines
 * itself, for real. Needs root; without, the tests are skipped.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/confined.h"
#include "child_fixture.h"
#include "skip.h"
#include "supervisor/place.h"
#include "supervisor/supervisor_internal.h"

static void setup(void)
{
	NEED_ROOT();
}

TestSuite(confined, .init = setup, .timeout = 60);

/* In a child: says which check failed by its line. Not _exit(): AddressSanitizer makes calls before that. */
#define MUST(condition)                                                                         \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			dprintf(2, "line %d: %s: %s\n", __LINE__, #condition, strerror(errno)); \
			syscall(SYS_exit_group, 1);                                             \
		}                                                                               \
	} while (0)

#define MUST_FAIL(call, error) MUST((call) == -1 && errno == (error))

static _Noreturn void done(void)
{
	for (;;)
		syscall(SYS_exit_group, 0);
}

static int status_of(pid_t child)
{
	int status;

	cr_assert_geq(child, 0);
	cr_assert_eq(waitpid(child, &status, 0), child);
	return status;
}

static unsigned long long capabilities(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long found = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "CapPrm:", 7))
			found = strtoull(line + 7, NULL, 16);
	if (file)
		fclose(file);
	return found;
}

static void other_user(void *argument)
{
	(void)argument;
	if (setgid(65534) || setuid(65534) || prctl(PR_SET_DUMPABLE, 1))
		_exit(1);
}

static void *thread(void *out)
{
	*(int *)out = 1;
	return NULL;
}

/* What each of the two has to be able to do for its work. */
static void serve_as(pid_t program)
{
	static char here[8], there[8] = "there";
	const struct iovec local = { here, sizeof(here) }, remote = { there, sizeof(there) };
	int ran = 0;
	char path[64];
	pthread_t id;

	/* a fork has its variables where we have ours */
	MUST(process_vm_readv(program, &local, 1, &remote, 1, 0) == sizeof(here) && !strcmp(here, "there"));
	MUST(process_vm_writev(program, &local, 1, &remote, 1, 0) == sizeof(here));
	snprintf(path, sizeof(path), "/proc/%d/root/dev/null", (int)program);
	MUST(close(open(path, O_RDWR | O_CLOEXEC)) == 0);
	MUST(!pthread_create(&id, NULL, thread, &ran) && !pthread_join(id, NULL) && ran);
	MUST(close(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) == 0);
	MUST_FAIL(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	MUST_FAIL(open("/tmp/rdmasec-test-confined", O_RDWR | O_CREAT, 0600), EPERM);
	MUST_FAIL(open("/dev/null", O_WRONLY | O_TRUNC), EPERM);
	MUST_FAIL(unlink("/tmp/rdmasec-test-confined"), EPERM);
	MUST_FAIL(mount("none", "/tmp", "tmpfs", 0, NULL), EPERM);
	MUST_FAIL(kill(program, 0), EPERM);
	MUST_FAIL(chroot("/"), EPERM);
}

Test(confined, confines_agent)
{
	const unsigned long long kept = 1ULL << CAP_SYS_PTRACE | 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_DAC_READ_SEARCH |
					1ULL << CAP_SETUID | 1ULL << CAP_SETGID;
	pid_t program = child_start(other_user, NULL), child = fork();

	if (child == 0) {
		int status, rdma, own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		pid_t another;

		MUST(!confined_agent() && capabilities() == kept);
		serve_as(program);
		MUST(!setns(own, CLONE_NEWNET));
		/* a kernel may not have RDMA */
		rdma = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_RDMA);
		MUST(rdma >= 0 || errno == EPROTONOSUPPORT);
		MUST_FAIL(socket(AF_NETLINK, SOCK_RAW, NETLINK_XFRM), EPERM);
		MUST_FAIL(setns(own, 0), EPERM);
		MUST_FAIL(unshare(CLONE_NEWNS), EPERM);
		another = fork();
		MUST(another >= 0);
		if (!another)
			done();
		MUST(waitpid(another, &status, 0) == another && status == 0);
		done();
	}
	cr_expect_eq(status_of(child), 0);
	child_end(program);
}

Test(confined, confines_process_of_container)
{
	const unsigned long long kept = 1ULL << CAP_SYS_PTRACE | 1ULL << CAP_SETUID | 1ULL << CAP_SETGID;
	pid_t program = child_start(other_user, NULL), child = fork();

	if (child == 0) {
		int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

		MUST(!confined_agent() && !confined_container() && capabilities() == kept);
		serve_as(program);
		MUST_FAIL(setns(own, CLONE_NEWNET), EPERM);
		MUST_FAIL(fork(), EPERM);
		MUST_FAIL(setsid(), EPERM);
		MUST_FAIL(socket(AF_NETLINK, SOCK_RAW, NETLINK_RDMA), EPERM);
		done();
	}
	cr_expect_eq(status_of(child), 0);
	child_end(program);
}

static int opened_for(pid_t program, const char *path)
{
	const struct target target = { .tid = program, .pid = program };
	int place = open(path, O_PATH | O_CLOEXEC), fd = -1, err;

	MUST(place >= 0);
	err = place_open_given(&target, place, O_RDWR | O_CLOEXEC, &fd);
	close(place);
	MUST(err || (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	if (!err)
		close(fd);
	return err;
}

/* By the program's ids, and though it has capabilities that who opens for it lacks. */
Test(confined, opens_assigned_device)
{
	pid_t user = child_start(other_user, NULL), root = child_start(NULL, NULL), child;
	char path[] = "/tmp/rdmasec-test-confined-XXXXXX";
	int file = mkostemp(path, O_CLOEXEC);

	cr_assert_geq(file, 0);
	child = fork();
	if (child == 0) {
		MUST(!confined_agent() && !confined_container());
		MUST(opened_for(user, "/dev/null") == 0 && opened_for(root, "/dev/null") == 0);
		MUST(opened_for(root, path) == 0);
		MUST(opened_for(user, path) == -EACCES);
		MUST(geteuid() == 0);
		done();
	}
	cr_expect_eq(status_of(child), 0);
	unlink(path);
	child_end(user);
	child_end(root);
}

static bool dies_of(int (*confine)(void), long number)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		MUST(!confine());
		syscall(number, 0, 0, 0, 0, 0);
		done();
	}
	status = status_of(child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

Test(confined, starts_no_program)
{
	cr_expect(dies_of(confined_agent, SYS_execve));
	cr_expect(dies_of(confined_agent, SYS_execveat));
	cr_expect(dies_of(confined_container, SYS_execve));
	cr_expect(dies_of(confined_container, SYS_ptrace));
	cr_expect_not(dies_of(confined_container, SYS_getpid), "else this test would see it of anything");
}
