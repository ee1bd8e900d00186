// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Lookups. Sources: nft_lookup_eval() in net/netfilter/nft_lookup.c, __nft_rbtree_lookup() in nft_set_rbtree.c,
 * pipapo_get() in nft_set_pipapo.c.
 */
#include "hazards/sets.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

const struct nft_set *nft_set_find(const struct nft_sets *sets, uint8_t family, const char *table, const char *name)
{
	for (size_t i = 0; i < sets->count; i++) {
		const struct nft_set *set = &sets->sets[i];

		if (set->family == family && !strcmp(set->name, name) && !strcmp(set->table, table))
			return set;
	}
	return NULL;
}

/* Fields are padded to whole registers. */
static size_t padded(size_t len)
{
	return (len + NFT_REG32_SIZE - 1) / NFT_REG32_SIZE * NFT_REG32_SIZE;
}

static enum answer is_between(const struct octets *registers, size_t at, const uint8_t *from, const uint8_t *to,
			      size_t len)
{
	if (!memcmp(from, to, len))
		return octets_compare(registers, at, NFT_CMP_EQ, from, len);
	return answer_both(octets_compare(registers, at, NFT_CMP_GTE, from, len),
			   octets_compare(registers, at, NFT_CMP_LTE, to, len));
}

static enum answer match_ranges(const struct nft_set *set, const struct nft_element *element,
				const struct octets *registers, size_t at)
{
	const uint8_t *from = element->key, *to = element->key + set->key_len;
	enum answer answer = ANSWER_YES;
	size_t done = 0;

	for (size_t i = 0; i < set->field_count; i++) {
		size_t len = set->fields[i];

		if (done + len > set->key_len)
			return ANSWER_MAYBE;
		answer = answer_both(answer, is_between(registers, at + done, from + done, to + done, len));
		done += padded(len);
	}
	return set->field_count ? answer : is_between(registers, at, from, to, set->key_len);
}

static enum answer match_element(const struct nft_set *set, const struct nft_element *element,
				 const struct octets *registers, size_t at)
{
	if (!element->key)
		return ANSWER_MAYBE;
	if (element->has_end)
		return match_ranges(set, element, registers, at);
	return octets_compare(registers, at, NFT_CMP_EQ, element->key, set->key_len);
}

/* Whether the number `b` is that after `a`. */
static bool follows(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint8_t next[REGISTERS_SIZE];

	memcpy(next, a, len);
	for (size_t i = len; i-- > 0 && !++next[i];)
		;
	return !memcmp(next, b, len);
}

/* Intervals: from an element that does not end one to the next element. */
static enum answer match_interval(const struct nft_set *set, size_t i, const struct octets *registers, size_t at)
{
	const uint8_t *from = set->elements[i].key, *to = i + 1 < set->count ? set->elements[i + 1].key : NULL;
	enum answer answer;

	if (to && follows(from, to, set->key_len))
		return octets_compare(registers, at, NFT_CMP_EQ, from, set->key_len);
	answer = octets_compare(registers, at, NFT_CMP_GTE, from, set->key_len);
	return to ? answer_both(answer, octets_compare(registers, at, NFT_CMP_LT, to, set->key_len)) : answer;
}

static enum answer match_at(const struct nft_set *set, size_t i, const struct octets *registers, size_t at)
{
	const struct nft_element *element = &set->elements[i];

	if (element->ends)
		return ANSWER_NO;
	if (set->is_interval && element->key && !element->has_end)
		return match_interval(set, i, registers, at);
	return match_element(set, element, registers, at);
}

enum answer nft_set_look_up(const struct nft_set *set, const struct octets *registers, size_t at,
			    const struct nft_element **out)
{
	const struct nft_element *other = NULL;
	enum answer answer = ANSWER_NO;

	*out = NULL;
	if (!set || !set->is_known)
		return ANSWER_MAYBE;
	for (size_t i = 0; i < set->count; i++) {
		enum answer match = ANSWER_NO;

		if (!set->elements[i].key)
			other = &set->elements[i];
		else
			match = match_at(set, i, registers, at);
		if (match == ANSWER_YES) {
			*out = &set->elements[i];
			answer = match;
			break;
		}
		if (match == ANSWER_MAYBE)
			answer = match;
	}
	if (answer == ANSWER_NO && other) {
		*out = other;
		answer = ANSWER_YES;
	}
	if (!*out || !(*out)->is_partial)
		return answer;
	*out = NULL;
	return ANSWER_MAYBE;
}

bool nft_element_may_match(const struct nft_set *set, const struct nft_element *element, const struct octets *registers,
			   size_t at)
{
	return match_at(set, (size_t)(element - set->elements), registers, at) != ANSWER_NO;
}
