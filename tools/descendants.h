/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The processes below this one. */
#ifndef RDMASEC_TOOLS_DESCENDANTS_H
#define RDMASEC_TOOLS_DESCENDANTS_H

#include <stdbool.h>
#include <sys/types.h>

/* Is the process `top`, or below it? False if it has ended. */
bool is_descendant(pid_t pid, pid_t top);

/*
 * Sends SIGKILL to every process below this one. A process that is started during the call may be missed: call it
 * again until waitpid(2) finds no child. A process of another user stays if this process may not kill it.
 */
void descendants_kill(void);

#endif
