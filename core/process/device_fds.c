// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The fds of one device in all tables of files of a process. Threads share the table of their process unless they have
 * taken one of their own (unshare(2), CLONE_FILES). kcmp(2) tells which have, on all kernels; pidfd_getfd(2) takes an
 * fd from such a table since 6.9 only.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "process/fd_text.h"
#include "process/process.h"
#include "process/same_file.h"
#include "util/fd_socket.h"
#include "util/text.h"

bool process_fd_is_of(int fd, dev_t rdev)
{
	struct statx st;

	return !statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) && S_ISCHR(st.stx_mode) &&
	       makedev(st.stx_rdev_major, st.stx_rdev_minor) == rdev;
}

/* Whether two threads have one table of files. Also if that is not known. */
static bool same_table(pid_t a, pid_t b)
{
	return syscall(SYS_kcmp, a, b, KCMP_FILES, 0UL, 0UL) <= 0;
}

/* ---- threads with a table of their own ---- */

/* A value other than 0 ends the walk. */
typedef int (*thread_fn)(void *context, pid_t thread);

/* Threads that share one table, but not with the first thread, are mostly adjacent. */
static int each_own_table(const struct process *process, thread_fn visit, void *context)
{
	const struct dirent *entry;
	pid_t last = process->pid;
	int err = 0, thread;
	char path[32];
	DIR *tasks;

	text_format(path, sizeof(path), "/proc/%d/task", (int)process->pid);
	tasks = opendir(path);
	if (!tasks)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!err && (entry = readdir(tasks))) {
		if (fd_number_of(entry->d_name, &thread) || same_table(process->pid, thread) ||
		    same_table(last, thread))
			continue;
		last = thread;
		err = visit(context, thread);
	}
	closedir(tasks);
	return err;
}

/* ---- the fds of one table ---- */

/* Files without a place in a file system have links that do not begin with '/': sockets, pipes and their like. */
static bool has_path(int table, const char *number)
{
	char first;

	return readlinkat(table, number, &first, 1) == 1 && first == '/';
}

/* Walks the tables of one process. */
struct tables {
	const struct process_search *search;
	const struct process *process;
};

static bool is_visited(const struct tables *tables, pid_t thread, int number)
{
	const struct process_search *search = tables->search;

	return !search->visits || search->visits(search->context, tables->process, thread, number);
}

static bool is_sought(const struct process_search *search, int fd, dev_t *out)
{
	for (size_t i = 0; i < search->device_count; i++) {
		*out = search->devices[i];
		if (process_fd_is_of(fd, *out))
			return true;
	}
	return search->sysfs && !process_uverbs_rdev(search->sysfs, fd, out);
}

static int visit_fd(const struct tables *tables, pid_t thread, int number)
{
	const struct process_search *search = tables->search;
	dev_t rdev;
	int fd, err = thread ? process_fetch_thread_fd(tables->process, thread, number, &fd)
			     : process_fetch_fd(tables->process, number, &fd);

	if (err)
		return err == -EBADF || err == -EINVAL || err == -ESRCH ? 0 : err;
	if (is_sought(search, fd, &rdev))
		err = search->found(search->context, tables->process, thread, number, fd, rdev);
	fd_let_go(fd);
	return err;
}

static int visit_fds(const struct tables *tables, pid_t thread, DIR *infos)
{
	int err = 0, number, links = openat(dirfd(infos), "../fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;

	while (!err && (entry = readdir(infos)))
		if (!fd_number_of(entry->d_name, &number) && is_visited(tables, thread, number) &&
		    (links < 0 || has_path(links, entry->d_name)) && fd_can_be_uverbs(dirfd(infos), entry->d_name))
			err = visit_fd(tables, thread, number);
	if (links >= 0)
		close(links);
	return err;
}

static int visit_table(void *context, pid_t thread)
{
	const struct tables *tables = context;
	char path[64];
	DIR *infos;
	int err;

	/* a process may have more such tables than its share of the time allows */
	if (thread && !is_visited(tables, thread, -1))
		return 0;
	text_format(path, sizeof(path), "/proc/%d/task/%d/fdinfo", (int)tables->process->pid,
		    (int)(thread ? thread : tables->process->pid));
	infos = opendir(path);
	if (!infos)
		return errno == ENOENT ? 0 : -errno;
	err = visit_fds(tables, thread, infos);
	closedir(infos);
	return err;
}

int process_search_fds(const struct process_search *search, const struct process *process)
{
	struct tables tables = { search, process };
	int err = is_visited(&tables, 0, -1) ? visit_table(&tables, 0) : 0;

	if (!err && is_visited(&tables, 0, -1))
		err = each_own_table(process, visit_table, &tables);
	return !err && process_has_ended(process) ? -ESRCH : err;
}

/* ---- the table that has a known file ---- */

struct same {
	int number, fd;
	pid_t thread;
};

static int has_same(void *context, pid_t thread)
{
	struct same *same = context;
	bool equal = false;

	if (same_open_file(thread, same->number, getpid(), same->fd, &equal) || !equal)
		return 0;
	same->thread = thread;
	return 1;
}

int process_find_thread_with(const struct process *process, int number, int fd, pid_t *out_thread)
{
	struct same same = { number, fd, 0 };
	int err = each_own_table(process, has_same, &same);

	if (err <= 0)
		return err ? err : -EBADF;
	*out_thread = same.thread;
	return 0;
}

/* ---- all processes ---- */

/* Keeps a value of `found` apart from an error of the process. */
struct everywhere {
	const struct process_search *search;
	int found_err;
};

static bool visits_everywhere(void *context, const struct process *process, pid_t thread, int number)
{
	const struct process_search *search = ((struct everywhere *)context)->search;

	return !search->visits || search->visits(search->context, process, thread, number);
}

static int found_everywhere(void *context, const struct process *process, pid_t thread, int number, int fd, dev_t rdev)
{
	struct everywhere *all = context;

	all->found_err = all->search->found(all->search->context, process, thread, number, fd, rdev);
	return all->found_err;
}

static int search_pid(struct everywhere *all, pid_t pid)
{
	struct process_search search = *all->search;
	struct process process;
	int err = process_open(pid, &process);

	search.visits = visits_everywhere;
	search.found = found_everywhere;
	search.context = all;
	if (!err) {
		err = process_search_fds(&search, &process);
		process_close(&process);
	}
	return all->found_err || err == -ESRCH || err == -EPERM || err == -EACCES ? 0 : err;
}

int process_search_all(const struct process_search *search)
{
	struct everywhere all = { .search = search };
	const struct dirent *entry;
	DIR *proc = opendir("/proc");
	int err, first = 0, pid;

	if (!proc)
		return -errno;
	while (!all.found_err && (entry = readdir(proc))) {
		if (fd_number_of(entry->d_name, &pid) || pid == getpid())
			continue;
		err = search_pid(&all, pid);
		first = first ? first : err;
	}
	closedir(proc);
	return all.found_err ? all.found_err : first;
}
