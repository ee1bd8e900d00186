/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Converts the kernel's messages to the structs of xfrm/facts.h. Nothing here allocates or blocks. */
#ifndef RDMASEC_XFRM_PARSE_H
#define RDMASEC_XFRM_PARSE_H

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "util/attributes.h"
#include "xfrm/facts.h"

struct nlattr;

/* In the kernel since 6.2. The first headers of Debian 12 lack it. */
#ifndef XFRM_OFFLOAD_PACKET
#define XFRM_OFFLOAD_PACKET 4
#endif

/*
 * XFRMA_SA_PCPU, of kernel 6.13 and some stable releases before it, is the last attribute that is read. #ifdef cannot
 * detect an enumerator, so the constant has another name here.
 */
enum { PARSED_XFRMA_SA_PCPU = 35, PARSED_XFRMA_MAX = PARSED_XFRMA_SA_PCPU };

/*
 * Parse one SA or policy of a dump, or of a NEWSA, UPDSA, NEWPOLICY or UPDPOLICY. Return 0, or -EPROTO and a text. For
 * a policy of a socket (dir >= XFRM_POLICY_MAX) only `dir` is set, because no QP sends by a socket. No key is copied.
 * Source: net/xfrm/xfrm_user.c.
 */
RS_MUST_USE int xfrm_parse_sa(const struct nlmsghdr *message, struct xfrm_sa_evidence *out, char *error,
			      size_t error_size);
RS_MUST_USE int xfrm_parse_policy(const struct nlmsghdr *message, struct xfrm_policy_evidence *out, char *error,
				  size_t error_size);
/* Return 0, or -EPROTO for values that no kernel sends. */
RS_MUST_USE int xfrm_address_evidence(int family, const xfrm_address_t *from, union ip_address *out);
RS_MUST_USE int xfrm_selector_evidence(const struct xfrm_selector *from, struct xfrm_selector_evidence *out);
/* `attr` may be NULL for an absent attribute: the result is then all zero. */
struct xfrm_mark_evidence xfrm_mark_evidence(const struct nlattr *attr);
struct xfrm_offload_evidence xfrm_offload_evidence(const struct nlattr *attr);

/*
 * Returns whether the SA has no keys yet: it was made by ACQUIRE (no SPI) or by ALLOCSPI (no algorithm, and
 * esp_init_state() accepts no SA without one). The kernel skips such an SA, and each rekeying adds one to the live SAs.
 */
bool sa_is_larval(const struct xfrm_sa_evidence *sa);

#endif
