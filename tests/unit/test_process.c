// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Processes and their open files: the test itself and its children. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child_fixture.h"
#include "process/foreign.h"
#include "process/same_file.h"
#include "process/spawn.h"
#include "skip.h"

/* ---- identity ---- */

Test(process, describes_own_process)
{
	struct process process, copy;
	char exe[256] = "";
	struct stat st;

	cr_assert_eq(process_open(getpid(), &process), 0);
	cr_assert_gt(readlink("/proc/self/exe", exe, sizeof(exe) - 1), 0);
	cr_assert_eq(stat("/proc/self/ns/net", &st), 0);
	cr_expect_eq(process.pid, getpid());
	cr_expect_eq(process.uid, geteuid());
	cr_expect(process.executable_known);
	cr_expect_str_eq(process.executable, exe);
	cr_expect(process.netns_known);
	cr_expect_eq(process.netns_dev, st.st_dev);
	cr_expect_eq(process.netns_ino, st.st_ino);
	cr_expect_gt(process.start_time, 0);
	cr_expect_not(process_has_ended(&process));
	cr_expect(fcntl(process.pidfd, F_GETFD) & FD_CLOEXEC);
	cr_assert_eq(process_copy(&process, &copy), 0);
	cr_expect_neq(copy.pidfd, process.pidfd);
	cr_expect_eq(copy.start_time, process.start_time);
	process_close(&process);
	cr_expect_eq(process.pidfd, -1);
	cr_expect_not(process_has_ended(&copy), "the copy has a separate pidfd");
	process_close(&copy);
}

static void rename_badly(void *name)
{
	prctl(PR_SET_NAME, name);
}

/* Field 22, counted after the name, as the kernel prints it. */
static uint64_t start_time_of(pid_t pid)
{
	char path[64], text[1024];
	unsigned long long time = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	cr_assert_not_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	cr_assert_eq(sscanf(strrchr(text, ')') + 1,
			    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &time),
		     1);
	return time;
}

Test(process, reads_start_time_with_misleading_name)
{
	static char names[][16] = { "app", "a) R 1 2 3 4", ") ) ) (", "a b c d e f g h", "" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		pid_t pid = child_start(rename_badly, names[i]);
		struct process process;

		cr_assert_eq(process_open(pid, &process), 0);
		cr_expect_eq(process.start_time, start_time_of(pid), "'%s'", names[i]);
		process_close(&process);
		child_end(pid);
	}
}

static void become_other_user(void *argument)
{
	(void)argument;
	if (seteuid(65534))
		_exit(1);
}

Test(process, returns_effective_user)
{
	struct process process;
	pid_t pid;

	if (geteuid())
		skip_test("not root");
	pid = child_start(become_other_user, NULL);
	cr_assert_eq(process_open(pid, &process), 0);
	cr_expect_eq(process.uid, 65534);
	process_close(&process);
	child_end(pid);
}

Test(process, fails_for_ended_process)
{
	struct process process = { .pid = 4711 }, held;
	pid_t pid = child_start(NULL, NULL);
	int fd;

	cr_assert_eq(process_open(pid, &held), 0);
	child_kill(pid);
	cr_expect(process_has_ended(&held));
	cr_expect_eq(process_fetch_fd(&held, 0, &fd), -ESRCH);
	cr_expect_eq(process_open(pid, &process), -ESRCH, "a zombie");
	child_end(pid);
	cr_expect_eq(process_open(pid, &process), -ESRCH, "no process");
	cr_expect_eq(process_open(0, &process), -ESRCH);
	cr_expect_eq(process_open(-1, &process), -ESRCH);
	cr_expect_eq(process.pid, 4711, "an error changes no output");
	process_close(&held);
}

/* ---- the program ---- */

/* A program, and another one that a user would like to pass off as it. */
static struct {
	char folder[32], genuine[64], forged[64];
} programs;

static void copy_program(char *path, size_t size, const char *name)
{
	char command[160];

	snprintf(path, size, "%s/%s", programs.folder, name);
	snprintf(command, sizeof(command), "cp /bin/sleep %s && chmod 755 %s", path, path);
	cr_assert_eq(system(command), 0);
}

static void make_programs(void)
{
	strcpy(programs.folder, "/tmp/process-XXXXXX");
	cr_assert_not_null(mkdtemp(programs.folder));
	cr_assert_eq(chmod(programs.folder, 0755), 0);
	copy_program(programs.genuine, sizeof(programs.genuine), "genuine");
	copy_program(programs.forged, sizeof(programs.forged), "forged");
}

static void remove_programs(void)
{
	cr_assert(!unlink(programs.genuine) && !unlink(programs.forged) && !rmdir(programs.folder));
}

TestSuite(program, .init = make_programs, .fini = remove_programs);

static void own_mounts(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		_exit(1);
}

static void mount_forged(void)
{
	own_mounts();
	if (mount(programs.forged, programs.genuine, NULL, MS_BIND, NULL))
		_exit(1);
}

