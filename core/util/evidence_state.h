/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* How much is known of one part of the evidence. */
#ifndef RDMASEC_UTIL_EVIDENCE_STATE_H
#define RDMASEC_UTIL_EVIDENCE_STATE_H

enum evidence_state {
	EVIDENCE_UNREAD = 0,   /* not read yet: unknown */
	EVIDENCE_READ,         /* complete and consistent */
	EVIDENCE_ABSENT,       /* the kernel lacks the facility (no such module): complete, and empty */
	EVIDENCE_NO_PRIVILEGE, /* the kernel refused (xfrm without CAP_NET_ADMIN): unknown */
	EVIDENCE_BROKEN,       /* truncated, interrupted too often, or not understood: unknown */
};

#endif
