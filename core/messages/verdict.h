/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Verdicts on a path, and mechanisms that protect it. The numbers are part of the wire protocol. */
#ifndef RDMASEC_MESSAGES_VERDICT_H
#define RDMASEC_MESSAGES_VERDICT_H

enum verdict_kind { VERDICT_UNKNOWN = 0, VERDICT_PROTECTED, VERDICT_UNPROTECTED, VERDICT_KIND_COUNT };

enum protection { BY_NOTHING = 0, BY_MACSEC, BY_IPSEC, BY_LOOPBACK, BY_POLICY_NONE, PROTECTION_COUNT };

/* Both return a constant text. */
const char *verdict_name(enum verdict_kind kind); /* "protected", "unprotected"; "unknown" for all others */
const char *protection_name(enum protection by);  /* "macsec", "ipsec"... */

#endif
