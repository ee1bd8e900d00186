// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Which processes are guarded, and which uverbs fds they hold. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "process/fd_text.h"
#include "process/process.h"
#include "process/status.h"
#include "util/fd_socket.h"
#include "util/small_file.h"
#include "util/text.h"

int fd_number_of(const char *name, int *out)
{
	char *end;
	long number;

	if (name[0] < '0' || name[0] > '9')
		return -EINVAL;
	errno = 0;
	number = strtol(name, &end, 10);
	if (errno || *end || number > INT_MAX)
		return -EINVAL;
	*out = (int)number;
	return 0;
}

static int proc_error(void)
{
	return errno == ENOENT ? -ESRCH : -errno;
}

/* ---- guarded ---- */

/* By the file's name: a host may install doors anywhere. A door that was replaced has " (deleted)" behind its name. */
static bool line_maps_door(const char *line)
{
	static const char door[] = "librdmasec";
	const char *path = strchr(line, '/');
	const char *name = path ? strrchr(path, '/') + 1 : NULL;

	return name && !strncmp(name, door, sizeof(door) - 1) && strstr(name, ".so");
}

static bool has_name(pid_t pid, const char *name)
{
	char path[32], line[32];
	size_t len = strlen(name);

	text_format(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return small_file_read(AT_FDCWD, path, line, sizeof(line)) > 0 && !strncmp(line, name, len) &&
	       !strcmp(line + len, "\n");
}

bool process_is_rdmasec(pid_t pid)
{
	static const char prefix[] = "rdmasec-";
	char path[32], line[32];

	text_format(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return small_file_read(AT_FDCWD, path, line, sizeof(line)) > 0 && !strncmp(line, prefix, strlen(prefix));
}

bool process_is_supervisor(pid_t pid)
{
	return has_name(pid, PROCESS_SUPERVISOR_NAME) || has_name(pid, PROCESS_CONTAINER_NAME);
}

/* Whether the process has a seccomp filter and a supervisor as an ancestor. */
static bool is_supervised(pid_t pid)
{
	enum { FILTERED = 2, GENERATIONS_MAX = 256 };

	uint64_t value;

	if (process_status_numbers(pid, "Seccomp", 10, &value, 1) || value != FILTERED)
		return false;
	for (int i = 0; pid > 1 && i < GENERATIONS_MAX; i++) {
		if (has_name(pid, PROCESS_SUPERVISOR_NAME))
			return true;
		if (process_status_numbers(pid, "PPid", 10, &value, 1))
			return false;
		pid = (pid_t)value;
	}
	return false;
}

int process_is_guarded(pid_t pid, bool *out)
{
	char path[32], *line = NULL;
	bool guarded = false;
	size_t size = 0;
	FILE *maps;
	int err = 0;

	text_format(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (!maps)
		return proc_error();
	errno = 0;
	while (!guarded && getline(&line, &size, maps) >= 0)
		guarded = line_maps_door(line);
	/* a list that was cut proves nothing */
	if (!guarded && (ferror(maps) || !feof(maps)))
		err = errno ? -errno : -EIO;
	free(line);
	fclose(maps);
	if (!err)
		*out = guarded || is_supervised(pid);
	return err;
}

/* ---- the fds of one process ---- */

/* By the class of the device (uverbs_main.c): the first 32 have major 231, later ones a dynamic one. */
static bool is_uverbs(const char *sysfs, dev_t rdev)
{
	char path[256], target[PATH_MAX];
	ssize_t len;

	text_format(path, sizeof(path), "%s/dev/char/%u:%u", sysfs, major(rdev), minor(rdev));
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	return strstr(target, "/infiniband_verbs/");
}

/*
 * A uverbs fd is open for reading and writing, has position 0, and shows no lines beyond the common ones (seq_show() in
 * fs/proc/fd.c; uverbs_fops has no show_fdinfo).
 */
bool fd_can_be_uverbs(int fds, const char *number)
{
	char text[256], *flags;
	ssize_t len = small_file_read(fds, number, text, sizeof(text));

	/* a longer text has more in it */
	if (len <= 0 || len == sizeof(text) - 1)
		return false;
	flags = strstr(text, "\nflags:\t");
	return !strncmp(text, "pos:\t0\n", 7) && flags &&
	       (strtoul(flags + strlen("\nflags:\t"), NULL, 8) & O_ACCMODE) == O_RDWR;
}

int process_uverbs_rdev(const char *sysfs, int fd, dev_t *out)
{
	struct statx st;
	dev_t rdev;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st))
		return -errno;
	rdev = makedev(st.stx_rdev_major, st.stx_rdev_minor);
	if (!S_ISCHR(st.stx_mode) || !is_uverbs(sysfs, rdev))
		return -ENODEV;
	*out = rdev;
	return 0;
}

struct search {
	const char *sysfs;
	process_visits_fn visits; /* NULL: all */
	process_uverbs_fn found;
	void *context;
};

static bool is_visited(const struct search *search, const struct process *process, int number)
{
	return !search->visits || search->visits(search->context, process, number);
}

static int visit_fd(const struct search *search, const struct process *process, int number)
{
	dev_t rdev = 0;
	int fd, err = process_fetch_fd(process, number, &fd);

	/* closed since the list was read */
	if (err == -EBADF)
		return 0;
	if (err)
		return err;
	err = process_uverbs_rdev(search->sysfs, fd, &rdev);
	if (!err)
		err = search->found(search->context, process, number, fd, rdev);
	else if (err == -ENODEV)
		err = 0;
	fd_let_go(fd);
	return err;
}

/* Not /proc/PID/fd, which its owner may read: fdinfo demands what ptrace(2) demands (proc_fdinfo_permission(), 5.14).
 */
static int visit_fds(const struct search *search, const struct process *process)
{
	const struct dirent *entry;
	char path[32];
	int err = 0, number;
	DIR *fds;

	text_format(path, sizeof(path), "/proc/%d/fdinfo", (int)process->pid);
	fds = opendir(path);
	if (!fds)
		return proc_error();
	errno = 0;
	while (!err && (entry = readdir(fds))) {
		if (!fd_number_of(entry->d_name, &number) && is_visited(search, process, number) &&
		    fd_can_be_uverbs(dirfd(fds), entry->d_name))
			err = visit_fd(search, process, number);
		errno = 0;
	}
	if (!err)
		err = -errno;
	closedir(fds);
	return err;
}

static int visit_process(const struct search *search, const struct process *process)
{
	int err = visit_fds(search, process);

	/* the list may have been another process's */
	return !err && process_has_ended(process) ? -ESRCH : err;
}

int process_uverbs_fds(const char *sysfs, const struct process *process, process_uverbs_fn found, void *context)
{
	const struct search search = { sysfs, NULL, found, context };

	return visit_process(&search, process);
}

/* ---- all processes ---- */

/* Keeps an error of `found` apart from one of the process. */
struct scan {
	process_visits_fn visits;
	process_uverbs_fn found;
	void *context;
	int found_err;
};

static int scan_found(void *context, const struct process *process, int number, int fd, dev_t rdev)
{
	struct scan *scan = context;

	scan->found_err = scan->found(scan->context, process, number, fd, rdev);
	return scan->found_err;
}

static bool scan_visits(void *context, const struct process *process, int number)
{
	const struct scan *scan = context;

	return !scan->visits || scan->visits(scan->context, process, number);
}

static int scan_process(const char *sysfs, pid_t pid, struct scan *scan)
{
	const struct search search = { sysfs, scan_visits, scan_found, scan };
	struct process process;
	bool guarded = false;
	int err = process_open(pid, &process);

	if (err)
		return err;
	if (scan_visits(scan, &process, -1))
		err = process_is_guarded(pid, &guarded);
	if (!err && guarded)
		err = visit_process(&search, &process);
	process_close(&process);
	return err;
}

int process_scan(const char *sysfs, process_visits_fn visits, process_uverbs_fn found, void *context)
{
	struct scan scan = { .visits = visits, .found = found, .context = context };
	const struct dirent *entry;
	int err, first = 0, pid;
	DIR *proc = opendir("/proc");

	if (!proc)
		return -errno;
	errno = 0;
	while (!scan.found_err && (entry = readdir(proc))) {
		err = fd_number_of(entry->d_name, &pid) ? 0 : scan_process(sysfs, pid, &scan);
		if (err && err != -ESRCH && !first)
			first = err;
		errno = 0;
	}
	if (!scan.found_err && errno && !first)
		first = -errno;
	closedir(proc);
	return scan.found_err ? scan.found_err : first;
}
