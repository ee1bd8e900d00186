// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "util/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "util/text.h"

size_t address_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

bool address_equal(int family, const union ip_address *a, const union ip_address *b)
{
	return memcmp(a->bytes, b->bytes, address_bits(family) / 8) == 0;
}

bool address_is_zero(int family, const union ip_address *a)
{
	static const union ip_address zero;

	return address_equal(family, a, &zero);
}

bool address_has_prefix(const union ip_address *address, const union ip_address *prefix, unsigned len)
{
	unsigned whole = len / 8, rest = len % 8;

	if (memcmp(prefix->bytes, address->bytes, whole))
		return false;
	return !rest || !((prefix->bytes[whole] ^ address->bytes[whole]) & (0xff00 >> rest) & 0xff);
}

/* RFC 4291 2.5.5.2: the prefix of an IPv4-mapped address */
static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

const char *gid_text(const uint8_t raw[16], char *text)
{
	union ip_address address;
	int family = gid_address(raw, &address);

	return ip_text(family, &address, text);
}

int gid_address(const uint8_t raw[16], union ip_address *out)
{
	memset(out, 0, sizeof(*out));
	if (!memcmp(raw, mapped, sizeof(mapped))) {
		memcpy(out->bytes, raw + sizeof(mapped), sizeof(out->v4));
		return AF_INET;
	}
	memcpy(out->bytes, raw, sizeof(out->bytes));
	return AF_INET6;
}

void gid_from_address(int family, const union ip_address *address, uint8_t out_raw[16])
{
	if (family == AF_INET6) {
		memcpy(out_raw, address->bytes, 16);
		return;
	}
	memcpy(out_raw, mapped, sizeof(mapped));
	memcpy(out_raw + sizeof(mapped), address->bytes, 4);
}

const char *ip_text(int family, const union ip_address *address, char *text)
{
	if (!inet_ntop(family, address->bytes, text, INET6_ADDRSTRLEN))
		text_copy(text, INET6_ADDRSTRLEN, "no address");
	return text;
}
