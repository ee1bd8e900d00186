// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Source: prepare_ipv4_hdr() and prepare_ipv6_hdr() in drivers/infiniband/sw/rxe/rxe_net.c. */
#include "hazards/packet.h"

#include <arpa/inet.h>
#include <string.h>

static void put(struct octets *header, size_t at, const void *value, size_t len)
{
	memcpy(&header->value[at], value, len);
	memset(&header->known[at], OCTET_KNOWN, len);
}

size_t packet_network_header(const struct netfilter_flow *flow, struct octets *out)
{
	const uint8_t udp = IPPROTO_UDP, version4 = 0x45;
	bool v4 = flow->family == AF_INET;
	size_t len = v4 ? 4 : 16, source = v4 ? 12 : 8;

	if (v4)
		put(out, 0, &version4, 1);
	put(out, v4 ? 9 : 6, &udp, 1);
	put(out, source, flow->local, len);
	if (flow->remote)
		put(out, source + len, flow->remote, len);
	else
		memset(&out->known[source + len], flow->each_remote ? OCTET_UNKNOWN : OCTET_UNNAMED, len);
	return v4 ? 20 : 40;
}

void packet_transport_header(struct octets *out, size_t at)
{
	const uint16_t port = htons(ROCE_V2_PORT);

	put(out, at + 2, &port, sizeof(port));
}

void packet_blur_parts(const struct netfilter_flow *flow, size_t offset, size_t len, uint8_t *known)
{
	size_t whole = flow->family == AF_INET ? 4 : 16, at = flow->family == AF_INET ? 16 : 24;

	for (size_t i = 0; i < len; i++)
		if (known[i] == OCTET_UNNAMED && (offset > at || offset + len < at + whole))
			known[i] = OCTET_UNKNOWN;
}
