/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_NETLINK_STATE_H
#define RDMASEC_NETLINK_STATE_H

#include "util/evidence_state.h"

/* Returns the state of a part whose reading over `protocol` (NETLINK_*) returned `err`, 0 or -errno. */
enum evidence_state netlink_state_after(int err, int protocol);

#endif
