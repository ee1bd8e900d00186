/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Sets and maps of nftables, named and anonymous, with their elements as far as they are understood. */
#ifndef RDMASEC_HAZARDS_SETS_H
#define RDMASEC_HAZARDS_SETS_H

#include <netlink/attr.h>

#include "hazards/registers.h"

enum {
	NFT_SETS_MAX = 1024,     /* whose elements are read */
	NFT_ELEMENTS_MAX = 8192, /* of all sets */
	NFT_FIELDS_MAX = 16,     /* NFT_REG32_COUNT */
};

struct nft_element {
	uint8_t *key;        /* of the set's length, and as much again with `has_end`; NULL: every other key */
	struct nlattr *data; /* NFTA_SET_ELEM_DATA, a copy; NULL: none */
	bool has_end;        /* a range in each field, ends included */
	bool ends;           /* the interval before it ends here (NFT_SET_ELEM_INTERVAL_END) */
	bool is_partial;     /* it has expressions of its own, such as a limit */
};

struct nft_set {
	uint8_t family; /* NFPROTO_* */
	char *table, *name;
	size_t key_len; /* octets */
	uint8_t fields[NFT_FIELDS_MAX];
	size_t field_count; /* 0: one */
	bool is_interval;
	bool is_known;                /* its elements have been read, and packets do not change them */
	struct nft_element *elements; /* intervals: by their key */
	size_t count;
};

struct nft_sets {
	struct nft_set *sets;
	size_t count, element_count;
};

struct netlink_transport;

/* Reads what can be read; a set whose elements are not known is not known. Blocks like netlink_dump(), for each set. */
void nft_sets_read(const struct netlink_transport *transport, struct nft_sets *out);
void nft_sets_free(struct nft_sets *sets);

/* Returns the set, or NULL. */
const struct nft_set *nft_set_find(const struct nft_sets *sets, uint8_t family, const char *table, const char *name);

/*
 * Whether the key at octet `at` of the registers is in the set. With ANSWER_YES *out is the element; else NULL. A set
 * that is not known, or NULL: ANSWER_MAYBE.
 */
enum answer nft_set_look_up(const struct nft_set *set, const struct octets *registers, size_t at,
			    const struct nft_element **out);

/* Whether this element may be the one of the key. */
bool nft_element_may_match(const struct nft_set *set, const struct nft_element *element, const struct octets *registers,
			   size_t at);

#endif
