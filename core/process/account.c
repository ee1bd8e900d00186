// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "process/account.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/text.h"

/* Namespaces are nested at most 32 deep (create_user_ns() in kernel/user_namespace.c). */
enum { NESTED_MAX = 33 };

/* Apart from every uid. */
static const uint64_t a_namespace = UINT64_C(1) << 32;

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool fd_is(int fd, const struct stat *own)
{
	struct stat st;

	return !fstat(fd, &st) && is_same(&st, own);
}

/* The outermost namespace below the caller's; takes over `fd`. Returns an fd, or -1 if it is not below. */
static int outermost(int fd, const struct stat *own)
{
	for (int i = 0; i < NESTED_MAX && fd >= 0; i++) {
		int parent = ioctl(fd, NS_GET_PARENT);

		if (parent >= 0 && fd_is(parent, own)) {
			close(parent);
			return fd;
		}
		close(fd);
		fd = parent;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static uint64_t account_of_namespace(int fd, uid_t uid)
{
	struct stat st;
	uid_t owner;

	if (ioctl(fd, NS_GET_OWNER_UID, &owner) || fstat(fd, &st))
		return uid;
	return owner ? owner : a_namespace + st.st_ino;
}

uint64_t process_account_of_namespace(int ns_fd)
{
	struct stat own;
	uint64_t account = 0;
	int fd = ioctl(ns_fd, NS_GET_USERNS);

	if (fd < 0)
		return 0;
	if (stat("/proc/self/ns/user", &own) || fd_is(fd, &own)) {
		close(fd);
		return 0;
	}
	fd = outermost(fd, &own);
	if (fd < 0)
		return 0;
	account = account_of_namespace(fd, 0);
	close(fd);
	return account;
}

uint64_t process_account(int proc_dir, uid_t uid)
{
	struct stat own, theirs;
	uint64_t account;
	int fd;

	if (stat("/proc/self/ns/user", &own) || fstatat(proc_dir, "ns/user", &theirs, 0) || is_same(&own, &theirs))
		return uid;
	fd = openat(proc_dir, "ns/user", O_RDONLY | O_CLOEXEC);
	fd = fd < 0 ? fd : outermost(fd, &own);
	if (fd < 0)
		return uid;
	account = account_of_namespace(fd, uid);
	close(fd);
	return account;
}

uint64_t process_account_of(pid_t pid, uid_t uid)
{
	char path[32];
	uint64_t account;
	int dir;

	text_format(path, sizeof(path), "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return uid;
	account = process_account(dir, uid);
	close(dir);
	return account;
}
