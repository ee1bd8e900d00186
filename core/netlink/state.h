/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_NETLINK_STATE_H
#define RDMASEC_NETLINK_STATE_H

#include "util/evidence_state.h"

/* The state of a part after reading it over `protocol` (NETLINK_*) returned `err`, 0 or -errno. */
enum evidence_state netlink_state_after(int err, int protocol);

#endif
