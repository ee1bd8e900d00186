/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_BENCH_DEVICE_H
#define RDMASEC_BENCH_DEVICE_H

#include <infiniband/verbs.h>

/* NULL and errno where there is none of this name, or it cannot be opened. */
struct ibv_context *device_open(const char *name);

#endif
