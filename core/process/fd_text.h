/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What names and contents of /proc/PID/fdinfo say of an fd, before it is taken. Shared by the files of this room. */
#ifndef RDMASEC_PROCESS_FD_TEXT_H
#define RDMASEC_PROCESS_FD_TEXT_H

#include <stdbool.h>

#include "util/attributes.h"

/* Reads a decimal number as /proc names its folders and fds. Returns 0 or -EINVAL. */
RS_MUST_USE int fd_number_of(const char *name, int *out);

/*
 * Whether the fd can be one of a uverbs device, by its text in the open folder `fds`. A preselection that saves
 * fetching every fd. It does not touch the file: a file system in user space could delay even stat(2).
 */
bool fd_can_be_uverbs(int fds, const char *number);

#endif
