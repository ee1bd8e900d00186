// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Files as a program sees them, and its capabilities, with this host's kernel. The program is a waiting child, and
 * /dev/null stands for a uverbs node.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child_fixture.h"
#include "skip.h"
#include "supervisor/place.h"

enum { NUMBER = 77, FOLDER = 78, USER = 65534 };

static char folder[] = "/tmp/supervisor-place-XXXXXX";

static void setup(void)
{
	char path[64];

	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chmod(folder, 0755), 0);
	snprintf(path, sizeof(path), "%s/link", folder);
	cr_assert_eq(symlink("/proc/self/fd/77", path), 0);
	snprintf(path, sizeof(path), "%s/root", folder);
	cr_assert_eq(symlink("../../../proc/self/root", path), 0);
	snprintf(path, sizeof(path), "%s/loop", folder);
	cr_assert_eq(symlink("loop", path), 0);
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(supervisor_place, .init = setup, .fini = teardown, .timeout = 60);

/* In the program 77 is /dev/null, here it is /dev/zero. */
static void hold_files(void *unused)
{
	int null = open("/dev/null", O_PATH), proc = open("/proc/self/fd", O_PATH | O_DIRECTORY);

	(void)unused;
	if (dup2(null, NUMBER) < 0 || dup2(proc, FOLDER) < 0 || chdir("/dev"))
		_exit(1);
}

static pid_t program_start(void)
{
	int zero = open("/dev/zero", O_PATH);

	cr_assert_eq(dup2(zero, NUMBER), NUMBER);
	return child_start(hold_files, NULL);
}

static bool is_null(int fd)
{
	struct stat st, null;

	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_eq(stat("/dev/null", &null), 0);
	return S_ISCHR(st.st_mode) && st.st_rdev == null.st_rdev;
}

/* 1: /dev/null; 0: another file; -errno */
static int finds(pid_t pid, int dirfd, const char *path)
{
	const struct target target = { .tid = pid };
	int fd, err = place_find(&target, dirfd, path, true, &fd), found;

	if (err)
		return err;
	found = is_null(fd);
	close(fd);
	return found;
}

Test(supervisor_place, finds_file_that_program_would_open)
{
	pid_t pid = program_start();
	char own[64], link[64], root[64], loop[64];
	const struct {
		int dirfd;
		const char *path;
		int result;
	} rows[] = {
		{ AT_FDCWD, "/dev/null", 1 },
		{ AT_FDCWD, "null", 1 },
		{ AT_FDCWD, "./null", 1 },
		{ AT_FDCWD, "../dev/null", 1 },
		{ AT_FDCWD, "../../../../dev/null", 1 },
		{ AT_FDCWD, "/dev/zero", 0 },
		{ AT_FDCWD, "/proc/self/fd/77", 1 },
		{ AT_FDCWD, "/proc/thread-self/fd/77", 1 },
		{ AT_FDCWD, "/dev/fd/77", 1 },
		{ AT_FDCWD, "/proc/self/task/../fd/77", -EPERM }, /* it could leave procfs of a pid namespace */
		{ AT_FDCWD, own, 1 },
		{ AT_FDCWD, link, 1 },
		{ AT_FDCWD, root, 1 },
		{ AT_FDCWD, "/proc/self/cwd/null", 1 },
		{ AT_FDCWD, "/proc/self/root/proc/self/cwd/../dev/null", 1 },
		{ AT_FDCWD, "../proc/self/fd/77", 1 },
		{ FOLDER, "77", 1 },
		{ NUMBER, "", 1 },
		{ FOLDER, "../cwd/null", 1 },
		{ AT_FDCWD, "/proc/self/comm", 0 },
		{ AT_FDCWD, "/proc/self/fd/76", -ENOENT },
		{ AT_FDCWD, "/dev/null/", -ENOTDIR },
		{ AT_FDCWD, "/proc/self/fd/77/", -ENOTDIR },
		{ AT_FDCWD, "/dev/null/x", -ENOTDIR },
		{ AT_FDCWD, "absent", -ENOENT },
		{ AT_FDCWD, "", 0 },
		{ AT_FDCWD, loop, -ELOOP },
		{ 500, "null", -ENOENT },
	};

	snprintf(own, sizeof(own), "/proc/%d/fd/77", (int)pid);
	snprintf(link, sizeof(link), "%s/link", folder);
	snprintf(root, sizeof(root), "%s/root/dev/null", folder);
	snprintf(loop, sizeof(loop), "%s/loop", folder);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(finds(pid, rows[i].dirfd, rows[i].path), rows[i].result, "%s: %d", rows[i].path,
			     finds(pid, rows[i].dirfd, rows[i].path));
	child_end(pid);
}

