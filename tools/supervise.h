/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A command and the supervisor beside it. */
#ifndef RDMASEC_TOOLS_SUPERVISE_H
#define RDMASEC_TOOLS_SUPERVISE_H

#include "util/attributes.h"

/*
 * Runs `program` under a supervisor whose questions go to `engine`, and does what is done to it: whoever started us
 * sees its stops, its exit status and the signal that killed it as our own, and signals that are sent to us go to it.
 * Returns an exit status. `keep`: an fd that the supervisor must not close; -1: none.
 */
RS_MUST_USE int supervise(const char *program, char **argv, const char *engine, int keep);

#endif
