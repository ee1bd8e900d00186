/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Drops privileges of root, permanently. 0 or -errno, after which the process must exit. */
#ifndef RDMASEC_AGENT_CONFINED_H
#define RDMASEC_AGENT_CONFINED_H

#include "util/attributes.h"

/* For the agent: keeps what confined_container() and its preparation need. */
RS_MUST_USE int confined_agent(void);

/* For a process that serves a container. */
RS_MUST_USE int confined_container(void);

#endif
