/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* IP addresses, and the GIDs of RoCE v2 that stand for them. */
#ifndef RDMASEC_UTIL_ADDRESS_H
#define RDMASEC_UTIL_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROCE_UDP_PORT = 4791 }; /* IANA; InfiniBand Architecture annex A17 */

enum { LOOPBACK_IFINDEX = 1 }; /* include/net/flow.h; in every network namespace (drivers/net/loopback.c) */

union ip_address {
	uint8_t bytes[16]; /* IPv4: the first four */
	struct in_addr v4;
	struct in6_addr v6;
};

size_t address_bits(int family); /* 32 for AF_INET, else 128 */
bool address_equal(int family, const union ip_address *a, const union ip_address *b);
bool address_is_zero(int family, const union ip_address *a);
/* Whether the first `len` bits of both are equal. `len` is at most address_bits(). */
bool address_has_prefix(const union ip_address *address, const union ip_address *prefix, unsigned len);

/* Writes "10.0.0.1" for an IPv4-mapped GID, else IPv6 text, into `text` of INET6_ADDRSTRLEN octets; returns `text`. */
const char *gid_text(const uint8_t raw[16], char *text);
/* Writes the address in a RoCE v2 GID; returns AF_INET if it is IPv4-mapped (::ffff:a.b.c.d), else AF_INET6. */
int gid_address(const uint8_t raw[16], union ip_address *out);
/* Writes the GID that stands for an address. */
void gid_from_address(int family, const union ip_address *address, uint8_t out_raw[16]);
const char *ip_text(int family, const union ip_address *address, char *text);

#endif
