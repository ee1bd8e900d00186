// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Opening and reading the policy file, once. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy.h"
#include "util/text.h"

static int file_fail(const char *path, int err, const char *what, char *error, size_t error_size)
{
	errno = -err;
	text_format(error, error_size, "%s: %s: %m", path, what);
	return err;
}

/* O_NONBLOCK: opening a pipe without a writer must not block. */
static int file_open(const char *path, char *error, size_t error_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return file_fail(path, -errno, "cannot open", error, error_size);
	if (fstat(fd, &st)) {
		int err = file_fail(path, -errno, "cannot stat", error, error_size);

		close(fd);
		return err;
	}
	if (S_ISREG(st.st_mode))
		return fd;
	close(fd);
	text_format(error, error_size, "%s: not a regular file", path);
	return -EINVAL;
}

/* Reads up to `size` octets, whatever size fstat(2) gave: the file may grow. Returns their count, or -errno. */
static ssize_t file_read(int fd, char *text, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t got = read(fd, text + len, size - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

int policy_load(const char *path, struct policy **out, char *error, size_t error_size)
{
	int fd = file_open(path, error, error_size);
	ssize_t len;
	char *text;
	int err;

	if (fd < 0)
		return fd;
	/* One octet more than allowed, so that policy_parse() detects a file that is too long. */
	text = malloc(POLICY_FILE_MAX + 1);
	len = text ? file_read(fd, text, POLICY_FILE_MAX + 1) : -ENOMEM;
	if (len < 0)
		err = file_fail(path, (int)len, "cannot read", error, error_size);
	else
		err = policy_parse(path, text, (size_t)len, out, error, error_size);
	free(text);
	close(fd);
	return err;
}
