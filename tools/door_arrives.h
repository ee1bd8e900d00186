/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Whether the loader of a program will load the door. */
#ifndef RDMASEC_TOOLS_DOOR_ARRIVES_H
#define RDMASEC_TOOLS_DOOR_ARRIVES_H

#include <stddef.h>

#include "util/attributes.h"

/*
 * Will the loader put `library` into `program`? The loader only prints a line if it cannot, and starts the program
 * without the door. Asks a loader other than that of this process: starts it with --list, and waits for it. Returns 0;
 * or -errno, and the reason in `why`.
 */
RS_MUST_USE int door_arrives(const char *program, const char *library, char *why, size_t size);

#endif
