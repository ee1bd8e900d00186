/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Policies and SAs as xfrm (linux/xfrm.h) reports them. No struct here ever holds key material. */
#ifndef RDMASEC_XFRM_FACTS_H
#define RDMASEC_XFRM_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/address.h"

/* Compared with memcmp(), so these structs have no padding, on 64 or 32 bits. */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

struct xfrm_selector_evidence {
	int family;  /* AF_INET, AF_INET6; 0 (AF_UNSPEC) in an SA: the SA has no selector */
	int ifindex; /* 0: any */
	union ip_address daddr, saddr;
	uint16_t dport, dport_mask, sport, sport_mask; /* host order */
	uint8_t daddr_prefix, saddr_prefix;
	uint8_t proto; /* 0: any */
	uint8_t reserved;
};

struct xfrm_mark_evidence {
	uint32_t value, mask;
};

/* XFRMA_OFFLOAD_DEV */
struct xfrm_offload_evidence {
	int ifindex; /* 0: not offloaded */
	bool packet; /* XFRM_OFFLOAD_PACKET, else crypto offload */
	uint8_t reserved[3];
};

enum { XFRM_TEMPLATES_MAX = 6 }; /* XFRM_MAX_DEPTH in net/xfrm.h */

struct xfrm_template_evidence {
	int family;                    /* of the outer addresses */
	union ip_address daddr, saddr; /* used in tunnel and BEET mode; may be all zero in transport mode */
	uint32_t spi;                  /* host order, 0: any */
	uint32_t reqid;                /* 0: any on receive, exactly 0 on send */
	uint8_t proto;                 /* IPPROTO_ESP, IPPROTO_AH, IPPROTO_COMP */
	uint8_t mode;                  /* XFRM_MODE_* */
	bool optional;                 /* "level use": skipped when there is no SA */
	uint8_t reserved;
};

struct xfrm_policy_evidence {
	struct xfrm_selector_evidence sel;
	uint8_t dir;    /* XFRM_POLICY_IN, _OUT, _FWD */
	uint8_t action; /* XFRM_POLICY_ALLOW, _BLOCK */
	uint8_t type;   /* XFRM_POLICY_TYPE_MAIN, _SUB */
	uint8_t tmpl_count;
	uint32_t priority; /* smaller wins */
	uint32_t index;
	uint32_t if_id;
	struct xfrm_mark_evidence mark;
	struct xfrm_offload_evidence offload;
	struct xfrm_template_evidence tmpl[XFRM_TEMPLATES_MAX];
};

enum { XFRM_ALGO_NAME_MAX = 64 };

struct xfrm_sa_evidence {
	struct xfrm_selector_evidence sel;
	union ip_address daddr, saddr;
	int family;   /* of daddr and saddr */
	uint32_t spi; /* host order; 0: larval, still being negotiated */
	uint32_t reqid;
	uint32_t if_id;
	struct xfrm_mark_evidence mark;
	struct xfrm_offload_evidence offload;
	char algorithm[XFRM_ALGO_NAME_MAX]; /* AEAD, else cipher, else authentication; with NUL */
	uint32_t key_bits;                  /* of the AEAD, with the salt, as xfrm counts; else of the cipher */
	uint32_t icv_bits;                  /* of the AEAD */
	uint8_t proto;
	uint8_t mode;
	bool has_aead;   /* XFRMA_ALG_AEAD was present */
	bool expired;    /* its counters have reached a hard limit */
	bool dying;      /* they have reached a soft limit: it still protects, and a successor is due */
	bool pcpu_bound; /* XFRMA_SA_PCPU: serves one CPU only */
	uint8_t reserved[2];
};

#pragma GCC diagnostic pop

#endif
