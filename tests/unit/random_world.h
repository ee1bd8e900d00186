/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Random policies, SAs and paths, from alphabets that are small enough for matches. They are close to a world in which
 * everything is protected, so that a good part of the verdicts is PROTECTED. The same seed gives the same sequence
 * everywhere.
 */
#ifndef RDMASEC_TESTS_RANDOM_WORLD_H
#define RDMASEC_TESTS_RANDOM_WORLD_H

#include "decide_fixture.h"

static uint64_t random_state;

/* xorshift64 (Marsaglia 2003). Returns a number below n. */
static inline uint32_t chance(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 33) % n;
}

static inline bool one_in(uint32_t n)
{
	return chance(n) == 0;
}

static inline struct xfrm_offload_evidence random_offload(void)
{
	struct xfrm_offload_evidence offload = { .ifindex = one_in(3) ? ETH1 : ETH0, .packet = !one_in(4) };

	return offload;
}

static inline struct xfrm_selector_evidence random_selector(const struct world *w, int family)
{
	static const uint8_t prefixes[] = { 0, 30, 32, 32, 32 };
	int shift = family == AF_INET ? 0 : 96;
	struct xfrm_selector_evidence sel = {
		.family = family,
		.saddr = host(w, (uint8_t)(1 + chance(3))),
		.daddr = host(w, (uint8_t)(1 + chance(3))),
		.proto = one_in(5)   ? 0
			 : one_in(9) ? IPPROTO_TCP
				     : IPPROTO_UDP,
		.ifindex = one_in(9) ? ETH0 + (int)chance(3) : 0,
	};

	sel.saddr_prefix = (uint8_t)(prefixes[chance(5)] + shift);
	sel.daddr_prefix = (uint8_t)(prefixes[chance(5)] + shift);
	if (one_in(6)) {
		sel.dport = 4791;
		sel.dport_mask = 0xffff;
	}
	if (one_in(9)) {
		sel.sport = (uint16_t)(0xc000 + chance(2));
		sel.sport_mask = 0xffff;
	}
	return sel;
}

static inline int random_family(const struct world *w)
{
	return one_in(10) ? (w->path.family == AF_INET ? AF_INET6 : AF_INET) : w->path.family;
}

/* One in RARELY fields differs from the good world. */
enum { RARELY = 12 };

static inline struct xfrm_policy_evidence random_policy(const struct world *w, uint32_t index)
{
	uint8_t dir = one_in(RARELY) ? XFRM_POLICY_FWD : (uint8_t)chance(2);
	struct xfrm_policy_evidence policy =
		esp_policy(w, dir, dir == XFRM_POLICY_OUT ? 1 : 2, dir == XFRM_POLICY_OUT ? 2 : 1);

	if (one_in(2))
		policy.sel = random_selector(w, random_family(w));
	policy.index = index;
	policy.priority = chance(4);
	policy.action = one_in(RARELY) ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
	policy.type = one_in(30) ? XFRM_POLICY_TYPE_SUB : XFRM_POLICY_TYPE_MAIN;
	policy.tmpl_count = one_in(6) ? 0 : 1 + one_in(8);
	for (size_t i = 0; i < policy.tmpl_count; i++) {
		policy.tmpl[i] = policy.tmpl[0];
		policy.tmpl[i].reqid = one_in(3) ? chance(3) : 7;
		policy.tmpl[i].optional = one_in(RARELY);
		policy.tmpl[i].spi = one_in(30) ? 1 + chance(4) : 0;
		if (one_in(5))
			policy.tmpl[i].mode = XFRM_MODE_TUNNEL;
		if (policy.tmpl[i].mode == XFRM_MODE_TUNNEL || one_in(9)) {
			policy.tmpl[i].saddr = host(w, (uint8_t)chance(3));
			policy.tmpl[i].daddr = host(w, (uint8_t)(1 + chance(3)));
			if (one_in(2))
				policy.tmpl[i].saddr = policy.tmpl[i].daddr = host(w, 11);
		}
	}
	if (one_in(RARELY))
		policy.mark = (struct xfrm_mark_evidence){ chance(2), 0xff };
	policy.if_id = one_in(RARELY) ? chance(2) : 0;
	if (one_in(10))
		policy.offload = one_in(2) ? random_offload() : (struct xfrm_offload_evidence){ 0 };
	return policy;
}

