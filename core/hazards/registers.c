// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "hazards/registers.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* nft_parse_register() in net/netfilter/nf_tables_api.c */
int registers_at(uint32_t number, size_t len, size_t *out)
{
	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		*out = (number - NFT_REG_1) * NFT_REG_SIZE;
	else if (number >= NFT_REG32_00 && number <= NFT_REG32_15)
		*out = (number - NFT_REG32_00) * NFT_REG32_SIZE;
	else
		return -EPROTO;
	return len && len <= REGISTERS_SIZE - *out ? 0 : -EPROTO;
}

static enum answer answer_of(bool yes)
{
	return yes ? ANSWER_YES : ANSWER_NO;
}

/* The octets that are known decide, if one of them differs. */
static enum answer is_equal(const struct octets *octets, size_t at, const uint8_t *data, size_t len)
{
	bool unknown = false, unnamed = false;

	for (size_t i = 0; i < len; i++) {
		if (octets->known[at + i] == OCTET_KNOWN && octets->value[at + i] != data[i])
			return ANSWER_NO;
		unknown |= octets->known[at + i] == OCTET_UNKNOWN;
		unnamed |= octets->known[at + i] == OCTET_UNNAMED;
	}
	if (unnamed && !unknown)
		return ANSWER_NO;
	return unknown ? ANSWER_MAYBE : ANSWER_YES;
}

static bool all_known(const struct octets *octets, size_t at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (octets->known[at + i] != OCTET_KNOWN)
			return false;
	return true;
}

enum answer octets_compare(const struct octets *octets, size_t at, uint32_t op, const uint8_t *data, size_t len)
{
	enum answer equal = is_equal(octets, at, data, len);
	int order;

	switch (op) {
	case NFT_CMP_EQ:
		return equal;
	case NFT_CMP_NEQ:
		return equal == ANSWER_MAYBE ? ANSWER_MAYBE : answer_of(equal == ANSWER_NO);
	default:
		break;
	}
	if (!all_known(octets, at, len))
		return ANSWER_MAYBE;
	order = memcmp(&octets->value[at], data, len);
	switch (op) {
	case NFT_CMP_LT:
		return answer_of(order < 0);
	case NFT_CMP_LTE:
		return answer_of(order <= 0);
	case NFT_CMP_GT:
		return answer_of(order > 0);
	case NFT_CMP_GTE:
		return answer_of(order >= 0);
	default:
		return ANSWER_MAYBE;
	}
}

/* An address that is not known is not the one that a whole mask names. */
enum answer octets_match(const struct octets *octets, size_t at, const uint8_t *data, const uint8_t *mask, size_t len)
{
	bool unknown = false, unnamed = false, whole = true;

	for (size_t i = 0; i < len; i++) {
		whole &= mask[i] == 0xff;
		if (!mask[i])
			continue;
		if (octets->known[at + i] == OCTET_KNOWN && (octets->value[at + i] ^ data[i]) & mask[i])
			return ANSWER_NO;
		unknown |= octets->known[at + i] == OCTET_UNKNOWN;
		unnamed |= octets->known[at + i] == OCTET_UNNAMED;
	}
	if (unnamed && !unknown)
		return whole ? ANSWER_NO : ANSWER_MAYBE;
	return unknown ? ANSWER_MAYBE : ANSWER_YES;
}

enum answer answer_both(enum answer a, enum answer b)
{
	if (a == ANSWER_NO || b == ANSWER_NO)
		return ANSWER_NO;
	return a == ANSWER_YES && b == ANSWER_YES ? ANSWER_YES : ANSWER_MAYBE;
}
