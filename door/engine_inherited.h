/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The private engine of `rdmasec run`, found by a descendant of its command that has lost RDMASEC_ENGINE: a program may
 * clear its environment, close all its descriptors, or become a daemon. Without this search it would start an engine of
 * the default policy, which may be weaker than that of `rdmasec run -p`.
 */
#ifndef RDMASEC_DOOR_ENGINE_INHERITED_H
#define RDMASEC_DOOR_ENGINE_INHERITED_H

#include <stdbool.h>

#include "messages/protocol.h"
#include "util/attributes.h"

/*
 * Writes the name of the engine, as RDMASEC_ENGINE has it. Looks at the lifelines among the descriptors of this
 * process, then at the environment with which this process and each of its ancestors were executed, up to one of
 * another user. The engine may have ended. 0 or -ENOENT. Does not block. Any thread; thread cancellation must be
 * disabled.
 */
RS_MUST_USE int engine_inherited(char name[WIRE_NAME_MAX]);

/*
 * A mark that all descendants of this process inherit, whatever they do to their environment and descriptors: the
 * kernel passes the timer slack on through fork(2) and execve(2) (kernel/fork.c, copy_process(); PR_SET_TIMERSLACK(2)).
 * The mark changes it by less than a microsecond. A process that sets its own timer slack loses the mark, and one of
 * real-time priority cannot have it.
 */
void engine_mark_descendants(void);
bool engine_is_marked(void);

#endif