static void own_users(void)
{
	if (unshare(CLONE_NEWUSER))
		_exit(1);
}

/* A file of another mount namespace, executed in this one. */
static void execute_foreign_file(void)
{
	char *const argv[] = { programs.genuine, (char *)"1000", NULL };
	int here = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), there, file;

	mount_forged();
	/* keeps the namespace, and with it the path */
	there = open("/proc/self/ns/mnt", O_RDONLY);
	file = open(programs.genuine, O_PATH | O_CLOEXEC);
	if (there < 0 || setns(here, CLONE_NEWNS) || file < 0)
		_exit(1);
	fexecve(file, argv, argv + 2);
	_exit(1);
}

/* Starts the genuine program after `prepare`; opens it when it executes that. */
static pid_t execute(void (*prepare)(void), struct process *out)
{
	int closes_at_execve[2];
	pid_t pid;
	char byte;

	cr_assert_eq(pipe2(closes_at_execve, O_CLOEXEC), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (prepare)
			prepare();
		execl(programs.genuine, "sleep", "1000", NULL);
		_exit(1);
	}
	close(closes_at_execve[1]);
	cr_assert_eq(read(closes_at_execve[0], &byte, 1), 0);
	close(closes_at_execve[0]);
	cr_assert_eq(process_open(pid, out), 0);
	return pid;
}

static bool is_local_after(void (*prepare)(void), bool *looks_genuine)
{
	struct process process;
	pid_t pid = execute(prepare, &process);
	bool local = process.executable_is_local;

	*looks_genuine = process.executable_known && !strcmp(process.executable, programs.genuine);
	process_close(&process);
	child_end(pid);
	return local;
}

Test(program, is_local_by_its_path)
{
	bool looks_genuine;

	cr_expect(is_local_after(NULL, &looks_genuine));
	cr_expect(looks_genuine);
	NEED_ROOT();
	cr_expect(is_local_after(own_mounts, &looks_genuine), "the same file, as of a service with PrivateTmp");
	cr_expect(looks_genuine);
}

Test(program, is_not_local_if_another_file_is_mounted_over_it)
{
	bool looks_genuine;

	NEED_ROOT();
	cr_expect_not(is_local_after(mount_forged, &looks_genuine));
	cr_expect(looks_genuine, "control: its path is that of the genuine program");
	cr_expect_not(is_local_after(execute_foreign_file, &looks_genuine));
	cr_expect(looks_genuine, "control: its path is that of the genuine program");
}

Test(program, is_not_local_in_other_user_namespace)
{
	bool looks_genuine;

	NEED_ROOT();
	cr_expect_not(is_local_after(own_users, &looks_genuine));
	cr_expect(looks_genuine, "control: its path is that of the genuine program");
}

Test(program, has_present_path_after_it_was_moved)
{
	struct process process;
	pid_t pid = execute(NULL, &process);

	process_close(&process);
	cr_assert_eq(rename(programs.genuine, programs.forged), 0);
	cr_assert_eq(process_open(pid, &process), 0);
	cr_expect_str_eq(process.executable, programs.forged, "by its present path");
	process_close(&process);
	copy_program(programs.genuine, sizeof(programs.genuine), "genuine");
	child_end(pid);
}

/* ---- a socket's peer ---- */

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_len;

static int listener_make(void)
{
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	address_len = offsetof(struct sockaddr_un, sun_path) + 1 +
		      (socklen_t)snprintf(address.sun_path + 1, 64, "rdmasec-test-%d", (int)getpid());
	cr_assert_eq(bind(listener, (struct sockaddr *)&address, address_len), 0);
	cr_assert_eq(listen(listener, 4), 0);
	return listener;
}

static void connect_to_us(void *argument)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	(void)argument;
	if (connect(fd, (struct sockaddr *)&address, address_len))
		_exit(1);
}

static void connect_as_other_user(void *argument)
{
	connect_to_us(argument);
	become_other_user(argument);
}

Test(process, identifies_socket_peer)
{
	int listener = listener_make(), socket;
	pid_t pid = child_start(geteuid() ? connect_to_us : connect_as_other_user, NULL);
	struct process process;

	socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	cr_assert_geq(socket, 0);
	cr_assert_eq(process_identify_peer(socket, &process), 0);
	cr_expect_eq(process.pid, pid);
	cr_expect_eq(process.uid, geteuid(), "the uid at connect(2)");
	cr_expect_eq(foreign_describe(NULL, &process), 0);
	cr_expect_eq(process.start_time, start_time_of(pid));
	child_kill(pid);
	cr_expect_eq(foreign_describe(NULL, &process), -ESRCH, "a zombie");
	process_close(&process);
	child_end(pid);
	/* since kernel 6.16 there is a pidfd of it nevertheless */
	if (!process_identify_peer(socket, &process)) {
		cr_expect_eq(foreign_describe(NULL, &process), -ESRCH, "no process");
		process_close(&process);
	}
	cr_expect_eq(process_identify_peer(-1, &process), -EBADF);
	close(socket);
	close(listener);
}

