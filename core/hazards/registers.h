/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The registers of nftables (NFT_REG32_00 and on), of which some octets are not known. */
#ifndef RDMASEC_HAZARDS_REGISTERS_H
#define RDMASEC_HAZARDS_REGISTERS_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attributes.h"

enum { REGISTERS_SIZE = 64 };

/* What is known of an octet. The zero value: nothing. */
enum octet {
	OCTET_UNKNOWN = 0,
	OCTET_KNOWN,
	OCTET_UNNAMED, /* of an address that no rule names as a whole */
};

struct octets {
	uint8_t value[REGISTERS_SIZE];
	uint8_t known[REGISTERS_SIZE]; /* enum octet */
};

enum answer { ANSWER_MAYBE = 0, ANSWER_YES, ANSWER_NO };

/* Where a register of `len` octets begins. Returns 0, or -EPROTO if there is no such register: a verdict, or too long.
 */
RS_MUST_USE int registers_at(uint32_t number, size_t len, size_t *out);

/* Whether `len` octets from `at` are as `data` by `op` (enum nft_cmp_ops). */
enum answer octets_compare(const struct octets *octets, size_t at, uint32_t op, const uint8_t *data, size_t len);

/* Whether the bits of `mask` among `len` octets from `at` are those of `data`. */
enum answer octets_match(const struct octets *octets, size_t at, const uint8_t *data, const uint8_t *mask, size_t len);

/* Whether both are so. */
enum answer answer_both(enum answer a, enum answer b);

#endif
