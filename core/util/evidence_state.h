/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* How much is known of one part of the evidence. */
#ifndef RDMASEC_UTIL_EVIDENCE_STATE_H
#define RDMASEC_UTIL_EVIDENCE_STATE_H

enum evidence_state {
	EVIDENCE_UNREAD = 0,   /* nobody asked: unknown */
	EVIDENCE_READ,         /* complete and consistent */
	EVIDENCE_ABSENT,       /* this kernel has no such facility (module not there): complete, and empty */
	EVIDENCE_NO_PRIVILEGE, /* the kernel refuses to tell us (xfrm without CAP_NET_ADMIN): unknown */
	EVIDENCE_BROKEN,       /* truncated, interrupted again and again, or not understood: unknown */
};

#endif
