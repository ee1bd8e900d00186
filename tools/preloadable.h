/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Can this program be guarded by LD_PRELOAD at all? */
#ifndef RDMASEC_TOOLS_PRELOADABLE_H
#define RDMASEC_TOOLS_PRELOADABLE_H

#include <stddef.h>

/*
 * Looks `name` up as execvp(3) does and writes what would be executed into `path`. 0 if the dynamic loader will load
 * the door into it; -ENOENT: not found; -EACCES, -ENOEXEC...: it cannot be run, or not guarded, with a text in `why`.
 * A script is judged by its interpreter. What the program itself starts later is not looked at.
 */
int program_preloadable(const char *name, char *path, size_t path_size, char *why, size_t why_size);

/* Only finds it, as a shell would: 0; -ENOENT, -EACCES..., and why. */
int program_find(const char *name, char *path, size_t path_size, char *why, size_t why_size);

#endif
