/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Checks whether LD_PRELOAD can guard a program. */
#ifndef RDMASEC_TOOLS_PRELOADABLE_H
#define RDMASEC_TOOLS_PRELOADABLE_H

#include <stddef.h>

#include "util/attributes.h"

/*
 * Looks `name` up as execvp(3) does and writes the file that would be executed into `path`. 0: the dynamic loader will
 * load the door into it; -ENOENT: not found; another -errno: it cannot be run, or not guarded; with a text in `why`.
 * For a script its interpreter counts. Programs that it starts later are not checked.
 */
int program_preloadable(const char *name, char *path, size_t path_size, char *why, size_t why_size);

/* Only looks `name` up: 0; -ENOENT, -EACCES..., and a text in `why`. */
int program_find(const char *name, char *path, size_t path_size, char *why, size_t why_size);

/*
 * The loader (PT_INTERP) of the program at `path`, or of the interpreter of a script. 0; -ENOEXEC: it has none; -errno.
 */
RS_MUST_USE int program_loader(const char *path, char *loader, size_t size);

#endif
