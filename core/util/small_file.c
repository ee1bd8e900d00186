// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "util/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t small_file_read(int dir, const char *path, char *text, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	/* once: the kernel gives as much of such a file as there is room for (seq_read_iter() in fs/seq_file.c) */
	do
		len = read(fd, text, size - 1);
	while (len < 0 && errno == EINTR);
	len = len < 0 ? -errno : len;
	close(fd);
	if (len >= 0)
		text[len] = '\0';
	return len;
}

static int read_regular(int fd, size_t max, char **out, size_t *out_len)
{
	struct stat st;
	size_t len = 0;
	ssize_t got = 1;
	char *octets;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > max)
		return -E2BIG;
	octets = malloc((size_t)st.st_size + 1);
	if (!octets)
		return -ENOMEM;
	while (got > 0 && len < (size_t)st.st_size) {
		got = read(fd, octets + len, (size_t)st.st_size - len);
		len += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		free(octets);
		return -EIO;
	}
	*out = octets;
	*out_len = len;
	return 0;
}

int file_read_whole(const char *path, size_t max, char **out, size_t *out_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int err = fd < 0 ? -errno : read_regular(fd, max, out, out_len);

	if (fd >= 0)
		close(fd);
	return err;
}
