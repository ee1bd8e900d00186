/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Who holds the same open file: uverbs handles belong to it, not to a process. */
#ifndef RDMASEC_PROCESS_SAME_FILE_H
#define RDMASEC_PROCESS_SAME_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/attributes.h"

/*
 * Is fd_a of pid_a the same open file (not only the same inode) as fd_b of pid_b? 0 and *out. -ENOSYS: this kernel was
 * built without kcmp(2); -EPERM: they are another user's; -EBADF, -ESRCH: one of them is not there (any more).
 */
RS_MUST_USE int same_open_file(pid_t pid_a, int fd_a, pid_t pid_b, int fd_b, bool *out);

#endif
