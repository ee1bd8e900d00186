/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * RDMA devices by their uverbs node, as one network namespace sees them. What stays (name, driver, ports) is kept for a
 * moment; GIDs are asked of the device each time, by one ioctl on the client's own fd.
 */
#ifndef RDMASEC_RDMA_DEVICE_CACHE_H
#define RDMASEC_RDMA_DEVICE_CACHE_H

#include "evidence/facts.h"
#include "netlink/dump.h"
#include "rdma/device.h"

struct device_cache;

/* NULL: no memory. `transport` opens sockets of the namespace in question, and outlives the cache. */
struct device_cache *device_cache_new(const struct netlink_transport *transport);
void device_cache_free(struct device_cache *cache);

/*
 * The device behind an open uverbs fd. `generation`: when it differs from last time's, nothing kept is believed. The
 * result is valid until the next call. 0; -ENODEV and a text: the fd is of no RDMA device, or it cannot be told of
 * which.
 */
RS_MUST_USE int device_cache_get(struct device_cache *cache, int uverbs_fd, const struct evidence *ev,
				 uint64_t generation, const struct rdma_device **out, char *error, size_t error_size);

#endif
