/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The guarded processes, kept in a file that outlives the daemon. Its successor adopts their queue pairs, also those of
 * containers, on which nothing else shows that they are guarded: no door is mapped in them, and their supervisor is no
 * ancestor of theirs.
 *
 * The file is mapped (MAP_SHARED): an entry is stored by a plain write to memory, which SIGKILL cannot separate from
 * the answer that follows it. Its pages are allocated when it is opened, so a full file system cannot stop the daemon
 * later. Nothing in it is believed beyond a number of a process and its start time, which name a process or none.
 */
#ifndef RDMASEC_WATCH_KEPT_H
#define RDMASEC_WATCH_KEPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/attributes.h"

struct kept;

enum { KEPT_PROCESSES_MAX = 65535 }; /* 16 octets each */

/*
 * Opens or creates the file, with mode 0600. Returns 0 and *out, which the caller frees with kept_close(); -EPERM: it
 * is no regular file of this user with one name; or another -errno. What is in it is of a daemon that has ended;
 * another boot's is discarded. A file with invalid content counts as incomplete. Blocks for the file system.
 */
RS_MUST_USE int kept_open(const char *path, struct kept **out);
void kept_close(struct kept *kept); /* the file stays; NULL is allowed */

/* Adds or removes a process; without effect if it is there already, or not. */
void kept_add(struct kept *kept, pid_t pid, uint64_t start_time);
void kept_remove(struct kept *kept, pid_t pid, uint64_t start_time);

bool kept_has(const struct kept *kept, pid_t pid, uint64_t start_time);

/* Whether processes are missing in it: it was full, or its content was invalid. Then any process may be guarded. */
bool kept_is_incomplete(const struct kept *kept);
/* All processes in it are those of this daemon from now on, or are being watched by it. */
void kept_complete(struct kept *kept);

/* Calls `visit` for each; it may remove the one that it is called for. */
void kept_each(struct kept *kept, void (*visit)(pid_t pid, uint64_t start_time, void *arg), void *arg);

#endif
