/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_GATE_STANDS_H
#define RDMASEC_GATE_STANDS_H

#include <stdbool.h>

struct evidence;

/*
 * Whether the gate stands, before the filters of others, on every netdev by which packets of a software RDMA device on
 * `ifindex` can leave. False if there is none, or if one cannot be asked. In the calling thread's network namespace;
 * blocks for the kernel. Any user can ask.
 */
bool gate_stands(const struct evidence *ev, int ifindex);

#endif
