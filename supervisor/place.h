/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Files as the program sees them: finding them, and opening them with its credentials. */
#ifndef RDMASEC_SUPERVISOR_PLACE_H
#define RDMASEC_SUPERVISOR_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "supervisor_internal.h"

/*
 * Opens the file that the program would find, with O_PATH; the caller owns the fd. Returns 0; -ENOENT, -ENOTDIR, -ELOOP
 * or -ENAMETOOLONG: the program does not find one either, unless the path changes; another -errno: it may find one that
 * this process does not. May block for a file system of the program. An empty path is the folder itself, or its file.
 */
RS_MUST_USE int place_find(const struct target *target, int dirfd, const char *path, bool follow, int *out_fd);

/* Opens the device behind an O_PATH fd with the ids, capabilities and cgroup of the program. 0 or -errno. */
RS_MUST_USE int place_open_as(const struct target *target, int path_fd, int flags, int *out_fd);
/* The same in the supervisor's own cgroup. */
RS_MUST_USE int place_open_given(const struct target *target, int path_fd, int flags, int *out_fd);

/*
 * Calls `open_it` in a child with the ids and capabilities of the program; it returns an fd or -errno, allocates
 * nothing, and leaves no other fd open. Returns the fd, which the caller owns, or -errno; -EACCES without a child if
 * the program has the same credentials as this process. Blocks for as long as the function does.
 */
RS_MUST_USE int place_do_as(const struct target *target, int (*open_it)(const void *arg), const void *arg);

/*
 * Does the thread have every capability of the caller, over every namespace? Never if it is in another user namespace,
 * where its capabilities count only for that one (ns_capable()). False if that is unknown.
 */
bool target_has_all_capabilities(pid_t tid);

#endif
