/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_BENCH_DEVICE_H
#define RDMASEC_BENCH_DEVICE_H

#include <infiniband/verbs.h>

/* Returns the opened device; NULL and errno if it does not exist or cannot be opened. The caller closes it. */
struct ibv_context *device_open(const char *name);

#endif
