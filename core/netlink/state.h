/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_NETLINK_STATE_H
#define RDMASEC_NETLINK_STATE_H

#include "util/evidence_state.h"

/* What a part is whose reading ended with `err`, 0 or -errno, over this netlink protocol. */
enum evidence_state netlink_state_after(int err, int protocol);

#endif
