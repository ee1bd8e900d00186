/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What a new process of ours does before its own work. Async-signal-safe, for children of processes with threads. */
#ifndef RDMASEC_PROCESS_SPAWN_H
#define RDMASEC_PROCESS_SPAWN_H

#include <stddef.h>
#include <sys/resource.h>

#include "util/attributes.h"

/* Resets every signal to its default, but ignores SIGPIPE; unblocks all signals. */
void spawn_reset_signals(void);

/* Puts /dev/null in the place of stdin, stdout and so on up to the descriptor `last`. 0 or -errno. */
RS_MUST_USE int spawn_silence(int last);

/*
 * Opens /dev/null in the place of each of stdin, stdout and stderr that is closed, so that no other file of this
 * program gets its number. It can be neither read nor written, as a closed one. With FD_CLOEXEC: a program that is
 * executed finds it closed again. 0 or -errno. For a process with one thread.
 */
RS_MUST_USE int spawn_fill_standard(void);

/*
 * Raises the soft limit of descriptors to the hard one, and both to `wanted` where the process may and that is more.
 * A lower limit fails later, at its use.
 */
void spawn_raise_files(rlim_t wanted);

/* Closes every descriptor above stderr but those in `kept`, in any order; -1 in it is none. */
void spawn_close_all_but(const int *kept, size_t count);

#endif
