/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * RDMA devices by their uverbs node, as one network namespace sees them. Name, driver and ports are kept for a second.
 * GIDs are read each time, by one ioctl on the client's own fd.
 */
#ifndef RDMASEC_RDMA_DEVICE_CACHE_H
#define RDMASEC_RDMA_DEVICE_CACHE_H

#include "evidence/facts.h"
#include "netlink/dump.h"
#include "rdma/device.h"

struct device_cache;

/* Returns NULL without memory. `transport` opens sockets of the namespace, and must outlive the cache. */
struct device_cache *device_cache_new(const struct netlink_transport *transport);
void device_cache_free(struct device_cache *cache);

/*
 * Finds the device behind an open uverbs fd. A `generation` other than the last call's discards what is kept. The
 * result is valid until the next call. Returns 0, or -ENODEV with a text when the fd is not one of a known RDMA device.
 */
RS_MUST_USE int device_cache_get(struct device_cache *cache, int uverbs_fd, const struct evidence *ev,
				 uint64_t generation, const struct rdma_device **out, char *error, size_t error_size);

#endif
