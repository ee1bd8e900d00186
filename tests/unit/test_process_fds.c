// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Doors and uverbs fds of other processes: children of the test, with a /sys in which /dev/null is a uverbs device. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "child_fixture.h"
#include "process/process.h"
#include "skip.h"
#include "util/text.h"

enum { A_NUMBER = 100 };

static char folder[64];

static const char *inside(const char *name)
{
	static char path[4][192];
	static size_t i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", folder, name);
	return path[i];
}

/* Creates in `folder` device files and a sysfs where 1:3 is uverbs0 and 1:5 is not a uverbs device. */
static void folder_make(void)
{
	snprintf(folder, sizeof(folder), "/tmp/rdmasec-process-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(mkdir(inside("dev"), 0755), 0);
	cr_assert_eq(mkdir(inside("dev/char"), 0755), 0);
	cr_assert_eq(symlink("../../devices/virtual/infiniband_verbs/uverbs0", inside("dev/char/1:3")), 0);
	cr_assert_eq(symlink("../../devices/virtual/mem/zero", inside("dev/char/1:5")), 0);
}

static void file_make(const char *name)
{
	int fd = open(inside(name), O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, 4096), 0);
	close(fd);
}

static void folder_remove(void)
{
	static const char *const names[] = { "dev/char/1:3", "dev/char/1:5", "dev/char", "dev",  "uverbs0",
					     "uverbs1",      "uverbs2",      "null",     "door", "" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(inside(names[i]));
}

TestSuite(guarded, .init = folder_make, .fini = folder_remove);

static void map_file(void *name)
{
	int fd = open(inside(name), O_RDONLY);

	if (fd < 0 || mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		_exit(1);
	close(fd);
}

static void map_and_unlink(void *name)
{
	map_file(name);
	unlink(inside(name));
}

static bool child_is_guarded(const char *name, void (*prepare)(void *name))
{
	char buffer[64];
	bool guarded;
	pid_t pid;

	text_copy(buffer, sizeof(buffer), name);
	file_make(name);
	pid = child_start(prepare, buffer);
	cr_assert_eq(process_is_guarded(pid, &guarded), 0);
	child_end(pid);
	remove(inside(name));
	return guarded;
}

Test(guarded, detects_door_by_mapped_file_name)
{
	static const struct {
		const char *name;
		bool guarded;
	} rows[] = {
		{ "librdmasec-preload.so", true },      { "librdmasec-rdmav34.so", true },
		{ "librdmasec-preload.so.1", true },    { "librdmasec", false },
		{ "xlibrdmasec-preload.so", false },    { "librdmacm.so.1", false },
		{ "not librdmasec-preload.so", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(child_is_guarded(rows[i].name, map_file), rows[i].guarded, "%s", rows[i].name);
		cr_expect_eq(child_is_guarded(rows[i].name, map_and_unlink), rows[i].guarded, "%s", rows[i].name);
	}
}

Test(guarded, process_without_door_is_unguarded)
{
	pid_t pid = child_start(NULL, NULL);
	bool guarded = true;

	cr_assert_eq(process_is_guarded(getpid(), &guarded), 0);
	cr_expect_not(guarded);
	child_end(pid);
	guarded = true;
	cr_expect_eq(process_is_guarded(pid, &guarded), -ESRCH);
	cr_expect(guarded, "an error changes no output");
}

struct found {
	int count, number, err;
	pid_t pid;
	dev_t rdev;
};

static int note_found(void *context, const struct process *process, int number, int fd, dev_t rdev)
{
	struct found *found = context;
	struct stat st;

	cr_expect_eq(fstat(fd, &st), 0);
	cr_expect_eq(st.st_rdev, rdev);
	found->count++;
	found->number = number;
	found->pid = process->pid;
	found->rdev = rdev;
	return found->err;
}

/*
 * uverbs0 is a uverbs device; uverbs1 is another device of that name; uverbs2 is a regular file; null is a uverbs
 * device opened in one direction only, as no verbs program does.
 */
static void open_devices(void *argument)
{
	(void)argument;
	if (open(inside("uverbs1"), O_RDWR) < 0 || open(inside("uverbs2"), O_RDWR) < 0 ||
	    open(inside("null"), O_RDONLY) < 0 || dup2(open(inside("uverbs0"), O_RDWR), A_NUMBER) < 0)
		_exit(1);
	close(A_NUMBER - 1);
}

static void devices_make(void)
{
	if (mknod(inside("uverbs0"), S_IFCHR | 0600, makedev(1, 3)) ||
	    mknod(inside("uverbs1"), S_IFCHR | 0600, makedev(1, 5)) ||
	    mknod(inside("null"), S_IFCHR | 0600, makedev(1, 3)))
		skip_test("cannot create device files here");
	file_make("uverbs2");
}

/* dup2() leaves a second fd; closing the first one keeps exactly one. */
static void open_one_device(void *argument)
{
	int fd;

	open_devices(argument);
	for (fd = 3; fd < A_NUMBER; fd++) {
		char path[32], target[256];
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		if (!strcmp(target, inside("uverbs0")))
			close(fd);
	}
}

Test(guarded, recognizes_uverbs_fd_by_device_number)
{
	struct found found = { 0 };
	struct process process;
	pid_t pid;

	devices_make();
	pid = child_start(open_one_device, NULL);
	cr_assert_eq(process_open(pid, &process), 0);
	cr_assert_eq(process_uverbs_fds(folder, &process, note_found, &found), 0);
	cr_expect_eq(found.count, 1);
	cr_expect_eq(found.number, A_NUMBER);
	cr_expect_eq(found.pid, pid);
	cr_expect_eq(found.rdev, makedev(1, 3));
	found = (struct found){ .err = -ENOANO };
	cr_expect_eq(process_uverbs_fds(folder, &process, note_found, &found), -ENOANO,
		     "the callback's error is returned");
	child_end(pid);
	found = (struct found){ 0 };
	cr_expect_eq(process_uverbs_fds(folder, &process, note_found, &found), -ESRCH);
	cr_expect_eq(found.count, 0);
	process_close(&process);
}

static void map_and_open(void *name)
{
	map_file(name);
	open_one_device(NULL);
}

/* In a container, process 1 may belong to the host and be inaccessible. */
static void expect_scan(struct found *found)
{
	int err = process_scan(folder, NULL, note_found, found);

	cr_expect(!err || err == -EACCES || err == -EPERM, "%d", err);
}

Test(guarded, scan_finds_guarded_processes)
{
	static char door[] = "librdmasec-preload.so";
	struct found found = { 0 };
	pid_t guarded, bare;

	devices_make();
	file_make(door);
	bare = child_start(open_one_device, NULL);
	expect_scan(&found);
	cr_expect_eq(found.count, 0);
	guarded = child_start(map_and_open, door);
	expect_scan(&found);
	cr_expect_eq(found.count, 1);
	cr_expect_eq(found.pid, guarded);
	cr_expect_eq(found.number, A_NUMBER);
	found = (struct found){ .err = -ENOANO };
	cr_expect_eq(process_scan(folder, NULL, note_found, &found), -ENOANO, "the callback's error is returned");
	child_end(guarded);
	child_end(bare);
	remove(inside(door));
}
