// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "process/executable.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/small_file.h"
#include "util/text.h"

enum { CHUNK = 16384 };

/*
 * The mounts of pid 1, sorted by id. Kept, because a host with containers has thousands. The kernel reports a change of
 * the list by poll(2) (mounts_poll() in fs/proc_namespace.c). An id can be reused after its mount was removed.
 */
static struct {
	pthread_mutex_t lock;
	int file; /* mountinfo, -1: not open */
	bool valid;
	uint64_t *ids;
	size_t count, room;
} mounts = { .lock = PTHREAD_MUTEX_INITIALIZER, .file = -1 };

/* ---- the mounts of pid 1 ---- */

static int compare_ids(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static int add_id(uint64_t id)
{
	if (mounts.count == mounts.room) {
		size_t room = mounts.room ? mounts.room * 2 : 64;
		uint64_t *ids = realloc(mounts.ids, room * sizeof(*ids));

		if (!ids)
			return -ENOMEM;
		mounts.ids = ids;
		mounts.room = room;
	}
	mounts.ids[mounts.count++] = id;
	return 0;
}

/* The state of a parser that reads the first number of each line. */
struct reading {
	uint64_t id;
	bool in_number, any;
};

static int read_character(struct reading *reading, char c)
{
	if (reading->in_number && c >= '0' && c <= '9') {
		reading->id = reading->id * 10 + (uint64_t)(c - '0');
		reading->any = true;
		return 0;
	}
	if (reading->in_number && reading->any) {
		int err = add_id(reading->id);

		if (err)
			return err;
	}
	*reading = (struct reading){ .in_number = c == '\n' };
	return 0;
}

static int read_mounts(void)
{
	struct reading reading = { .in_number = true };
	char text[CHUNK];
	ssize_t len;
	off_t at = 0;
	int err = 0;

	mounts.count = 0;
	while (!err && (len = pread(mounts.file, text, sizeof(text), at)) > 0) {
		at += len;
		for (ssize_t i = 0; !err && i < len; i++)
			err = read_character(&reading, text[i]);
	}
	if (!err && len < 0)
		err = -errno;
	qsort(mounts.ids, mounts.count, sizeof(*mounts.ids), compare_ids);
	return err;
}

/* With the lock held. False: the list is not known. */
static bool refresh_mounts(void)
{
	struct pollfd changed = { .events = POLLPRI };

	if (mounts.file < 0)
		mounts.file = open("/proc/1/mountinfo", O_RDONLY | O_CLOEXEC);
	changed.fd = mounts.file;
	if (mounts.file < 0)
		return false;
	/* asked before the list is read: a change during the reading is reported next time */
	if (poll(&changed, 1, 0) || !mounts.valid)
		mounts.valid = !read_mounts();
	return mounts.valid;
}

static bool is_mount_of_first_process(uint64_t id)
{
	bool found;

	pthread_mutex_lock(&mounts.lock);
	found = refresh_mounts() && bsearch(&id, mounts.ids, mounts.count, sizeof(id), compare_ids);
	pthread_mutex_unlock(&mounts.lock);
	return found;
}

/* ---- the place of a path in its file system ---- */

/* A file by its file system and its path below the root of that, whatever is mounted where. */
struct place {
	char device[24]; /* "8:1" */
	char path[PATH_MAX];
};

/* "36 35 98:0 /root /mount/point ...": proc(5) */
struct mount_line {
	uint64_t id;
	char device[24], root[PATH_MAX], point[PATH_MAX];
};

/* Replaces "\\040" and the like (mangle_path() in fs/seq_file.c), in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (*from == '\\' && strspn(from + 1, "01234567") >= 3) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool parse_line(const char *line, struct mount_line *out)
{
	if (sscanf(line, "%" SCNu64 " %*u %23[0-9:] %4095s %4095s", &out->id, out->device, out->root, out->point) != 4)
		return false;
	unescape(out->root);
	unescape(out->point);
	return true;
}

/* The rest of `path` below a mount point, with its slash; NULL: it is not below. */
static const char *rest_below(const char *path, const char *point)
{
	size_t len = strlen(point);

	if (!strcmp(point, "/"))
		return path;
	return !strncmp(path, point, len) && path[len] == '/' ? path + len : NULL;
}

static bool place_in(const struct mount_line *mount, const char *path, struct place *out)
{
	const char *rest = rest_below(path, mount->point);
	const char *root = strcmp(mount->root, "/") ? mount->root : "";

	if (!rest || strlen(root) + strlen(rest) >= sizeof(out->path))
		return false;
	text_format(out->device, sizeof(out->device), "%s", mount->device);
	text_format(out->path, sizeof(out->path), "%s%s", root, rest);
	return true;
}

/* The place of `path` on the mount `id`, or, with id 0, on the mount that covers it: the last of those nearest to it.
 */
static bool find_place(FILE *mountinfo, uint64_t id, const char *path, struct place *out)
{
	struct mount_line mount;
	size_t size = 0, best = 0;
	char *line = NULL;
	bool found = false;

	while (getline(&line, &size, mountinfo) >= 0) {
		if (!parse_line(line, &mount) || (id ? mount.id != id : strlen(mount.point) < best))
			continue;
		if (place_in(&mount, path, out)) {
			best = strlen(mount.point);
			found = true;
		}
	}
	free(line);
	return found;
}

static bool read_place(int proc, uint64_t id, const char *path, struct place *out)
{
	int fd = openat(proc, "mountinfo", O_RDONLY | O_CLOEXEC);
	FILE *mountinfo = fd < 0 ? NULL : fdopen(fd, "r");
	bool found = mountinfo && find_place(mountinfo, id, path, out);

	if (mountinfo)
		fclose(mountinfo);
	else if (fd >= 0)
		close(fd);
	return found;
}

/* Is the file that the process has on a mount of its own the one that pid 1 finds by this path? */
static bool is_at_same_place(int proc, uint64_t id, const char *path)
{
	int first = open("/proc/1", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct place own, other;
	bool same = first >= 0 && read_place(proc, id, path, &other) && read_place(first, 0, path, &own) &&
		    !strcmp(own.device, other.device) && !strcmp(own.path, other.path);

	if (first >= 0)
		close(first);
	return same;
}

/* ---- one program ---- */

/* Asked once: this process stays in its namespace. */
static bool own_userns(struct stat *out)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct stat own;
	static bool known;

	pthread_mutex_lock(&lock);
	known = known || !stat("/proc/self/ns/user", &own);
	*out = own;
	pthread_mutex_unlock(&lock);
	return known;
}

static bool is_in_own_userns(int proc)
{
	struct stat own, other;

	return !fstatat(proc, "ns/user", &other, 0) && own_userns(&own) && own.st_dev == other.st_dev &&
	       own.st_ino == other.st_ino;
}

/* "mnt_id:\t31": fs/proc/fd.c. statx(2) would ask the file system. */
static bool read_mount_id(int fd, uint64_t *out)
{
	char path[48], text[256], *at, *end;

	text_format(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (small_file_read(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return false;
	at = strstr(text, "mnt_id:\t");
	if (!at)
		return false;
	at += strlen("mnt_id:\t");
	*out = strtoull(at, &end, 10);
	return end != at && *end == '\n';
}

static bool read_link(int folder, const char *name, char *path, size_t size)
{
	ssize_t len = readlinkat(folder, name, path, size - 1);
	/* a name that may have been cut is no name */
	bool whole = len > 0 && (size_t)len < size - 1;

	path[whole ? len : 0] = '\0';
	return whole;
}

/* Path and mount are those of one open file: the process may execute another program between two looks. */
bool executable_read(int proc, char *path, size_t size, bool *is_local)
{
	int file = openat(proc, "exe", O_PATH | O_CLOEXEC);
	char link[32];
	uint64_t mount;
	bool known;

	*is_local = false;
	if (file < 0)
		return read_link(proc, "exe", path, size);
	text_format(link, sizeof(link), "/proc/self/fd/%d", file);
	known = read_link(AT_FDCWD, link, path, size);
	*is_local = known && read_mount_id(file, &mount) && is_in_own_userns(proc) &&
		    (is_mount_of_first_process(mount) || is_at_same_place(proc, mount, path));
	close(file);
	return known;
}
