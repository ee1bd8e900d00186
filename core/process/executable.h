/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The program file of a process, and whether its path can be relied on. */
#ifndef RDMASEC_PROCESS_EXECUTABLE_H
#define RDMASEC_PROCESS_EXECUTABLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads the path of the program behind `proc`, a folder /proc/PID, as /proc/PID/exe has it. Returns true if it is known
 * and whole.
 *
 * *is_local: the path names that file in the mount namespace of pid 1. A user can mount any file over any path in a
 * mount namespace of its own, and set /proc/PID/exe in a user namespace of its own (PR_SET_MM_MAP in kernel/sys.c). So
 * the file must be on a mount that pid 1 has, or at the same place of the same file system as the path of pid 1 is (a
 * service with PrivateTmp=yes), and the process must be in the user namespace of this process. False if anything of it
 * is unknown.
 *
 * Asks no file system and does not block. Any thread.
 */
bool executable_read(int proc, char *path, size_t size, bool *is_local);

#endif
