// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "process/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/account.h"
#include "process/executable.h"
#include "process/status.h"
#include "util/clock.h"
#include "util/small_file.h"
#include "util/text.h"

/* asm-generic/socket.h of kernel 6.5 */
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

enum { STAT_MAX = 1024, START_TIME_FIELD = 22 };

/* ---- /proc/PID ---- */

static int proc_dir_open(pid_t pid)
{
	char path[32];
	int dir;

	text_format(path, sizeof(path), "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		return dir;
	return errno == ENOENT ? -ESRCH : -errno;
}

/*
 * Field 22 (proc(5)). The name of the program in field 2 may hold blanks and brackets: counted from the last bracket,
 * after which come numbers only.
 */
static int start_time_parse(const char *text, uint64_t *out)
{
	const char *at = strrchr(text, ')');
	char *end;
	uint64_t value;

	for (int field = 2; at && field < START_TIME_FIELD; field++)
		at = strchr(at + 1, ' ');
	if (!at || at[1] < '0' || at[1] > '9')
		return -EPROTO;
	errno = 0;
	value = strtoull(at + 1, &end, 10);
	if (errno || *end != ' ')
		return -EPROTO;
	*out = value;
	return 0;
}

static int read_start_time(int dir, struct process *process)
{
	char text[STAT_MAX];
	ssize_t len = small_file_read(dir, "stat", text, sizeof(text));

	if (len < 0)
		return len == -ENOENT ? -ESRCH : (int)len;
	return start_time_parse(text, &process->start_time);
}

/* Real, effective, saved and that of files. */
enum { UID_EFFECTIVE = 1, UID_COUNT = 4 };

static int read_uid(struct process *process)
{
	uint64_t ids[UID_COUNT];
	int err = process_status_numbers(process->pid, "Uid", 10, ids, UID_COUNT);

	if (!err)
		process->uid = (uid_t)ids[UID_EFFECTIVE];
	return err;
}

/* Facts that the kernel does not tell stay unknown. */
static void read_optional_facts(int dir, struct process *process)
{
	struct stat st;

	process->executable_known =
		executable_read(dir, process->executable, sizeof(process->executable), &process->executable_is_local);
	process->netns_known = !fstatat(dir, "ns/net", &st, 0);
	process->netns_dev = process->netns_known ? st.st_dev : 0;
	process->netns_ino = process->netns_known ? st.st_ino : 0;
}

int process_describe(struct process *process)
{
	int err, dir = proc_dir_open(process->pid);

	if (dir < 0)
		return dir;
	err = read_start_time(dir, process);
	if (!err)
		read_optional_facts(dir, process);
	close(dir);
	return err;
}

/* ---- opening, closing ---- */

/* An error counts as an event: the caller must not rely on the process then. */
static bool has_event(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int ready;

	/* a signal interrupts even a poll(2) that does not wait */
	do
		ready = poll(&poll_fd, 1, 0);
	while (ready < 0 && errno == EINTR);
	return ready != 0;
}

bool process_has_ended(const struct process *process)
{
	return has_event(process->pidfd, POLLIN);
}

int process_identify(pid_t pid, struct process *out)
{
	struct process process = { .pid = pid };
	int err;

	if (pid <= 0)
		return -ESRCH;
	process.pidfd = pidfd_open(pid, 0);
	if (process.pidfd < 0)
		return -errno;
	err = read_uid(&process);
	if (process_has_ended(&process))
		err = -ESRCH;
	if (err) {
		close(process.pidfd);
		return err;
	}
	process.account = process_account_of(pid, process.uid);
	*out = process;
	return 0;
}

/*
 * The pidfd was opened first, and the process is found alive last: the pid was no other process's between the two.
 */
int process_open(pid_t pid, struct process *out)
{
	int err = process_identify(pid, out);

	if (err)
		return err;
	err = process_describe(out);
	if (process_has_ended(out))
		err = -ESRCH;
	if (err)
		process_close(out);
	return err;
}

static int peer_pidfd(int socket, pid_t pid)
{
	int pidfd, err;
	socklen_t len = sizeof(pidfd);

	if (!getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len))
		return pidfd;
	/* ESRCH, EINVAL: it has ended, and the pid may be another's by now */
	if (errno != ENOPROTOOPT)
		return errno == EINVAL ? -ESRCH : -errno;
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		return -errno;
	/* the other end is closed, as it is when the process has ended */
	if (!has_event(socket, POLLRDHUP))
		return pidfd;
	err = -ESRCH;
	close(pidfd);
	return err;
}

