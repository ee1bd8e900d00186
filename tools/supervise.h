/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Runs a command under a supervisor. */
#ifndef RDMASEC_TOOLS_SUPERVISE_H
#define RDMASEC_TOOLS_SUPERVISE_H

#include "util/attributes.h"

/*
 * Runs `program` under a supervisor that asks `engine`. The calling process mirrors the program: its stops, exit status
 * and fatal signal become those of this process, and signals to this process go to the program. Returns only on
 * failure, with an exit status. `lifeline`: of the private engine (engine_spawn()); when that ends, all processes of
 * the program are killed. -1: the engine is the system's.
 */
RS_MUST_USE int supervise(const char *program, char **argv, const char *engine, int lifeline);

#endif
