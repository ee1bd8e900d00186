// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "util/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

ssize_t small_file_read(int dir, const char *path, char *text, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t len = 0, got = 1;

	if (fd < 0)
		return -errno;
	while (got > 0 && (size_t)len < size - 1) {
		got = read(fd, text + len, size - 1 - (size_t)len);
		len = got < 0 ? -errno : len + got;
	}
	close(fd);
	if (len >= 0)
		text[len] = '\0';
	return len;
}
