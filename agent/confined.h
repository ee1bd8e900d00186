/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What the agent and the processes that it starts keep of root's power. 0 or -errno, which has to be fatal. */
#ifndef RDMASEC_AGENT_CONFINED_H
#define RDMASEC_AGENT_CONFINED_H

#include "util/attributes.h"

/* The agent, and whatever a process that serves a container needs before it calls the next. */
RS_MUST_USE int confined_agent(void);

/* Such a process. */
RS_MUST_USE int confined_container(void);

#endif
