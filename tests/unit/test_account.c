// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Who pays for a process: its user, or the owner of its user namespace. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/account.h"
#include "skip.h"

enum { OWNER = 12345, NESTED = 3, SUBORDINATE = 100000 };

static pid_t child;
static int alive[2];

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = fd < 0 || write(fd, text, strlen(text)) < 0;

	if (fd >= 0)
		close(fd);
	return err;
}

/* The kernel nests no namespace whose owner is not mapped in the outer one (create_user_ns()). */
static int enter_namespaces(int flags, uid_t uid)
{
	char map[32];

	snprintf(map, sizeof(map), "0 %u 1", uid);
	return unshare(flags) || put("/proc/self/setgroups", "deny") || put("/proc/self/uid_map", map) ||
	       put("/proc/self/gid_map", map);
}

/* A child of user `uid` in `depth` nested user namespaces; each is root in its own. */
static void child_start(uid_t uid, int depth)
{
	int ready[2];
	char octet = 0;

	cr_assert_eq(pipe(ready), 0);
	cr_assert_eq(pipe(alive), 0);
	child = fork();
	if (child == 0) {
		close(alive[1]);
		octet = setgid(uid) || setuid(uid) ? 'x' : 'r';
		/* after a change of user /proc/self is root's */
		prctl(PR_SET_DUMPABLE, 1);
		for (int i = 0; i < depth && octet == 'r'; i++)
			octet = enter_namespaces(i ? CLONE_NEWUSER : CLONE_NEWUSER | CLONE_NEWNET, i ? 0 : uid) ? 'x'
														: 'r';
		if (write(ready[1], &octet, 1) != 1)
			_exit(1);
		_exit(read(alive[0], &octet, 1) != 0);
	}
	cr_assert_eq(read(ready[0], &octet, 1), 1);
	if (octet != 'r') {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		skip_test("cannot create a user namespace here");
	}
}

static void child_end(void)
{
	close(alive[1]);
	waitpid(child, NULL, 0);
}

static uint64_t namespace_account(const char *name)
{
	char path[48];
	uint64_t account;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)child, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	account = process_account_of_namespace(fd);
	close(fd);
	return account;
}

Test(account, is_the_uid_in_the_same_namespace)
{
	cr_expect_eq(process_account_of(getpid(), 42), 42);
	cr_expect_eq(process_account_of(1 << 30, 42), 42, "no such process");
}

Test(account, is_the_owner_of_a_users_own_namespace)
{
	if (getuid())
		skip_test("takes root, to become another user");
	child_start(OWNER, NESTED);
	cr_expect_eq(process_account_of(child, 100000), OWNER);
	cr_expect_eq(namespace_account("net"), OWNER);
	child_end();
}

/* Root maps what it likes: of all the ids, the first one outside counts. */
Test(account, is_apart_for_a_namespace_that_maps_root)
{
	if (getuid())
		skip_test("takes root");
	child_start(0, 1);
	cr_expect_gt(process_account_of(child, 100000), UINT32_MAX);
	cr_expect_eq(process_account_of(child, 100000), process_account_of(child, 100001));
	child_end();
}

/* As of containers, and of newuidmap(1). */
Test(account, is_the_range_of_subordinate_ids)
{
	uint64_t account;

	if (getuid())
		skip_test("takes root, to become another user");
	child_start(SUBORDINATE, 1);
	account = process_account_of(child, SUBORDINATE);
	child_end();
	cr_expect_gt(account, UINT32_MAX);
	child_start(SUBORDINATE + 1, 1);
	cr_expect_eq(process_account_of(child, SUBORDINATE + 1), account, "the same user's");
	child_end();
	child_start(SUBORDINATE + 65536, 1);
	cr_expect_neq(process_account_of(child, SUBORDINATE + 65536), account, "another user's");
	child_end();
}

Test(account, is_root_for_a_namespace_of_the_host)
{
	child_start(getuid(), 0);
	cr_expect_eq(namespace_account("net"), 0);
	child_end();
}
