/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A packet on its way through the chains: netfilter_judge() in two files, chains (netfilter.c) and expressions. */
#ifndef RDMASEC_HAZARDS_WALK_H
#define RDMASEC_HAZARDS_WALK_H

#include "hazards/registers.h"
#include "hazards/rules.h"

struct nft_walk {
	const struct netfilter *netfilter;
	const struct netfilter_flow *flow;
	const struct nft_chain *base; /* in which it is */
	uint8_t mark[4];              /* host order, as the registers have it */
	bool mark_known;
	enum netfilter_verdict verdict;
	char *chain; /* of the first finding; NETFILTER_CHAIN_MAX octets */
	unsigned steps_left;
};

/* What an expression does with the packet. */
enum nft_effect {
	NFT_EFFECT_NONE = 0,
	NFT_EFFECT_MARK,        /* mark_to, where known */
	NFT_EFFECT_HEADER,      /* the network header changes */
	NFT_EFFECT_TRANSLATE,   /* other addresses */
	NFT_EFFECT_ELSEWHERE,   /* a copy, or another netdev */
	NFT_EFFECT_ANY,         /* not understood */
	NFT_EFFECT_VERDICT,     /* `verdict`, with `chain` for a jump */
	NFT_EFFECT_SOME_VERDICT /* of `set`, for the key at `at`; without a set, any */
};

struct nft_step {
	enum answer matches; /* NO: the rule ends here */
	enum nft_effect effect;
	uint8_t mark_to[4];
	bool mark_to_known;
	int32_t verdict; /* NF_ACCEPT, NF_DROP, NFT_JUMP... */
	char chain[NFT_NAME_SIZE];
	const struct nft_set *set;
	size_t at;
	unsigned cost; /* steps more than one */
};

/* Follows one expression (NFTA_LIST_ELEM). `registers` keep their content within a rule. */
void nft_step_take(const struct nft_walk *walk, const struct nlattr *expression, struct octets *registers,
		   struct nft_step *out);

/* Reads the verdict of a map's element (NFTA_SET_ELEM_DATA) into *out. Returns 0, or -EPROTO if there is none. */
RS_MUST_USE int nft_verdict_read(const struct nlattr *data, struct nft_step *out);

#endif