static inline void random_algorithm(struct xfrm_sa_evidence *sa)
{
	if (one_in(3)) {
		sa->has_aead = false;
		sa->key_bits = sa->icv_bits = 0;
		strcpy(sa->algorithm, one_in(2) ? "" : "ecb(cipher_null)");
	} else if (one_in(2)) {
		sa->key_bits = one_in(2) ? 160 : 224;
	} else {
		sa->icv_bits = 96;
	}
}

static inline struct xfrm_sa_evidence random_sa(const struct world *w)
{
	bool outbound = one_in(2);
	struct xfrm_sa_evidence sa = esp_sa(w, 1 + chance(9), outbound ? 1 : 2, outbound ? 2 : 1);

	if (one_in(3)) {
		sa.saddr = host(w, (uint8_t)chance(4));
		sa.daddr = host(w, (uint8_t)(1 + chance(3)));
	}
	if (one_in(20)) {
		sa.family = random_family(w);
		if (sa.family == AF_INET) { /* no message of an IPv4 SA carries the other octets of an IPv6 address */
			memset(sa.saddr.bytes + 4, 0, sizeof(sa.saddr) - 4);
			memset(sa.daddr.bytes + 4, 0, sizeof(sa.daddr) - 4);
		}
	}
	if (one_in(3))
		sa.reqid = chance(3);
	if (one_in(5)) {
		sa.mode = XFRM_MODE_TUNNEL;
		if (one_in(2)) /* from a gateway to itself, which no path here uses */
			sa.saddr = sa.daddr = host(w, 11);
	}
	if (one_in(30))
		sa.proto = IPPROTO_AH;
	if (one_in(8))
		random_algorithm(&sa);
	if (one_in(RARELY))
		sa.sel = random_selector(w, sa.family);
	if (one_in(RARELY))
		sa.mark = (struct xfrm_mark_evidence){ chance(2), 0xff };
	sa.if_id = one_in(RARELY) ? chance(2) : 0;
	if (one_in(10))
		sa.offload = one_in(2) ? random_offload() : (struct xfrm_offload_evidence){ 0 };
	sa.expired = one_in(RARELY);
	sa.dying = one_in(RARELY);
	sa.pcpu_bound = one_in(30);
	return sa;
}

/* Chooses where a QP of this world's device could send, and what the policy requires. */
static inline void random_path(struct world *w)
{
	uint32_t scope = chance(10);

	w->path.scope = scope < 6 ? REMOTE_ONE : scope < 9 ? REMOTE_EVERY : REMOTE_SOME;
	w->path.local = host(w, (uint8_t)(one_in(6) ? 3 : 1));
	w->path.remote = host(w, (uint8_t)(one_in(6) ? 3 : 2));
	w->path.has_sport = one_in(3);
	w->path.sport = (uint16_t)(0xc000 + chance(2));
	w->req.require = one_in(4) ? REQUIRE_ANY : w->ev.secy_count ? REQUIRE_MACSEC : REQUIRE_IPSEC;
}

/* A good world without policies and SAs; one in six has MACsec. */
static inline void random_world(struct world *w)
{
	bool macsec = one_in(6);

	world_init(w, one_in(3) ? RDMA_DRIVER_MLX5 : RDMA_DRIVER_RXE, one_in(3) ? AF_INET6 : AF_INET,
		   macsec ? MACSEC0 : ETH0);
	if (macsec)
		world_add_macsec(w);
	random_path(w);
}

#endif
