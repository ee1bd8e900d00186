// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "netlink/state.h"

#include <errno.h>
#include <linux/netlink.h>

/* A kernel can lack any protocol except NETLINK_ROUTE, where the error comes from a sandbox. */
enum evidence_state netlink_state_after(int err, int protocol)
{
	switch (err) {
	case 0:
		return EVIDENCE_READ;
	case -EPROTONOSUPPORT:
	case -ENOPROTOOPT:
		return protocol == NETLINK_ROUTE ? EVIDENCE_BROKEN : EVIDENCE_ABSENT;
	case -EPERM:
	case -EACCES:
		return EVIDENCE_NO_PRIVILEGE;
	default:
		return EVIDENCE_BROKEN;
	}
}
