// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "engine/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/record_json.h"

struct audit {
	char *path;
	int fd;
	dev_t dev;
	ino_t ino;
	bool in_line;   /* the file ends within a line that this process did not begin */
	bool failing;   /* the last flush failed */
	size_t used;    /* of the buffer: whole lines */
	size_t started; /* octets of the first line that are in the file already; the file then ends at `end` */
	off_t end;
	uint64_t lost;            /* records lost since audit_open() */
	uint64_t lost_unreported; /* of these, no LOST line is in the buffer yet */
	char buffer[AUDIT_BUFFER_SIZE];
};

/*
 * True if the file ends within a line: a daemon died, or the disk was full. The log itself is open for appending only,
 * so that the daemon needs no more rights. A file that cannot be read counts as true, and gets an empty line.
 */
static bool ends_within_line(const char *path, off_t size)
{
	char last = '\0';
	int fd;

	if (!size)
		return false;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return true;
	if (pread(fd, &last, 1, size - 1) != 1)
		last = '\0';
	close(fd);
	return last != '\n';
}

/* O_NONBLOCK: refuses a fifo instead of waiting for its reader. It has no effect on a regular file. */
static int open_file(struct audit *audit)
{
	int fd =
		open(audit->path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	if (err) {
		close(fd);
		return err;
	}
	if (audit->fd >= 0)
		close(audit->fd);
	audit->fd = fd;
	audit->dev = st.st_dev;
	audit->ino = st.st_ino;
	audit->in_line = ends_within_line(audit->path, st.st_size);
	audit->started = 0;
	return 0;
}

int audit_open(const char *path, struct audit **out)
{
	struct audit *audit = calloc(1, sizeof(*audit));
	int err = -ENOMEM;

	if (!audit)
		return err;
	audit->fd = -1;
	audit->path = strdup(path);
	if (audit->path)
		err = open_file(audit);
	if (!err) {
		*out = audit;
		return 0;
	}
	free(audit->path);
	free(audit);
	return err;
}

/*
 * logrotate(8) renames the file: then the path leads to another file, or to none. With copytruncate it truncates the
 * file: then a partly written line is written again from its start.
 */
static int follow_rotation(struct audit *audit)
{
	struct stat st;

	if (lstat(audit->path, &st) || st.st_dev != audit->dev || st.st_ino != audit->ino)
		return open_file(audit);
	if (audit->started && st.st_size != audit->end) {
		audit->started = 0;
		audit->in_line = ends_within_line(audit->path, st.st_size);
	}
	return 0;
}

/* ---- lines into the buffer ---- */

static int append(struct audit *audit, const struct wire_record *record)
{
	json_object *object = record_to_json(record);
	size_t len = 0;
	const char *line = object ? json_object_to_json_string_length(object, RECORD_JSON_LINE, &len) : NULL;
	int err = -ENOMEM;

	if (line) {
		err = len + 1 > sizeof(audit->buffer) - audit->used ? -ENOBUFS : 0;
		if (!err) {
			memcpy(audit->buffer + audit->used, line, len);
			audit->used += len;
			audit->buffer[audit->used++] = '\n';
		}
	}
	json_object_put(object);
	return err;
}

static int append_lost(struct audit *audit)
{
	struct wire_record record;
	struct timespec now;
	int err;

	clock_gettime(CLOCK_REALTIME, &now);
	wire_make(&record, WIRE_RECORD);
	record.event = WIRE_EVENT_LOST;
	record.time_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	record.count = audit->lost_unreported;
	err = append(audit, &record);
	if (!err)
		audit->lost_unreported = 0;
	return err;
}

void audit_write(struct audit *audit, const struct wire_record *record)
{
	/* After a loss, new records wait for the LOST line: lines keep the order of events. */
	int err = audit->lost_unreported ? -ENOBUFS : append(audit, record);

	if (err == -ENOBUFS && !audit->failing) {
		err = audit_flush(audit);
		if (!audit->failing)
			err = append(audit, record);
	}
	if (err) {
		audit->lost++;
		audit->lost_unreported++;
	}
}

/* ---- the buffer into the file ---- */

/* A full disk accepts part of a write: the next write continues in the middle of that line. */
static void drop_written(struct audit *audit, size_t len)
{
	const char *end = memrchr(audit->buffer, '\n', len);
	size_t whole = end ? (size_t)(end - audit->buffer) + 1 : 0;

	audit->used -= whole;
	memmove(audit->buffer, audit->buffer + whole, audit->used);
	audit->started = len - whole;
	audit->end = lseek(audit->fd, 0, SEEK_CUR); /* O_APPEND: the end of the last write */
}

static int end_line(struct audit *audit)
{
	ssize_t n;

	if (!audit->in_line)
		return 0;
	n = write(audit->fd, "\n", 1);
	if (n != 1)
		return n < 0 ? -errno : -EIO;
	audit->in_line = false;
	return 0;
}

static int write_out(struct audit *audit)
{
	while (audit->used) {
		int err = end_line(audit);
		ssize_t n;

		if (err)
			return err;
		n = write(audit->fd, audit->buffer + audit->started, audit->used - audit->started);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		drop_written(audit, audit->started + (size_t)n);
	}
	return 0;
}

int audit_flush(struct audit *audit)
{
	int moved = follow_rotation(audit), err = write_out(audit);

	if (!err && audit->lost_unreported) {
		err = append_lost(audit);
		if (!err)
			err = write_out(audit);
	}
	audit->failing = err != 0;
	return err ? err : moved;
}

uint64_t audit_lost(const struct audit *audit)
{
	return audit->lost;
}

void audit_close(struct audit *audit)
{
	int err;

	if (!audit)
		return;
	err = audit_flush(audit);
	(void)err; /* no later flush can follow */
	close(audit->fd);
	free(audit->path);
	free(audit);
}
