/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What an application requires beyond the host's policy (rdmasec/rdma_sec.h). It can only add requirements: the engine
 * joins both, and refuses a path that cannot satisfy both.
 */
#ifndef RDMASEC_UTIL_WANT_H
#define RDMASEC_UTIL_WANT_H

#include <stdint.h>

/* The values of 1 and more are those of enum rdmasec_require and enum rdmasec_granularity. */
enum want_require { WANT_NOTHING = 0, WANT_ANY, WANT_MACSEC, WANT_IPSEC, WANT_REQUIRE_COUNT };
enum want_granularity { WANT_NO_GRANULARITY = 0, WANT_HOST, WANT_QP, WANT_GRANULARITY_COUNT };

/* The longest wait that a policy or an application may ask for. */
enum { SETUP_TIMEOUT_MAX_MS = 5 * 60 * 1000 };

struct want {
	uint32_t require;          /* enum want_require */
	uint32_t granularity;      /* enum want_granularity */
	uint32_t setup_timeout_ms; /* 0: the policy's value holds */
};

#endif
