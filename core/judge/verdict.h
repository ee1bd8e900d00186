/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The verdict on one path, with its grounds. The zeroed struct is VERDICT_UNKNOWN without a reason. */
#ifndef RDMASEC_JUDGE_VERDICT_H
#define RDMASEC_JUDGE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "judge/why.h"
#include "messages/verdict.h"

/* How much of the protection is in place. Of several reasons the operator reads the nearest to protected. */
enum nearness {
	NEARNESS_NOTHING = 0, /* no mechanism is set up, or none is known */
	NEARNESS_PRESENT,     /* there is one, but not in use */
	NEARNESS_ELSEWHERE,   /* it is in use, but not for these packets */
	NEARNESS_WEAK,        /* it takes these packets, but its settings are too weak */
	NEARNESS_BYPASSED,    /* its settings are good, but some of these packets get past it */
	NEARNESS_LACKS_SA,    /* nothing is missing but a live SA */
	NEARNESS_BAD_SA,      /* there is an SA, which is too weak or not applied */
	NEARNESS_CONFLICT,    /* the application and the policy exclude each other */
};

enum { VERDICT_DETOUR_MAX = 320 };

struct verdict {
	enum verdict_kind kind;
	enum protection by; /* PROTECTED only */
	/* REMOTE_SOME: not protected now, but an xfrm policy wants ESP, so an SA may yet come. */
	bool could_be;
	/*
	 * UNPROTECTED, and the kernel itself drops what the QP sends, or only the way back is missing: waiting leaks
	 * nothing. For software RoCE only, and only if a live SA is missing under policies that want it, or a part that
	 * MACsec needs to operate.
	 */
	bool kernel_drops;
	/*
	 * UNPROTECTED, and IPsec lacks only a live SA, outbound or inbound, under policies that want it (the inbound
	 * policy may be missing as well): a key manager may set it up. The packets hit the outbound policy
	 * `policy_out`. REMOTE_ONE only.
	 */
	bool missing_sa;
	uint32_t policy_out; /* its index */
	/*
	 * UNPROTECTED, and MACsec lacks only SAs: settings, offload and routes would protect. Key agreement (MKA, IEEE
	 * 802.1X-2020 clause 9) may install them. Also for REMOTE_SOME: a program may contact its peer by the same
	 * netdev, so already the creation of its QP waits.
	 */
	bool missing_macsec_sa;
	enum nearness nearness;
	struct why why[REASONS_MAX]; /* not PROTECTED: the reason; the second if both mechanisms lack as much */
	/*
	 * PROTECTED by IPsec: the SAs, 0 if none is in use yet. By MACsec: the SecY; also for UNKNOWN, when the SecY is
	 * in order and IPsec may lead past it.
	 */
	uint32_t spi_out, spi_in, reqid;
	int secy_ifindex;
	char secy[IF_NAMESIZE];  /* PROTECTED by MACsec: its name */
	unsigned int secy_count; /* all SecYs by which packets may leave; the other members are of the first */
	bool outer;              /* PROTECTED by IPsec: the packets of the VXLAN netdev, not those inside */
	uint64_t sci;            /* as on the wire, network byte order */
	uint32_t cipher;         /* enum policy_cipher; 0: none in use yet, not known, or several */
	bool offloaded;          /* the NIC encrypts */
	bool integrity_only;     /* the SecY does not encrypt */
	/* PROTECTED: what may lead packets elsewhere, or why that is not known (bypass_look()); "": nothing */
	char detour[VERDICT_DETOUR_MAX];
};

/*
 * Sets kind and reason, with its nearness, and clears the grounds of a protection. Returns the reason, for the facts
 * that its sentence names.
 */
struct why *verdict_set(struct verdict *out, enum verdict_kind kind, enum reason reason);

/* With the kernel's words; "": it was not asked. */
void verdict_set_unread(struct verdict *out, enum reason reason, const char *error);

#endif
