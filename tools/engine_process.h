/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The process of a private engine. */
#ifndef RDMASEC_TOOLS_ENGINE_PROCESS_H
#define RDMASEC_TOOLS_ENGINE_PROCESS_H

#include "messages/protocol.h"
#include "policy/policy.h"

/*
 * Makes this process an engine and serves until those it serves have ended (engine_serve()): no terminal, no core
 * dumps, no inherited signal settings, stderr closed once it serves. Returns the exit status.
 */
int engine_process_main(const struct policy *policy, int listener, int lifeline, int pidfd);

/*
 * Starts one that listens on a new abstract socket, whose name, as RDMASEC_ENGINE has it, goes to `name`. It is
 * nobody's child, and serves until the calling process, also after exec, and all holders of the lifeline, which stays
 * open across exec and fork, have gone. 0 or -errno.
 */
RS_MUST_USE int engine_process_start(const struct policy *policy, char name[WIRE_NAME_MAX]);

/* The lifeline of the engine that this process has started, for whoever closes everything else. -1: none was. */
int engine_process_lifeline(void);

#endif
