/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Another engine that has the socket already: does it work? */
#ifndef RDMASEC_RDMASECD_PREDECESSOR_H
#define RDMASEC_RDMASECD_PREDECESSOR_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Returns false if an engine listens on `path` and does not answer a message within five seconds; *pid is its process
 * then, or 0. Returns true in every other case. Blocks so long.
 */
bool predecessor_answers(const char *path, pid_t *pid);

#endif
