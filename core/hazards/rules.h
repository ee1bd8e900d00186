/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The chains and rules of nftables, as netfilter_read.c reads them and netfilter_judge() follows them. */
#ifndef RDMASEC_HAZARDS_RULES_H
#define RDMASEC_HAZARDS_RULES_H

#include <netlink/attr.h>

#include "hazards/netfilter.h"
#include "hazards/sets.h"

enum { NFT_NAME_SIZE = 256 }; /* with its NUL: NFT_NAME_MAXLEN */

struct nft_rule {
	struct nlattr *expressions; /* NFTA_RULE_EXPRESSIONS, a copy; NULL: none */
	struct nft_rule *next;
};

enum nft_hook {
	NFT_HOOK_NONE = 0, /* reached by a jump only, or of no concern here */
	NFT_HOOK_OUTPUT,
	NFT_HOOK_POSTROUTING,
	NFT_HOOK_EGRESS, /* of `netdev` */
};

struct nft_chain {
	uint8_t family; /* NFPROTO_* */
	char *table, *name;
	enum nft_hook hook;
	bool is_base;
	bool is_dormant; /* its table is */
	bool reroutes;   /* type route */
	bool drops;      /* its policy */
	int32_t priority;
	char **netdevs; /* NFT_HOOK_EGRESS */
	size_t netdev_count;
	struct nft_rule *rules, *last;
};

struct netfilter {
	struct nft_chain *chains;
	size_t chain_count, rule_count;
	struct {
		uint8_t family;
		char *name;
	} * dormant; /* tables */
	size_t dormant_count;
	struct nft_sets sets;
};

/* Returns the chain, or NULL. `near`: from where to search, as the kernel lists chains and rules in the same order. */
struct nft_chain *nft_chain_find(const struct netfilter *netfilter, uint8_t family, const char *table, const char *name,
				 size_t near);

#endif
