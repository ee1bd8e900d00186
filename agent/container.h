/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The process that serves one filter: of a container, or of a command executed in it. */
#ifndef RDMASEC_AGENT_CONTAINER_H
#define RDMASEC_AGENT_CONTAINER_H

#include "container_state.h"
#include "util/attributes.h"

/*
 * Serves `fd` in a new process until no process is left under the filter; the caller keeps its own fd. The new process
 * is in its own session, resets all signals and outlives the caller. Its pid or -errno. For callers with one thread.
 */
RS_MUST_USE int container_start(const struct container_state *state, int fd, const char *engine);

#endif