Test(supervisor_place, does_not_follow_last_link_if_told)
{
	struct target target = { .tid = program_start() };
	struct stat st;
	char link[64];
	int fd;

	snprintf(link, sizeof(link), "%s/link", folder);
	cr_assert_eq(place_find(&target, AT_FDCWD, link, false, &fd), 0);
	cr_expect(fstat(fd, &st) == 0 && S_ISLNK(st.st_mode));
	close(fd);
	child_end(target.tid);
}

static void change_root(void *unused)
{
	hold_files(unused);
	if (chroot(folder) || chdir("/"))
		_exit(1);
}

Test(supervisor_place, stays_below_changed_root)
{
	char path[128];
	pid_t pid;

	NEED_ROOT();
	snprintf(path, sizeof(path), "%s/dev", folder);
	cr_assert_eq(mkdir(path, 0755), 0);
	pid = child_start(change_root, NULL);
	cr_expect_eq(finds(pid, AT_FDCWD, "/dev/null"), -ENOENT);
	cr_expect_eq(finds(pid, AT_FDCWD, "../../dev/null"), -ENOENT);
	cr_expect_eq(finds(pid, FOLDER, "77"), 1, "a folder from before");
	cr_expect_eq(finds(pid, FOLDER, "../root/dev/null"), -ENOENT, "its root");
	child_end(pid);
}

