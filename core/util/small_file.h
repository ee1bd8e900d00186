/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Reading small text files of /proc, /sys and /etc, and whole files. */
#ifndef RDMASEC_UTIL_SMALL_FILE_H
#define RDMASEC_UTIL_SMALL_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "util/attributes.h"

/*
 * Reads the first `size` - 1 octets of `path`, which is relative to the folder `dir` (AT_FDCWD: the working folder),
 * and ends them with NUL. Reads once: the kernel gives such a file whole. Returns their number, where `size` - 1 means
 * that there may be more, or -errno of open(2) or read(2).
 */
RS_MUST_USE ssize_t small_file_read(int dir, const char *path, char *text, size_t size);

/*
 * Reads a whole regular file of at most `max` octets; the caller frees *out. 0; -EINVAL: not a regular file; -E2BIG;
 * -ENOMEM; -errno of open(2) or read(2). Does not block on a pipe.
 */
RS_MUST_USE int file_read_whole(const char *path, size_t max, char **out, size_t *out_len);

#endif
