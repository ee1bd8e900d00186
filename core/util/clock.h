/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_UTIL_CLOCK_H
#define RDMASEC_UTIL_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC, for deadlines and ages. Async-signal-safe. */
int64_t clock_ms(void);

#endif
