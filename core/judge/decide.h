/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The judgement: a pure function of path, evidence and requirement. It reads no file, asks no kernel and no clock.
 * Three verdicts; whoever acts on one treats UNKNOWN like UNPROTECTED.
 */
#ifndef RDMASEC_JUDGE_DECIDE_H
#define RDMASEC_JUDGE_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "evidence/facts.h"
#include "judge/path.h"
#include "messages/verdict.h"
#include "policy/policy.h"

enum { VERDICT_TEXT_MAX = 320 };

struct verdict {
	enum verdict_kind kind;
	enum protection by; /* PROTECTED only */
	/* REMOTE_SOME: not protected as it stands, but an xfrm policy wants ESP there, so an SA could yet come. */
	bool could_be;
	/*
	 * UNPROTECTED, and what the QP sends meanwhile is dropped by the kernel itself, or leaves protected while only
	 * the way back is not there: waiting for what is missing leaks nothing. Of software RoCE only, and only where
	 * what is missing is a live SA of IPsec under policies that want it, or what MACsec needs to be in operation.
	 */
	bool kernel_drops;
	/*
	 * UNPROTECTED, and all that IPsec lacks is a live SA, outbound or inbound, under policies that want it (the one
	 * inbound may be missing with it): a key manager may set it up. The packets would hit the outbound policy
	 * `policy_out`. REMOTE_ONE only.
	 */
	bool missing_sa;
	uint32_t policy_out; /* its index */
	/* How near to protected it was, for choosing which of several reasons to tell: more is nearer. */
	int nearness;
	char reason[VERDICT_TEXT_MAX];  /* not PROTECTED: why, for an operator */
	char details[VERDICT_TEXT_MAX]; /* PROTECTED: by what: "macsec0 GCM-AES-128 SCI ...", "ESP SPI 0x... reqid ..."
					 */
	/*
	 * PROTECTED by IPsec: the SAs, 0 where none is in use yet. By MACsec: the SecY; also UNKNOWN, where the SecY is
	 * in order and IPsec may lead past it.
	 */
	uint32_t spi_out, spi_in, reqid;
	int secy_ifindex;
	uint64_t sci;    /* as on the wire, network byte order */
	uint32_t cipher; /* enum policy_cipher; 0: none in use yet, or not known */
	bool offloaded;  /* the NIC encrypts */
};

/* Judges one path. Every field of *out is written. Thread-safe, allocates nothing. */
void decide(const struct path *path, const struct evidence *ev, const struct requirement *req, struct verdict *out);

#endif