static void tell(int to, pid_t pid)
{
	if (write(to, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
}

static pid_t told(int from)
{
	pid_t pid;

	cr_assert_eq(read(from, &pid, sizeof(pid)), sizeof(pid), "no pid namespace");
	return pid;
}

static _Noreturn void wait_for_end(void)
{
	for (;;)
		pause();
}

/* The first process of a pid namespace, with procfs of its own and /dev/null as 77. */
static _Noreturn void become_first(const char *procfs, int to)
{
	int null = open("/dev/null", O_PATH);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("proc", procfs, "proc", 0, NULL) || dup2(null, NUMBER) < 0)
		_exit(1);
	tell(to, 0);
	wait_for_end();
}

static _Noreturn void start_pid_namespace(const char *procfs, int to)
{
	int ready[2];
	pid_t pid;

	if (pipe(ready) || unshare(CLONE_NEWPID | CLONE_NEWNS) || mkdir(procfs, 0755) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		_exit(1);
	pid = fork();
	if (pid == 0)
		become_first(procfs, ready[1]);
	close(ready[1]);
	told(ready[0]);
	tell(to, pid);
	wait_for_end();
}

/* "self" of a procfs of another pid namespace does not exist for this process. */
Test(supervisor_place, finds_self_in_other_pid_namespace)
{
	char procfs[64], path[128];
	int said[2];
	pid_t parent, pid;

	NEED_ROOT();
	dup2(open("/dev/zero", O_PATH), NUMBER);
	snprintf(procfs, sizeof(procfs), "%s/proc", folder);
	cr_assert_eq(pipe(said), 0);
	parent = fork();
	cr_assert_geq(parent, 0);
	if (parent == 0)
		start_pid_namespace(procfs, said[1]);
	close(said[1]);
	pid = told(said[0]);
	snprintf(path, sizeof(path), "%s/self/fd/77", procfs);
	cr_expect_eq(finds(pid, AT_FDCWD, path), 1, "%d", finds(pid, AT_FDCWD, path));
	snprintf(path, sizeof(path), "%s/1/fd/77", procfs);
	cr_expect_eq(finds(pid, AT_FDCWD, path), 1, "by its number there");
	snprintf(path, sizeof(path), "%s/self/../1/fd/77", procfs);
	cr_expect_eq(finds(pid, AT_FDCWD, path), -EPERM);
	kill(pid, SIGKILL);
	child_end(parent);
}

/* ---- folders that are closed to the supervisor ---- */

static void become_user(void *unused)
{
	hold_files(unused);
	if (setgid(USER) || setuid(USER) || prctl(PR_SET_DUMPABLE, 1))
		_exit(1);
}

/* As in a process that serves a container. */
static int keep_few_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	data[0].effective = data[0].permitted = 1U << CAP_SETUID | 1U << CAP_SETGID | 1U << CAP_SYS_PTRACE;
	return (int)syscall(SYS_capset, &header, data);
}

Test(supervisor_place, finds_file_in_folder_that_only_program_enters)
{
	char closed[64], path[128];
	int status;
	pid_t user, child;

	NEED_ROOT();
	snprintf(closed, sizeof(closed), "%s/closed", folder);
	snprintf(path, sizeof(path), "%s/link", closed);
	cr_assert(!mkdir(closed, 0700) && !symlink("/dev/null", path) && !lchown(path, USER, USER) &&
		  !chown(closed, USER, USER));
	user = child_start(become_user, NULL);
	child = fork();
	if (child == 0) {
		if (keep_few_capabilities())
			_exit(2);
		/* only its owner finds it */
		_exit(finds(user, AT_FDCWD, path) == 1 && finds(getpid(), AT_FDCWD, path) == -EACCES ? 0 : 1);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(status, 0, "%x", status);
	child_end(user);
}

/* ---- opening ---- */

static int read_own(void *context, uint64_t address, void *buffer, size_t len)
{
	(void)context;
	if (address < 4096)
		return -EFAULT;
	for (size_t i = 0; i < len; i++)
		((char *)buffer)[i] = ((const char *)(uintptr_t)address)[i];
	return 0;
}

static bool null_is_uverbs(void *context, int fd, dev_t *out)
{
	(void)context;
	*out = 1;
	return is_null(fd);
}

static struct outcome opens(pid_t pid, const char *path, uint64_t flags, bool is_locked)
{
	static char text[PATH_MAX + 256];
	const struct surroundings around = { .is_uverbs = null_is_uverbs, .is_locked = is_locked };
	const struct target target = { .tid = pid, .read = read_own };
	const struct open_call call = { .dirfd = AT_FDCWD, .path = (uintptr_t)text, .flags = flags };

	snprintf(text, sizeof(text), "%s", path);
	return call_open(&around, &target, &call);
}

Test(supervisor_place, opens_node_by_every_path)
{
	pid_t pid = program_start();
	char link[64];
	const char *const paths[] = { "/dev/null", "/proc/self/fd/77",   "/dev/fd/77", link, "/proc/self/root/dev/null",
				      "null",      "/proc/self/cwd/null" };

	snprintf(link, sizeof(link), "%s/link", folder);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct outcome outcome = opens(pid, paths[i], O_RDWR | O_CLOEXEC, false);

		cr_expect(outcome.kind == OUTCOME_FD && outcome.fd_flags == O_CLOEXEC, "%s", paths[i]);
		if (outcome.kind != OUTCOME_FD)
			continue;
		cr_expect(is_null(outcome.fd) && (fcntl(outcome.fd, F_GETFL) & O_ACCMODE) == O_RDWR, "%s", paths[i]);
		close(outcome.fd);
	}
	cr_expect_eq(opens(pid, "/dev/zero", O_RDWR, false).kind, OUTCOME_CONTINUES);
	cr_expect_eq(opens(pid, "/dev/null", O_RDONLY, false).kind, OUTCOME_CONTINUES);
	cr_expect_eq(opens(pid, "/dev/null", O_RDWR | O_PATH, false).kind, OUTCOME_CONTINUES);
	child_end(pid);
}

Test(supervisor_place, refuses_open_if_file_is_unknown)
{
	pid_t pid = program_start();
	const char *const unknown = "/proc/self/task/../fd/77";
	char long_path[PATH_MAX + 100];

	cr_expect_eq(opens(pid, unknown, O_RDWR, false).kind, OUTCOME_RETURNS);
	cr_expect_eq(opens(pid, unknown, O_RDWR, false).result, -EPERM);
	cr_expect_eq(opens(pid, unknown, O_RDWR, true).kind, OUTCOME_CONTINUES, "Landlock is the second lock");
	cr_expect_eq(opens(pid, "absent", O_RDWR | O_CREAT, false).kind, OUTCOME_CONTINUES, "the kernel creates it");
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	cr_expect_eq(opens(pid, long_path, O_RDWR, false).result, -ENAMETOOLONG);
	child_end(pid);
}

Test(supervisor_place, refuses_open_if_memory_is_unreadable)
{
	const struct surroundings around = { .is_uverbs = null_is_uverbs };
	const struct target target = { .tid = getpid(), .read = read_own };
	const struct open_call by_path = { .dirfd = AT_FDCWD, .path = 8, .flags = O_RDWR };
	const struct open_call by_how = { .dirfd = AT_FDCWD, .path = 8, .has_how = true, .how = 16, .how_size = 24 };
	const struct open_call short_how = { .dirfd = AT_FDCWD, .path = 8, .has_how = true, .how = 16, .how_size = 8 };

	cr_expect_eq(call_open(&around, &target, &by_path).result, -EFAULT);
	cr_expect_eq(call_open(&around, &target, &by_how).result, -EFAULT);
	cr_expect_eq(call_open(&around, &target, &short_how).result, -EINVAL);
}

/* ---- capabilities ---- */

static void leave_userns(void *failed)
{
	if (unshare(CLONE_NEWUSER))
		*(int *)failed = 1;
}

static void user_in_new_userns(void *failed)
{
	become_user(NULL);
	leave_userns(failed);
}

static void drop_raw(void *unused)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	(void)unused;
	if (syscall(SYS_capget, &header, data))
		_exit(1);
	data[0].effective &= ~(1U << CAP_NET_RAW);
	if (syscall(SYS_capset, &header, data))
		_exit(1);
}

