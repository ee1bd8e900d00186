// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Searches of one process, and scans of all, for open files of RDMA devices. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "foreign_fixture.h"
#include "skip.h"

/* ---- searching one process ---- */

static struct {
	unsigned calls;
	int number;
	pid_t thread;
	int result;
} seen;

static int note(void *context, const struct process *process, const struct foreign_found *found)
{
	struct foreign_file file;

	cr_expect_eq(context, &seen);
	cr_expect_eq(process, &self);
	cr_expect_eq(found->file.rdev, makedev(1, 7));
	seen.calls++;
	seen.number = found->number;
	seen.thread = found->file.thread;
	/* another helper answers meanwhile */
	cr_expect_eq(foreign_take(foreign, &self, HELD, &file), 0);
	foreign_close_device(foreign, file.fd);
	return seen.result;
}

/* The device full(4), which has no node in the folder, as one that is being removed. */
static int search(void)
{
	return foreign_search(foreign, &self, makedev(1, 7), note, &seen);
}

Test(foreign, finds_each_file_of_a_device, .init = start, .fini = stop)
{
	int first = open("/dev/full", O_RDWR);

	cr_expect_eq(search(), 0);
	cr_expect_eq(seen.calls, 1);
	cr_expect_eq(seen.number, first);
	cr_expect_eq(seen.thread, 0);
	dup(first);
	cr_expect_eq(search(), 0);
	cr_expect_eq(seen.calls, 3);
}

Test(foreign, ends_a_search_that_has_found_what_it_was_for, .init = start, .fini = stop)
{
	int first = open("/dev/full", O_RDWR);

	dup(first);
	seen.result = 1;
	cr_expect_eq(search(), 1);
	cr_expect_eq(seen.calls, 1);
	cr_expect_eq(search(), 1, "the helper serves on");
	cr_expect_eq(foreign_stuck(foreign), 0);
}

Test(foreign, gives_up_a_search_that_hangs, .init = start, .fini = stop)
{
	cr_assert_eq(search(), 0);
	stop_helper(FOREIGN_SEARCHER);
	cr_expect_eq(search(), -ETIMEDOUT);
	cr_expect(foreign_hangs(foreign, ACCOUNT));
	cr_expect_not(foreign_hangs(foreign, OTHER_ACCOUNT));
	cr_expect_eq(search(), -EBUSY);
	cr_expect_eq(take(OTHER_ACCOUNT, HELD), 0);
}

/* ---- scanning ---- */

/* The files of this process that a scan found. It is not guarded. */
struct scanned {
	unsigned null, full, of_thread;
};

static void note_scanned(const struct foreign_found *found, struct scanned *out)
{
	if (found->pid != getpid())
		return;
	cr_expect_not(found->is_guarded);
	out->null += found->file.rdev == makedev(1, 3);
	out->full += found->file.rdev == makedev(1, 7);
	out->of_thread += found->number == HELD && found->file.thread != 0;
}

static struct scanned scan(bool is_everything)
{
	const struct foreign_scope scope = { .is_everything = is_everything,
					     .device_count = 1,
					     .devices = { makedev(1, 7) } };
	struct foreign_found found;
	struct scanned scanned = { 0 };
	int err, scan_err;

	cr_assert_eq(foreign_scan_start(foreign, &scope), 0);
	while ((err = foreign_scan_next(foreign, &found, &scan_err)) != -ENOENT) {
		if (err) {
			/* a process of this host may stop the helper */
			if (!poll(&(struct pollfd){ .fd = foreign_scan_fd(foreign), .events = POLLIN }, 1, 1000))
				(void)foreign_scan_check(foreign);
			continue;
		}
		note_scanned(&found, &scanned);
		foreign_close_device(foreign, found.file.fd);
	}
	/* other processes of the host may be closed to us, and not show whether they are guarded */
	cr_expect(!is_everything || !scan_err, "%d", scan_err);
	return scanned;
}

Test(foreign, scans_unguarded_processes_only_when_asked, .init = start, .fini = stop)
{
	struct scanned scanned;

	cr_assert_geq(open("/dev/full", O_RDWR), 0);
	scanned = scan(false);
	cr_expect_eq(scanned.null + scanned.full, 0);
	scanned = scan(true);
	cr_expect_geq(scanned.null, 1, "by its node");
	cr_expect_eq(scanned.full, 1, "by its number: it has no node");
}

Test(foreign, scans_tables_of_threads, .init = start, .fini = stop)
{
	if (!threads_can_be_asked())
		skip_test("before kernel 6.9");
	close(leave_to_thread());
	cr_expect_eq(scan(true).of_thread, 1);
}
