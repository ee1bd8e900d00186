// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The file of guarded processes, as a daemon's successor finds it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watch/kept.h"

static char folder[] = "/tmp/test_kept.XXXXXX", path[64];
static struct kept *kept;

static void begin(void)
{
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/guarded", folder);
	cr_assert_eq(kept_open(path, &kept), 0);
}

static void end(void)
{
	kept_close(kept);
	unlink(path);
	rmdir(folder);
}

TestSuite(kept, .init = begin, .fini = end, .timeout = 60);

static void reopen(void)
{
	kept_close(kept);
	kept = NULL;
	cr_assert_eq(kept_open(path, &kept), 0);
}

static void count(pid_t pid, uint64_t start_time, void *arg)
{
	(void)pid;
	(void)start_time;
	++*(unsigned *)arg;
}

static unsigned counted(void)
{
	unsigned processes = 0;

	kept_each(kept, count, &processes);
	return processes;
}

static void write_at(off_t at, const void *octets, size_t len)
{
	int fd = open(path, O_WRONLY);

	cr_assert(fd >= 0 && pwrite(fd, octets, len, at) == (ssize_t)len);
	close(fd);
}

Test(kept, new_file_has_no_process)
{
	struct stat st;

	cr_expect_eq(counted(), 0);
	cr_expect_not(kept_is_incomplete(kept));
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0600);
	cr_expect_eq(st.st_blocks * 512 >= st.st_size, true, "a full file system cannot stop the daemon later");
}

Test(kept, successor_finds_processes)
{
	kept_add(kept, 17, 1000);
	kept_add(kept, 18, 2000);
	reopen();
	cr_expect(kept_has(kept, 17, 1000) && kept_has(kept, 18, 2000));
	cr_expect_not(kept_has(kept, 17, 1001), "a later process with this number");
	cr_expect_eq(counted(), 2);
}

/* SIGKILL leaves no time for anything. */
Test(kept, survives_kill)
{
	pid_t child = fork();

	if (!child) {
		kept_add(kept, 19, 3000);
		raise(SIGKILL);
	}
	cr_assert_eq(waitpid(child, NULL, 0), child);
	reopen();
	cr_expect(kept_has(kept, 19, 3000));
}

Test(kept, removed_process_is_not_found)
{
	kept_add(kept, 17, 1000);
	kept_remove(kept, 17, 999);
	cr_expect(kept_has(kept, 17, 1000), "another process's end");
	kept_remove(kept, 17, 1000);
	reopen();
	cr_expect_not(kept_has(kept, 17, 1000));
}

Test(kept, later_process_replaces_one_of_same_number)
{
	kept_add(kept, 17, 1000);
	kept_add(kept, 17, 5000);
	reopen();
	cr_expect(kept_has(kept, 17, 5000) && !kept_has(kept, 17, 1000));
	cr_expect_eq(counted(), 1);
}

Test(kept, full_file_is_incomplete)
{
	for (int pid = 1; pid <= KEPT_PROCESSES_MAX; pid++)
		kept_add(kept, pid, 1);
	cr_expect_not(kept_is_incomplete(kept));
	kept_add(kept, KEPT_PROCESSES_MAX + 1, 1);
	reopen();
	cr_expect(kept_is_incomplete(kept));
	kept_remove(kept, 1, 1);
	kept_add(kept, KEPT_PROCESSES_MAX + 1, 1);
	cr_expect(kept_has(kept, KEPT_PROCESSES_MAX + 1, 1), "an empty slot is used again");
	kept_complete(kept);
	cr_expect_not(kept_is_incomplete(kept));
}

Test(kept, other_boots_processes_are_discarded)
{
	kept_add(kept, 17, 1000);
	write_at(8, "another", 8);
	reopen();
	cr_expect_eq(counted(), 0);
	cr_expect_not(kept_is_incomplete(kept));
}

static const struct {
	const char *name;
	off_t at;
	const char *octets;
	size_t len;
} invalid[] = {
	{ "another version", 0, "\x7f", 1 },
	{ "a flag that is none", 4, "\x02", 1 },
	{ "a number that is none", 16 + 8, "\xff\xff\xff\xff", 4 },
	{ "reserved octets", 16 + 8, "\x01\x00\x00\x00\x01", 5 },
};

Test(kept, invalid_content_is_incomplete)
{
	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
		unlink(path);
		reopen();
		write_at(invalid[i].at, invalid[i].octets, invalid[i].len);
		reopen();
		cr_expect(kept_is_incomplete(kept), "%s", invalid[i].name);
		cr_expect_eq(counted(), 0, "%s", invalid[i].name);
	}
}

Test(kept, file_that_was_cut_short_is_extended)
{
	kept_add(kept, 17, 1000);
	cr_assert_eq(truncate(path, 4096), 0);
	reopen();
	kept_add(kept, 60000, 1);
	cr_expect(kept_has(kept, 60000, 1));
}

Test(kept, refuses_links_and_other_files)
{
	struct kept *other = NULL;
	char name[80];

	snprintf(name, sizeof(name), "%s/other", folder);
	cr_assert_eq(symlink(path, name), 0);
	cr_expect_eq(kept_open(name, &other), -ELOOP);
	unlink(name);
	cr_assert_eq(link(path, name), 0);
	cr_expect_eq(kept_open(path, &other), -EPERM, "a second name");
	unlink(name);
	cr_assert_eq(mkfifo(name, 0600), 0);
	cr_expect_eq(kept_open(name, &other), -EPERM, "a pipe");
	unlink(name);
}