static uint64_t effective_of(pid_t pid)
{
	char path[64], line[256];
	unsigned long long found = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "CapEff:", 7))
			found = strtoull(line + 7, NULL, 16);
	if (file)
		fclose(file);
	return found;
}

static bool has_all(void (*prepare)(void *), uint64_t *effective)
{
	static int *failed;
	pid_t pid;
	bool has;

	failed = (int *)calloc(1, sizeof(*failed));
	pid = child_start(prepare, failed);
	*effective = effective_of(pid);
	has = target_has_all_capabilities(pid);
	child_end(pid);
	free(failed);
	return has;
}

Test(supervisor_place, program_has_capabilities_only_in_its_user_namespace)
{
	uint64_t own = effective_of(getpid()), effective;

	cr_expect(has_all(NULL, &effective));
	cr_expect_not(has_all(leave_userns, &effective) && effective != own, "full in a user namespace of its own");
	cr_expect_not(target_has_all_capabilities(-1), "unknown");
	NEED_ROOT();
	cr_expect_not(has_all(leave_userns, &effective));
	cr_expect(effective & UINT64_C(1) << CAP_NET_RAW, "control: CapEff is full there");
	cr_expect_not(has_all(user_in_new_userns, &effective));
	cr_expect(effective & UINT64_C(1) << CAP_NET_RAW, "control: CapEff is full there");
	cr_expect_not(has_all(become_user, &effective));
	cr_expect_not(has_all(drop_raw, &effective));
}
