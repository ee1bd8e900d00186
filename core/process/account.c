// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "process/account.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/small_file.h"
#include "util/text.h"

/* ---- of a namespace ---- */

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

/* ---- of a process ---- */

enum { MAP_MAX = 64, SUBORDINATE_COUNT = 65536 };

/* The first line of a user namespace's map: ids inside, ids outside, how many. */
struct map {
	uint64_t inside, outside, count;
};

/* False: there is none. */
static bool read_map(const char *path, struct map *out)
{
	char text[MAP_MAX];

	/* the text is longer where a map has several lines: the rest does not matter */
	return small_file_read(AT_FDCWD, path, text, sizeof(text)) > 0 &&
	       sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &out->inside, &out->outside, &out->count) == 3;
}

static uint64_t account_of_id(uint64_t id)
{
	if (id == 0)
		return a_namespace;
	if (id < ACCOUNT_SUBORDINATE_MIN)
		return id;
	return a_namespace + 1 + (id - ACCOUNT_SUBORDINATE_MIN) / SUBORDINATE_COUNT;
}

/* Read once: a map is written once (user_namespaces(7)), and this process stays in its namespace. */
static const struct map *own_map(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct map map;
	static bool known;

	pthread_mutex_lock(&lock);
	known = known || read_map("/proc/self/uid_map", &map);
	pthread_mutex_unlock(&lock);
	return known ? &map : NULL;
}

uint64_t process_account_of(pid_t pid, uid_t uid)
{
	const struct map *own = own_map();
	struct map map;
	char path[32];

	text_format(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	if (!own || !read_map(path, &map))
		return uid;
	if (map.inside == own->inside && map.outside == own->outside && map.count == own->count)
		return uid;
	return account_of_id(map.outside);
}
