// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "messages/verdict.h"

const char *verdict_name(enum verdict_kind kind)
{
	switch (kind) {
	case VERDICT_PROTECTED:
		return "protected";
	case VERDICT_UNPROTECTED:
		return "unprotected";
	default:
		return "unknown";
	}
}

const char *protection_name(enum protection by)
{
	switch (by) {
	case BY_MACSEC:
		return "macsec";
	case BY_IPSEC:
		return "ipsec";
	case BY_LOOPBACK:
		return "loopback";
	case BY_POLICY_NONE:
		return "not required";
	default:
		return "nothing";
	}
}
