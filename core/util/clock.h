/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Clocks. */
#ifndef RDMASEC_UTIL_CLOCK_H
#define RDMASEC_UTIL_CLOCK_H

#include <stdint.h>
#include <sys/time.h>

/* Returns the milliseconds of CLOCK_MONOTONIC, for deadlines and ages. Async-signal-safe. */
int64_t clock_ms(void);

/*
 * Returns the microseconds of processor time that the calling thread has had, for the cost of work: a wait for a helper
 * or for the host's processor is not the work of the one who asks. Async-signal-safe.
 */
int64_t clock_work_us(void);

/* Returns the same time span for timers and socket options. `ms` is not negative. */
struct timeval clock_timeval(int64_t ms);

/* Returns the nanoseconds of CLOCK_REALTIME, for records. Async-signal-safe. */
int64_t clock_realtime_ns(void);

#endif
