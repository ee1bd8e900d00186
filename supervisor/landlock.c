// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Lets a program open every file for writing but uverbs nodes. Landlock allows whole hierarchies and cannot exclude a
 * part of one, so each folder on the way to a node is entered and its other entries are allowed one by one. Landlock
 * checks the file that is opened in the end, so no race about a path gets around it (security/landlock/fs.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor_internal.h"

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13) /* since ABI 2 */
#endif

enum { CLOSED_MAX = 64 };

/* struct landlock_ruleset_attr and LANDLOCK_SCOPE_SIGNAL of kernel 6.12; a shorter one is accepted by older kernels. */
struct ruleset_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

static const uint64_t scope_signal = 1ULL << 1;

/* The folders of uverbs nodes: infiniband/ in every mounted devtmpfs. */
struct closed {
	char *path[CLOSED_MAX];
	size_t count;
};

struct locking {
	int ruleset;
	uint64_t everywhere, file; /* rights for a folder, and those of them that a file can have */
	struct closed closed;
};

static void closed_free(struct closed *closed)
{
	while (closed->count)
		free(closed->path[--closed->count]);
}

static int closed_add(struct closed *closed, const char *mount_point)
{
	char *path;

	if (closed->count == CLOSED_MAX)
		return -E2BIG;
	if (asprintf(&path, "%s/infiniband", strcmp(mount_point, "/") ? mount_point : "") < 0)
		return -ENOMEM;
	closed->path[closed->count++] = path;
	return 0;
}

/* Replaces "\040" and the like (show_mountinfo() in fs/proc_namespace.c), in place. */
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

/* "36 35 98:0 /root /mount/point options fields - type source options": proc(5). */
static int closed_parse_line(struct closed *closed, char *line)
{
	char *at = line, *mount_point = NULL, *type = strstr(line, " - ");

	if (!type)
		return -EPROTO;
	for (int field = 1; field <= 5 && (at = strtok(field == 1 ? line : NULL, " ")); field++)
		mount_point = at;
	if (!at || strncmp(type + 3, "devtmpfs ", 9))
		return at ? 0 : -EPROTO;
	unescape(mount_point);
	return closed_add(closed, mount_point);
}

static int closed_read(struct closed *closed)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	if (!mounts)
		return -errno;
	/* always: in a container another file system may be mounted there */
	err = closed_add(closed, "/dev");
	while (!err && getline(&line, &size, mounts) >= 0)
		err = closed_parse_line(closed, line);
	if (!err && ferror(mounts))
		err = -EIO;
	free(line);
	fclose(mounts);
	return err;
}

enum place { PLACE_OPEN, PLACE_ON_THE_WAY, PLACE_CLOSED };

static enum place place_of(const struct closed *closed, const char *path)
{
	size_t len = strlen(path);
	enum place place = PLACE_OPEN;

	for (size_t i = 0; i < closed->count; i++) {
		const char *other = closed->path[i];

		if (!strcmp(other, path))
			return PLACE_CLOSED;
		if (!strncmp(other, path, len) && (other[len] == '/' || len == 1))
			place = PLACE_ON_THE_WAY;
	}
	return place;
}

/* A file that has gone, or that no rule can name (EBADFD), stays closed. 0 or -errno. */
static int allow(const struct locking *lock, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights };
	struct stat st;
	long err;

	rule.parent_fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : 0;
	if (fstat(rule.parent_fd, &st) || !S_ISDIR(st.st_mode))
		rule.allowed_access &= lock->file;
	err = rule.allowed_access ? syscall(SYS_landlock_add_rule, lock->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0)
				  : 0;
	err = err && errno == ENOMEM ? -ENOMEM : 0;
	close(rule.parent_fd);
	return (int)err;
}

static int allow_below(const struct locking *lock, const char *folder);

static int allow_entry(const struct locking *lock, const char *folder, const char *name)
{
	char path[PATH_MAX];

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s", strcmp(folder, "/") ? folder : "", name) >= (int)sizeof(path))
		return 0;
	switch (place_of(&lock->closed, path)) {
	case PLACE_OPEN:
		return allow(lock, path, lock->everywhere);
	case PLACE_ON_THE_WAY:
		return allow_below(lock, path);
	case PLACE_CLOSED: /* its other nodes are allowed: rdma_cm, umad */
		return allow_below(lock, path);
	}
	return 0;
}

static bool is_uverbs_name(const char *name)
{
	return !strncmp(name, "uverbs", strlen("uverbs"));
}

static int allow_below(const struct locking *lock, const char *folder)
{
	bool closed = place_of(&lock->closed, folder) == PLACE_CLOSED;
	const struct dirent *entry;
	DIR *dir = opendir(folder);
	int err = 0;

	if (!dir)
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : 0;
	while (!err && (entry = readdir(dir)))
		if (!closed || !is_uverbs_name(entry->d_name))
			err = allow_entry(lock, folder, entry->d_name);
	closedir(dir);
	return err;
}

static int restrict_by(struct locking *lock)
{
	int err = closed_read(&lock->closed);

	/* without it, files could not be moved between folders */
	if (!err && lock->everywhere & LANDLOCK_ACCESS_FS_REFER)
		err = allow(lock, "/", LANDLOCK_ACCESS_FS_REFER);
	if (!err)
		err = allow_below(lock, "/");
	if (!err && syscall(SYS_landlock_restrict_self, lock->ruleset, 0))
		err = -errno;
	closed_free(&lock->closed);
	return err;
}

/* Before ABI 2, Landlock forbids every move between folders: too high a price. */
enum { ABI_WITH_REFER = 2, ABI_WITH_SCOPES = 6 };

static int create_ruleset(const struct locking *lock, long abi)
{
	/* a right that is handled but never allowed: creating device nodes */
	const struct ruleset_attr attr = { .handled_access_fs = lock->everywhere | LANDLOCK_ACCESS_FS_MAKE_CHAR,
					   .scoped = scope_signal };
	size_t size = abi >= ABI_WITH_SCOPES ? sizeof(attr) : sizeof(attr.handled_access_fs);
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);

	return fd < 0 ? -errno : fd;
}

int supervisor_landlock_install(void)
{
	struct locking lock = { .everywhere = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REFER,
				.file = LANDLOCK_ACCESS_FS_WRITE_FILE };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int err;

	if (abi < ABI_WITH_REFER)
		return -EOPNOTSUPP;
	rdma_cm_node_make();
	lock.ruleset = create_ruleset(&lock, abi);
	if (lock.ruleset < 0)
		return lock.ruleset;
	err = restrict_by(&lock);
	close(lock.ruleset);
	return err;
}
