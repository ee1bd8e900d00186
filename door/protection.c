// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* RDMASEC_PROTECTION: converts the engine's answer for applications. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "door.h"
#include "messages/verdict.h"
#include "util/ciphers.h"

static enum rdmasec_mechanism mechanism_of(const struct wire_protection *wire)
{
	if (wire->verdict != VERDICT_PROTECTED)
		return RDMASEC_BY_NOTHING;
	switch (wire->by) {
	case BY_MACSEC:
		return RDMASEC_BY_MACSEC;
	case BY_IPSEC:
		return RDMASEC_BY_IPSEC;
	case BY_LOOPBACK:
		return RDMASEC_BY_LOOPBACK;
	default:
		return RDMASEC_BY_NOTHING;
	}
}

static void fill(const struct wire_protection *wire, struct rdmasec_protection *out)
{
	const char *cipher = policy_cipher_name(wire->cipher);

	memset(out, 0, sizeof(*out));
	out->mechanism = mechanism_of(wire);
	memcpy(out->netdev, wire->netdev, sizeof(out->netdev));
	if (out->mechanism == RDMASEC_BY_IPSEC) {
		out->spi_out = wire->spi_out;
		out->spi_in = wire->spi_in;
		out->reqid = wire->reqid;
	} else if (out->mechanism == RDMASEC_BY_MACSEC) {
		out->sci = wire->sci;
	} else {
		return;
	}
	out->offloaded = wire->offloaded;
	if (cipher)
		snprintf(out->cipher, sizeof(out->cipher), "%s", cipher);
}

int door_protection(int fd, uint32_t handle, struct rdmasec_protection *out)
{
	struct wire_protection wire;
	int err = engine_query(door_engine(), fd, handle, &wire);

	if (err)
		return err;
	if (wire.err)
		return -(int)wire.err;
	fill(&wire, out);
	return 0;
}
