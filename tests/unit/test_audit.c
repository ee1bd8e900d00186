// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The audit log: lines are complete and losses are counted, even if the file is moved, truncated or full. */
#include "engine/audit.h"

#include <dirent.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record_fixture.h"

/* The folder of the test's files. */
static char folder[64], path[96];

static void enter(void)
{
	strcpy(folder, "/tmp/rdmasec-audit-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_lt(snprintf(path, sizeof(path), "%s/audit.log", folder), (int)sizeof(path));
	signal(SIGXFSZ, SIG_IGN);
}

static void leave(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(folder);
}

TestSuite(audit, .init = enter, .fini = leave, .timeout = 60);

static struct audit *opened(void)
{
	struct audit *audit = NULL;

	cr_assert_eq(audit_open(path, &audit), 0);
	return audit;
}

static void write_number(struct audit *audit, int pid)
{
	struct wire_record record = full_record();

	record.pid = pid;
	audit_write(audit, &record);
}

/* Reads the lines of the file in order: a record's pid, or minus the number of lost records. -1: no such file. */
enum { LINES_MAX = 4096 };
static int read_whole_lines(const char *name, int64_t lines[LINES_MAX], bool last_may_be_cut)
{
	FILE *file = fopen(name, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int count = 0;

	if (!file)
		return -1;
	while ((len = getline(&line, &room, file)) > 0) {
		json_object *object, *value;

		if (last_may_be_cut && line[len - 1] != '\n')
			break;
		cr_assert_eq(line[len - 1], '\n', "line %d has no end: %s", count, line);
		object = json_tokener_parse(line);
		cr_assert_not_null(object, "line %d is torn: %s", count, line);
		cr_assert_lt(count, LINES_MAX);
		if (json_object_object_get_ex(object, "count", &value))
			lines[count++] = -json_object_get_int64(value);
		else
			lines[count++] = json_object_get_int64(json_object_object_get(object, "pid"));
		json_object_put(object);
	}
	free(line);
	fclose(file);
	return count;
}

static int read_lines(const char *name, int64_t lines[LINES_MAX])
{
	return read_whole_lines(name, lines, false);
}

/* The records and the reported losses together are all written records, in order. */
static void expect_complete(const int64_t *lines, int count, int written, uint64_t lost)
{
	int64_t next = 1;
	uint64_t reported = 0;

	for (int i = 0; i < count; i++) {
		if (lines[i] < 0) {
			reported += (uint64_t)-lines[i];
			next += -lines[i];
			continue;
		}
		cr_expect_eq(lines[i], next, "line %d: %lld, not %lld", i, (long long)lines[i], (long long)next);
		next = lines[i] + 1;
	}
	cr_expect_eq(next, written + 1, "%lld of %d", (long long)next - 1, written);
	cr_expect_eq(reported, lost);
}

/* RLIMIT_FSIZE simulates a full disk: a write up to the limit is short, a write beyond it fails. */
static void limit_files(rlim_t size)
{
	const struct rlimit limit = { size, RLIM_INFINITY };

	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static off_t file_size(void)
{
	struct stat st;

	return stat(path, &st) ? -1 : st.st_size;
}

Test(audit, writes_one_line_per_record)
{
	struct audit *audit;
	int64_t lines[LINES_MAX];
	struct stat st;

	umask(0);
	audit = opened();
	for (int i = 1; i <= 3; i++)
		write_number(audit, i);
	cr_expect_eq(file_size(), 0, "the record waits for the flush");
	cr_expect_eq(audit_flush(audit), 0);
	cr_expect_eq(read_lines(path, lines), 3);
	expect_complete(lines, 3, 3, 0);
	cr_expect(!stat(path, &st) && (st.st_mode & 07777) == 0640, "mode %o", st.st_mode);
	write_number(audit, 4);
	audit_close(audit);
	cr_expect_eq(read_lines(path, lines), 4, "waiting records are written when the log closes");
	/* the next writer appends to the file */
	audit = opened();
	write_number(audit, 5);
	audit_close(audit);
	cr_expect_eq(read_lines(path, lines), 5);
	expect_complete(lines, 5, 5, 0);
	audit_close(NULL);
	expect_no_leak();
}

Test(audit, flushes_full_buffer)
{
	struct audit *audit = opened();
	int64_t lines[LINES_MAX];
	int written = 2 * AUDIT_BUFFER_SIZE / 400;

	for (int i = 1; i <= written; i++)
		write_number(audit, i);
	cr_expect_gt(file_size(), AUDIT_BUFFER_SIZE / 2);
	cr_expect_eq(audit_lost(audit), 0);
	audit_close(audit);
	expect_complete(lines, read_lines(path, lines), written, 0);
	expect_no_leak();
}

Test(audit, reopens_moved_file)
{
	struct audit *audit = opened();
	int64_t lines[LINES_MAX];
	char moved[128];

	snprintf(moved, sizeof(moved), "%s.1", path);
	write_number(audit, 1);
	cr_expect_eq(audit_flush(audit), 0);
	write_number(audit, 2);
	cr_assert_eq(rename(path, moved), 0);
	cr_expect_eq(audit_flush(audit), 0);
	cr_expect_eq(read_lines(moved, lines), 1);
	cr_expect_eq(read_lines(path, lines), 1, "a new file is created");
	cr_expect_eq(lines[0], 2);
	/* like logrotate's `create`: another file of the same name */
	cr_assert_eq(rename(path, moved), 0);
	close(open(path, O_CREAT | O_WRONLY, 0640));
	write_number(audit, 3);
	cr_expect_eq(audit_flush(audit), 0);
	cr_expect_eq(read_lines(path, lines), 1);
	cr_expect_eq(lines[0], 3);
	audit_close(audit);
	expect_no_leak();
}

Test(audit, keeps_records_when_file_cannot_be_created)
{
	struct audit *audit = opened();
	int64_t lines[LINES_MAX];
	char moved[128];

	snprintf(moved, sizeof(moved), "%s.1", path);
	cr_assert_eq(rename(path, moved), 0);
	cr_assert_eq(symlink("/dev/null", path), 0);
	write_number(audit, 1);
	cr_expect_eq(audit_flush(audit), -ELOOP, "the error is reported");
	cr_expect_eq(read_lines(moved, lines), 1, "no record is lost");
	cr_expect_eq(audit_lost(audit), 0);
	/* also if the full buffer causes the flush */
	for (int i = 2; i <= 2000; i++)
		write_number(audit, i);
	cr_expect_eq(audit_lost(audit), 0);
	audit_close(audit);
	expect_complete(lines, read_lines(moved, lines), 2000, 0);
	expect_no_leak();
}

/* For every disk size up to a few lines. */
Test(audit, completes_lines_after_full_disk)
{
	for (rlim_t size = 0; size < 1500; size += 7) {
		struct audit *audit = opened();
		int64_t lines[LINES_MAX];

		limit_files(size);
		for (int i = 1; i <= 5; i++)
			write_number(audit, i);
		cr_expect_lt(audit_flush(audit), 0, "size %lu", size);
		cr_expect_eq(file_size(), (off_t)size);
		cr_expect_lt(read_whole_lines(path, lines, true), 5);
		/* with a little more room, writing continues within a line */
		limit_files(size + 5);
		write_number(audit, 6);
		cr_expect_lt(audit_flush(audit), 0);
		cr_expect_eq(file_size(), (off_t)size + 5);
		limit_files(RLIM_INFINITY);
		cr_expect_eq(audit_flush(audit), 0);
		expect_complete(lines, read_lines(path, lines), 6, 0);
		cr_expect_eq(audit_lost(audit), 0, "the buffer kept the records");
		audit_close(audit);
		cr_assert_eq(unlink(path), 0);
	}
	expect_no_leak();
}

/* The log is moved, emptied or truncated after half a line. The new content has the complete line. */
Test(audit, rewrites_line_after_rotation_on_full_disk)
{
	enum { MOVED, EMPTIED, CUT, HOW_COUNT };

	for (int how = MOVED; how < HOW_COUNT; how++) {
		struct audit *audit = opened();
		int64_t lines[LINES_MAX];
		char moved[128];
		int count;

		snprintf(moved, sizeof(moved), "%s.%d", path, how);
		limit_files(600);
		for (int i = 1; i <= 3; i++)
			write_number(audit, i);
		cr_expect_lt(audit_flush(audit), 0);
		cr_assert_eq(read_whole_lines(path, lines, true), 1, "one line is complete, one is truncated");
		limit_files(RLIM_INFINITY);
		cr_assert_eq(how == MOVED ? rename(path, moved) : truncate(path, how == CUT ? 550 : 0), 0);
		cr_expect_eq(audit_flush(audit), 0);
		if (how == CUT) {
			char *line = NULL;
			size_t room = 0;
			FILE *file = fopen(path, "re");

			/* the second line is the ended fragment */
			for (count = 0; getline(&line, &room, file) > 0; count++)
				cr_expect_eq(count == 1, !strstr(line, "}\n"), "line %d: %s", count, line);
			cr_expect_eq(count, 4);
			free(line);
			fclose(file);
		} else {
			cr_expect_eq(read_lines(path, lines), 2, "case %d", how);
			cr_expect(lines[0] == 2 && lines[1] == 3);
		}
		audit_close(audit);
		cr_assert_eq(unlink(path), 0);
	}
	expect_no_leak();
}

Test(audit, reports_losses_in_order)
{
	struct audit *audit = opened();
	int64_t lines[LINES_MAX];
	int written = 3 * AUDIT_BUFFER_SIZE / 400, count;
	uint64_t lost;

	limit_files(1000);
	for (int i = 1; i <= written; i++)
		write_number(audit, i);
	lost = audit_lost(audit);
	cr_expect_gt(lost, 0);
	cr_expect_lt(lost, (uint64_t)written);
	cr_expect_lt(audit_flush(audit), 0);
	cr_expect_eq(audit_lost(audit), lost);
	limit_files(RLIM_INFINITY);
	write_number(audit, ++written);
	cr_expect_eq(audit_lost(audit), lost + 1, "after a failed flush the records wait for a successful one");
	cr_expect_eq(audit_flush(audit), 0);
	write_number(audit, ++written);
	cr_expect_eq(audit_flush(audit), 0);
	count = read_lines(path, lines);
	expect_complete(lines, count, written, lost + 1);
	cr_assert_gt(count, 2);
	cr_expect_eq(lines[count - 2], -(int64_t)(lost + 1), "the loss line follows the last kept record");
	audit_close(audit);
	expect_no_leak();
}

/* Two losses: each one has a separate line. */
Test(audit, reports_each_of_two_losses)
{
	struct audit *audit = opened();
	int64_t lines[LINES_MAX];
	int written = 0, losses = 0, count;

	for (int round = 0; round < 2; round++) {
		limit_files((rlim_t)file_size() + 100);
		for (int i = 0; i < AUDIT_BUFFER_SIZE / 300; i++)
			write_number(audit, ++written);
		limit_files(RLIM_INFINITY);
		cr_expect_eq(audit_flush(audit), 0);
	}
	count = read_lines(path, lines);
	for (int i = 0; i < count; i++)
		losses += lines[i] < 0;
	cr_expect_eq(losses, 2);
	expect_complete(lines, count, written, audit_lost(audit));
	audit_close(audit);
	expect_no_leak();
}

/* The daemon was killed within a write, or the host lost power. */
Test(audit, ends_fragment_of_existing_file)
{
	static const char half[] = "{\"time\":\"2026-01-";
	struct audit *audit;
	char line[512] = "";
	FILE *file = fopen(path, "we");

	cr_assert(file && fputs(half, file) > 0 && !fclose(file));
	audit = opened();
	write_number(audit, 1);
	audit_close(audit);
	file = fopen(path, "re");
	cr_assert(file && fgets(line, sizeof(line), file));
	cr_expect_eq(strncmp(line, half, sizeof(half) - 1), 0);
	cr_expect_str_eq(line + sizeof(half) - 1, "\n", "the fragment is ended first");
	cr_assert_not_null(fgets(line, sizeof(line), file));
	cr_expect_eq(line[0], '{');
	cr_expect_null(fgets(line, sizeof(line), file));
	fclose(file);
	expect_no_leak();
}

Test(audit, refuses_other_file_types)
{
	struct audit *audit = (struct audit *)folder;
	char link[128];
	int reader;

	cr_expect_eq(audit_open(folder, &audit), -EISDIR);
	cr_expect_eq(audit_open("/dev/null", &audit), -EINVAL);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(audit_open(path, &audit), -ENXIO, "a FIFO without a reader is refused without blocking");
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	cr_expect_eq(audit_open(path, &audit), -EINVAL, "a FIFO with a reader is refused, too");
	close(reader);
	snprintf(link, sizeof(link), "%s/link", folder);
	cr_assert_eq(symlink("/dev/null", link), 0);
	cr_expect_eq(audit_open(link, &audit), -ELOOP);
	snprintf(link, sizeof(link), "%s/none/audit.log", folder);
	cr_expect_eq(audit_open(link, &audit), -ENOENT);
	cr_expect_eq((void *)audit, (void *)folder, "not written");
	expect_no_leak();
}
