/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What a new process of ours does before its own work. Async-signal-safe, for children of processes with threads. */
#ifndef RDMASEC_PROCESS_SPAWN_H
#define RDMASEC_PROCESS_SPAWN_H

#include <stddef.h>

#include "util/attributes.h"

/* Resets every signal to its default, but ignores SIGPIPE; unblocks all signals. */
void spawn_reset_signals(void);

/* Puts /dev/null in the place of stdin, stdout and so on up to the descriptor `last`. 0 or -errno. */
RS_MUST_USE int spawn_silence(int last);

/* Closes every descriptor above stderr but those in `kept`, in any order; -1 in it is none. */
void spawn_close_all_but(const int *kept, size_t count);

#endif