/* ---- open files ---- */

struct files {
	int first, dup, again, pipe[2];
};

static void files_open(struct files *files)
{
	files->first = open("/dev/zero", O_RDONLY);
	files->dup = dup(files->first);
	files->again = open("/dev/zero", O_RDONLY);
	cr_assert_eq(pipe(files->pipe), 0);
}

Test(holders, recognizes_same_open_file)
{
	struct files files;
	struct process process;
	bool same;
	pid_t pid;
	int fetched, err;

	files_open(&files);
	pid = child_start(NULL, NULL);
	err = same_open_file(getpid(), files.first, getpid(), files.dup, &same);
	if (err == -ENOSYS)
		skip_test("a kernel without kcmp(2)");
	cr_assert_eq(err, 0);
	cr_expect(same);
	cr_assert_eq(same_open_file(getpid(), files.first, getpid(), files.again, &same), 0);
	cr_expect_not(same, "the same device opened twice");
	cr_assert_eq(same_open_file(getpid(), files.first, pid, files.first, &same), 0);
	cr_expect(same, "inherited");
	cr_assert_eq(same_open_file(pid, files.again, getpid(), files.first, &same), 0);
	cr_expect_not(same);
	cr_assert_eq(same_open_file(getpid(), files.pipe[0], getpid(), files.pipe[1], &same), 0);
	cr_expect_not(same, "two ends of a pipe");
	cr_assert_eq(process_open(pid, &process), 0);
	cr_assert_eq(process_fetch_fd(&process, files.dup, &fetched), 0);
	cr_assert_eq(same_open_file(getpid(), fetched, getpid(), files.first, &same), 0);
	cr_expect(same, "a copy fetched from a child that inherited it");
	cr_expect(fcntl(fetched, F_GETFD) & FD_CLOEXEC);
	process_close(&process);
	child_end(pid);
}

/* The result for an unprivileged user (real and effective) and an fd of a process of root. */
static int compared_by_other_user(pid_t pid, int fd)
{
	pid_t child = fork();
	int status;

	cr_assert_geq(child, 0);
	if (!child) {
		bool same;

		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(0);
		_exit(-same_open_file(getpid(), fd, pid, fd, &same));
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : 0;
}

Test(holders, fails_when_files_cannot_be_compared)
{
	int self = open("/dev/zero", O_RDONLY), err;
	bool same = true;
	pid_t pid;

	err = same_open_file(getpid(), self, getpid(), 999, &same);
	if (err == -ENOSYS)
		skip_test("a kernel without kcmp(2)");
	cr_expect_eq(err, -EBADF);
	cr_expect_eq(same_open_file(getpid(), -1, getpid(), -1, &same), -EBADF);
	pid = child_start(NULL, NULL);
	if (!geteuid())
		cr_expect_eq(compared_by_other_user(pid, self), -EPERM);
	child_end(pid);
	cr_expect_eq(same_open_file(getpid(), self, pid, self, &same), -ESRCH);
	cr_expect(same, "an error changes no output");
}

Test(process, fails_for_closed_fd)
{
	struct process process;
	int fd = 4711;

	cr_assert_eq(process_open(getpid(), &process), 0);
	cr_expect_eq(process_fetch_fd(&process, 999, &fd), -EBADF);
	cr_expect_eq(fd, 4711);
	process_close(&process);
}

/* ---- what a new process does ---- */

static int fill_and_look(void)
{
	char link[32], target[32] = "";

	close_range(STDIN_FILENO, STDERR_FILENO, 0);
	if (spawn_fill_standard())
		return 1;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (readlink(link, target, sizeof(target) - 1) < 0 || strcmp(target, "/dev/null"))
			return 2;
		if (fcntl(fd, F_GETFD) != FD_CLOEXEC)
			return 3;
	}
	return fcntl(STDERR_FILENO + 1, F_GETFD) < 0 ? 0 : 4;
}

Test(spawn, fills_closed_standard_streams)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		close_range(STDERR_FILENO + 1, ~0U, 0);
		_exit(fill_and_look());
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(WEXITSTATUS(status), 0, "step %d", WEXITSTATUS(status));
}

Test(spawn, leaves_open_standard_streams)
{
	struct stat before, after;

	cr_assert_eq(fstat(STDOUT_FILENO, &before), 0);
	cr_assert_eq(spawn_fill_standard(), 0);
	cr_assert_eq(fstat(STDOUT_FILENO, &after), 0);
	cr_expect_eq(before.st_ino, after.st_ino);
	cr_expect_not(fcntl(STDOUT_FILENO, F_GETFD) & FD_CLOEXEC);
}

Test(spawn, raises_limit_of_files_to_the_hard_one)
{
	struct rlimit files;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = 20;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	spawn_raise_files(0);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	cr_expect_eq(files.rlim_cur, files.rlim_max);
}
