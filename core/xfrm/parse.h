/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* From the kernel's messages to xfrm/facts.h. */
#ifndef RDMASEC_XFRM_PARSE_H
#define RDMASEC_XFRM_PARSE_H

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "util/attributes.h"
#include "xfrm/facts.h"

struct nlattr;

/* Since kernel 6.2; Debian 12's headers have it only since a point release. */
#ifndef XFRM_OFFLOAD_PACKET
#define XFRM_OFFLOAD_PACKET 4
#endif

/*
 * The attributes that are read; XFRMA_SA_PCPU, of kernel 6.13 and of stable ones before it, is the last. An enumerator
 * of the kernel's cannot be asked for with #ifdef, hence a name of our own.
 */
enum { PARSED_XFRMA_SA_PCPU = 35, PARSED_XFRMA_MAX = PARSED_XFRMA_SA_PCPU };

/*
 * One SA, or policy, as a dump and the messages of NEWSA and UPDSA, NEWPOLICY and UPDPOLICY tell it. 0, or -EPROTO and
 * a text. Of a policy of a socket (dir >= XFRM_POLICY_MAX) only `dir` is told: no QP sends by a socket. Nothing of the
 * keys is copied.
 */
RS_MUST_USE int xfrm_parse_sa(const struct nlmsghdr *message, struct xfrm_sa_evidence *out, char *error,
			      size_t error_size);
RS_MUST_USE int xfrm_parse_policy(const struct nlmsghdr *message, struct xfrm_policy_evidence *out, char *error,
				  size_t error_size);
/* 0, or -EPROTO for what no kernel can mean. */
RS_MUST_USE int xfrm_address_evidence(int family, const xfrm_address_t *from, union ip_address *out);
RS_MUST_USE int xfrm_selector_evidence(const struct xfrm_selector *from, struct xfrm_selector_evidence *out);
/* NULL for an attribute that is not there. */
struct xfrm_mark_evidence xfrm_mark_evidence(const struct nlattr *attr);
struct xfrm_offload_evidence xfrm_offload_evidence(const struct nlattr *attr);

/*
 * Negotiation has not given it its keys: made by ACQUIRE (no SPI) or by ALLOCSPI (no algorithm; esp_init_state() takes
 * no SA without one). The kernel passes over it, and at every rekeying one stands beside the live SAs.
 */
bool sa_is_larval(const struct xfrm_sa_evidence *sa);

#endif
