/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Comparison of open files: uverbs handles belong to an open file, not to a process. */
#ifndef RDMASEC_PROCESS_SAME_FILE_H
#define RDMASEC_PROCESS_SAME_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/attributes.h"

/*
 * Whether fd_a of pid_a is the same open file (not only the same inode) as fd_b of pid_b. Returns 0; -ENOSYS when the
 * kernel lacks kcmp(2); -EPERM for another user's processes; -EBADF or -ESRCH when an fd or process does not exist.
 */
RS_MUST_USE int same_open_file(pid_t pid_a, int fd_a, pid_t pid_b, int fd_b, bool *out);

#endif
