/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What an application asks for of its own accord (rdmasec/rdma_sec.h), beyond what the host's policy requires of it. It
 * can only make more of it: the engine joins both, and refuses what they cannot both have.
 */
#ifndef RDMASEC_UTIL_WANT_H
#define RDMASEC_UTIL_WANT_H

#include <stdint.h>

/* The values of 1 and more are those of enum rdmasec_require and enum rdmasec_granularity. */
enum want_require { WANT_NOTHING = 0, WANT_ANY, WANT_MACSEC, WANT_IPSEC, WANT_REQUIRE_COUNT };
enum want_granularity { WANT_NO_GRANULARITY = 0, WANT_HOST, WANT_QP, WANT_GRANULARITY_COUNT };

/* Nobody, neither the policy nor an application, may have a call wait for longer. */
enum { SETUP_TIMEOUT_MAX_MS = 5 * 60 * 1000 };

struct want {
	uint32_t require;          /* enum want_require */
	uint32_t granularity;      /* enum want_granularity */
	uint32_t setup_timeout_ms; /* 0: as the policy has it */
};

#endif
