// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Finds the file that a program would open, below the root of the program.
 *
 * The kernel resolves most paths (look_up()). It does not follow the magic links of procfs below another root, and
 * "self" would be this process. Those paths are walked here, one component at a time, as fs/namei.c does: /proc/self
 * is the program, and a magic link (fd/N, root, cwd) leads to the file itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "place.h"
#include "process/status.h"

enum { LINKS_MAX = 40 /* MAXSYMLINKS in linux/namei.h */, PROC_ROOT_INODE = 1 /* fs/proc/root.c */ };

struct walk {
	pid_t tid, pid;
	int root, at; /* O_PATH; `at` is owned */
	unsigned int links;
	/* Below the supervisor's /proc/PID instead of the program's /proc/self: ".." would leave it elsewhere. */
	bool in_own_proc;
	bool follow;
	char rest[2 * PATH_MAX]; /* the components that are left */
};

static int open_by_kernel(int folder, const char *path, bool follow, uint64_t resolve, int *out_fd)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW), .resolve = resolve };
	int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));

	if (fd < 0)
		return -errno;
	*out_fd = fd;
	return 0;
}

/* Without synchronisation: a hostile file system could delay it. */
static int describe(int fd, struct statx *out)
{
	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO | STATX_MNT_ID, out) ? -errno
													     : 0;
}

static bool is_same_place(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
	       a->stx_dev_minor == b->stx_dev_minor && a->stx_mnt_id == b->stx_mnt_id;
}

