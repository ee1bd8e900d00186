/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The process that serves the filter of one container, or of one command that was executed in it. */
#ifndef RDMASEC_AGENT_CONTAINER_H
#define RDMASEC_AGENT_CONTAINER_H

#include "container_state.h"
#include "util/attributes.h"

/*
 * Serves `fd`, which stays the caller's as well, in a new process, until nobody is under the filter any more. That
 * process outlives the caller: it is in a session of its own, and ends by itself. Its pid or -errno. For a process with
 * one thread, whose signal handlers the new one does not keep.
 */
RS_MUST_USE int container_start(const struct container_state *state, int fd, const char *engine);

#endif