int process_identify_peer(int socket, struct process *out)
{
	struct process process = { 0 };
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	/* 0: the peer's pid namespace is not visible here */
	if (cred.pid <= 0)
		return -ESRCH;
	process.pid = cred.pid;
	process.uid = cred.uid;
	process.pidfd = peer_pidfd(socket, cred.pid);
	if (process.pidfd < 0)
		return process.pidfd;
	*out = process;
	return 0;
}

/* A setuid program's ids differ. */
static int all_uids_are(pid_t pid, uid_t uid)
{
	uint64_t ids[UID_COUNT];
	int err = process_status_numbers(pid, "Uid", 10, ids, UID_COUNT);

	for (size_t i = 0; !err && i < UID_COUNT; i++)
		if (ids[i] != uid)
			err = -EPERM;
	return err;
}

int process_identify_subject(const struct process *peer, pid_t pid, struct process *out)
{
	struct process process;
	int err = process_identify(pid, &process);

	if (err)
		return err;
	if (peer->uid != 0)
		err = all_uids_are(pid, peer->uid);
	if (!err && process_has_ended(&process))
		err = -ESRCH;
	if (err)
		process_close(&process);
	else
		*out = process;
	return err;
}

int process_copy(const struct process *process, struct process *out)
{
	int pidfd = fcntl(process->pidfd, F_DUPFD_CLOEXEC, 0);

	if (pidfd < 0)
		return -errno;
	*out = *process;
	out->pidfd = pidfd;
	return 0;
}

void process_close(struct process *process)
{
	close(process->pidfd);
	process->pidfd = -1;
}

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* since 6.9; include/uapi/linux/pidfd.h */
#endif

/* Of a program with tens of thousands of threads, none of which has the file. */
enum { THREADS_MS = 100 };

/*
 * The first thread may end before the others (pthread_exit() in main()), and then has no files any more. -EBUSY: there
 * are too many threads, and it is not known whether one of them has the file.
 */
static int fetch_from_a_thread(const struct process *process, int number)
{
	int64_t end_ms = clock_ms() + THREADS_MS;
	char path[32];
	const struct dirent *entry;
	int fd = -ESRCH;
	DIR *tasks;

	text_format(path, sizeof(path), "/proc/%d/task", (int)process->pid);
	tasks = opendir(path);
	while (tasks && fd < 0 && (entry = readdir(tasks))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
		int pidfd = tid > 0 && tid != process->pid ? pidfd_open(tid, PIDFD_THREAD) : -1;

		if (pidfd < 0)
			continue;
		fd = pidfd_getfd(pidfd, number, 0);
		fd = fd < 0 ? -errno : fd;
		close(pidfd);
		if (fd < 0 && clock_ms() > end_ms) {
			fd = -EBUSY;
			break;
		}
	}
	if (tasks)
		closedir(tasks);
	return fd;
}

int process_fetch_fd(const struct process *process, int number, int *out_fd)
{
	int fd = pidfd_getfd(process->pidfd, number, 0);

	if (fd < 0 && errno == ESRCH && !process_has_ended(process))
		fd = fetch_from_a_thread(process, number);
	if (fd < 0)
		return fd == -1 ? -errno : fd;
	*out_fd = fd;
	return 0;
}

/* Whether the thread of this pidfd is one of the process: its number may have been used again. */
static bool is_thread_of(const struct process *process, int pidfd, pid_t thread)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };
	uint64_t pid;

	return !process_status_numbers(thread, "Tgid", 10, &pid, 1) && (pid_t)pid == process->pid &&
	       poll(&end, 1, 0) == 0 && !process_has_ended(process);
}

int process_fetch_thread_fd(const struct process *process, pid_t thread, int number, int *out_fd)
{
	int pidfd = pidfd_open(thread, PIDFD_THREAD), fd, err;

	if (pidfd < 0)
		return -errno;
	if (!is_thread_of(process, pidfd, thread)) {
		close(pidfd);
		return -ESRCH;
	}
	fd = pidfd_getfd(pidfd, number, 0);
	err = fd < 0 ? -errno : 0;
	close(pidfd);
	if (!err)
		*out_fd = fd;
	return err;
}

int process_kill(const struct process *process)
{
	return pidfd_send_signal(process->pidfd, SIGKILL, NULL, 0) ? -errno : 0;
}

int process_continue(const struct process *process)
{
	return pidfd_send_signal(process->pidfd, SIGCONT, NULL, 0) ? -errno : 0;
}

int process_open_netns(const struct process *process, int *out_fd)
{
	char path[32];
	int fd;

	text_format(path, sizeof(path), "/proc/%d/ns/net", (int)process->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* the number may be another process's by now */
	if (process_has_ended(process)) {
		close(fd);
		return -ESRCH;
	}
	*out_fd = fd;
	return 0;
}