static bool is_proc(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

/* ---- one step ---- */

static void move_to(struct walk *walk, int fd)
{
	close(walk->at);
	walk->at = fd;
}

static int move_to_root(struct walk *walk)
{
	int fd = fcntl(walk->root, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	move_to(walk, fd);
	walk->in_own_proc = false;
	return 0;
}

static int move_up(struct walk *walk)
{
	struct statx here, root;
	int fd, err = describe(walk->at, &here);

	if (!err)
		err = describe(walk->root, &root);
	if (err || is_same_place(&here, &root))
		return err;
	if (walk->in_own_proc)
		return -EPERM;
	fd = openat(walk->at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	move_to(walk, fd);
	return 0;
}

/* Whatever pid namespace the mount of procfs shows, "self" in it is the program, or does not exist. */
static int move_to_own_proc(struct walk *walk, bool of_thread)
{
	char path[64];
	int fd;

	if (of_thread)
		snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)walk->pid, (int)walk->tid);
	else
		snprintf(path, sizeof(path), "/proc/%d", (int)walk->pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	move_to(walk, fd);
	walk->in_own_proc = true;
	return 0;
}

/* Puts a link's text before the rest of the path. */
static int insert_link(struct walk *walk, int link)
{
	char text[PATH_MAX];
	ssize_t len = readlinkat(link, "", text, sizeof(text));
	size_t left = strlen(walk->rest);

	if (len < 0)
		return -errno;
	if (!len || (size_t)len == sizeof(text))
		return len ? -ENAMETOOLONG : -ENOENT;
	if ((size_t)len + 1 + left >= sizeof(walk->rest))
		return -ENAMETOOLONG;
	memmove(walk->rest + len + 1, walk->rest, left + 1);
	memcpy(walk->rest, text, (size_t)len);
	/* a trailing slash would demand a folder */
	if (left)
		walk->rest[len] = '/';
	else
		walk->rest[len] = '\0';
	return text[0] == '/' ? move_to_root(walk) : 0;
}

static int follow_link(struct walk *walk, const char *name, int link)
{
	struct statx here;
	int fd = -1, err;

	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	if (!is_proc(link))
		return insert_link(walk, link);
	err = describe(walk->at, &here);
	if (!err && here.stx_ino == PROC_ROOT_INODE && (!strcmp(name, "self") || !strcmp(name, "thread-self")))
		return move_to_own_proc(walk, name[0] == 't');
	if (!err)
		err = open_by_kernel(walk->at, name, true, RESOLVE_NO_MAGICLINKS, &fd);
	if (!err)
		close(fd);
	if (err != -ELOOP)
		return err && err != -ENOENT ? err : insert_link(walk, link);
	fd = openat(walk->at, name, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	move_to(walk, fd);
	walk->in_own_proc = false;
	return 0;
}

static int move_down(struct walk *walk, const char *name, bool is_last)
{
	struct statx there;
	int err, fd = openat(walk->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	err = describe(fd, &there);
	if (!err && S_ISLNK(there.stx_mode) && (!is_last || walk->follow)) {
		err = follow_link(walk, name, fd);
		close(fd);
		return err;
	}
	if (err)
		close(fd);
	else
		move_to(walk, fd);
	return err;
}

/* ---- the walk ---- */

/* Takes the next component off the rest. False: none is left. `is_last`: nothing follows, not even a slash. */
static bool take_component(struct walk *walk, char name[NAME_MAX + 2], bool *is_last)
{
	const char *start = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(start, "/");

	if (!len)
		return false;
	snprintf(name, NAME_MAX + 2, "%.*s", (int)(len > NAME_MAX ? NAME_MAX + 1 : len), start);
	*is_last = !start[len];
	memmove(walk->rest, start + len, strlen(start + len) + 1);
	return true;
}

static int walk_on(struct walk *walk)
{
	char name[NAME_MAX + 2]; /* one octet too long is too long for the kernel as well */
	bool is_last = true;
	int err = 0;

	while (!err && take_component(walk, name, &is_last)) {
		if (!strcmp(name, ".."))
			err = move_up(walk);
		else if (strcmp(name, "."))
			err = move_down(walk, name, is_last);
	}
	if (!err && !is_last && strspn(walk->rest, "/")) {
		struct statx st;

		err = describe(walk->at, &st);
		if (!err && !S_ISDIR(st.stx_mode))
			err = -ENOTDIR;
	}
	return err;
}

static int walk_from(const struct target *target, int root, int base, const char *path, bool follow, int *out_fd)
{
	struct walk walk = { .tid = target->tid, .pid = target->pid, .root = root, .follow = follow };
	int err = 0;

	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(walk.rest, path);
	walk.at = fcntl(path[0] == '/' ? root : base, F_DUPFD_CLOEXEC, 0);
	if (walk.at < 0)
		return -errno;
	err = walk_on(&walk);
	if (err)
		close(walk.at);
	else
		*out_fd = walk.at;
	return err;
}

/* ---- beginnings ---- */

struct beginning {
	struct target target;
	int root, base; /* base: -1 for an absolute path */
	const char *path;
	bool follow;
};

static int open_link(pid_t tid, const char *name, int *out_fd)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/%d/%s", (int)tid, name);
	*out_fd = open(link, O_PATH | O_CLOEXEC);
	return *out_fd < 0 ? -errno : 0;
}

static int open_beginning(struct beginning *begin, int dirfd)
{
	char name[32] = "cwd";
	int err = open_link(begin->target.tid, "root", &begin->root);

	begin->base = -1;
	if (err || begin->path[0] == '/')
		return err;
	if (dirfd != AT_FDCWD)
		snprintf(name, sizeof(name), "fd/%d", dirfd);
	err = open_link(begin->target.tid, name, &begin->base);
	if (err)
		close(begin->root);
	return err;
}

/* Not beyond the root, nor above the folder where the path begins, nor by magic links: -EXDEV. */
static int look_up(const struct beginning *begin, int *out_fd)
{
	if (begin->base < 0)
		return open_by_kernel(begin->root, begin->path, begin->follow, RESOLVE_IN_ROOT, out_fd);
	return open_by_kernel(begin->base, begin->path, begin->follow, RESOLVE_BENEATH, out_fd);
}

static int walk(const void *arg)
{
	const struct beginning *begin = arg;
	int fd, err = walk_from(&begin->target, begin->root, begin->base, begin->path, begin->follow, &fd);

	return err ? err : fd;
}

/* Fills in the pid that "self" means. */
static int complete_target(struct target *target)
{
	uint64_t pid;
	int err;

	if (target->pid)
		return 0;
	err = process_status_numbers(target->tid, "Tgid", 10, &pid, 1);
	if (!err)
		target->pid = (pid_t)pid;
	return err;
}

/*
 * Every error of the short way is checked by the long one: "self" does not exist for this process below procfs of
 * another pid namespace. What is closed to this process may be open to the program: a file system in user space, or a
 * folder of its user.
 */
static int find(struct beginning *begin, int *out_fd)
{
	int fd, err = begin->path[0] ? look_up(begin, out_fd) : -ENOENT;

	if (!err)
		return 0;
	err = complete_target(&begin->target);
	if (err)
		return err;
	fd = walk(begin);
	if (fd == -EACCES)
		fd = place_do_as(&begin->target, walk, begin);
	if (fd < 0)
		return fd;
	*out_fd = fd;
	return 0;
}

int place_find(const struct target *target, int dirfd, const char *path, bool follow, int *out_fd)
{
	struct beginning begin = { .target = *target, .path = path, .follow = follow };
	int err = open_beginning(&begin, dirfd);

	if (err)
		return err;
	err = find(&begin, out_fd);
	close(begin.root);
	if (begin.base >= 0)
		close(begin.base);
	return err;
}
