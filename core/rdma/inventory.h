/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The inventory for a long-lived engine: stable facts of a device are read once, its GIDs for each request.
 * inventory_read() in device.h reads both.
 */
#ifndef RDMASEC_RDMA_INVENTORY_H
#define RDMASEC_RDMA_INVENTORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "rdma/device.h"
#include "util/attributes.h"

struct evidence;
struct netlink_transport;

/*
 * Reads the device behind a uverbs character device (st_rdev of the fd), without GIDs: name, driver, ports with their
 * link layer, state and netdev. Valid until an event about an RDMA device or a link. Returns as inventory_read(), and
 * -ENODEV when it is no such device.
 */
RS_MUST_USE int inventory_read_stable(const char *sysfs, const struct netlink_transport *transport, dev_t uverbs_rdev,
				      struct rdma_inventory *out, char *error, size_t error_size);

/*
 * Finds the uverbs character device of a device, by its name. Returns 0; -ENOENT: there is none, or its node is gone
 * from sysfs because the device is being removed; or -errno. `name` has no '/'.
 */
RS_MUST_USE int inventory_find_uverbs(const char *sysfs, const char *name, dev_t *out);

/* inventory_read() with netdevs as the network namespace of `transport` sees them. */
RS_MUST_USE int inventory_read_over(const char *sysfs, const struct netlink_transport *transport,
				    struct rdma_inventory *out, char *error, size_t error_size);

/* Reads the GIDs of all ports from sysfs, four files each. Returns 0, or -errno with `device` as it was. */
RS_MUST_USE int inventory_gids_from_sysfs(const char *sysfs, struct rdma_device *device);

/*
 * The same by one ioctl on `fd`, a uverbs fd of this device; from sysfs when the kernel has no such ioctl or reports no
 * driver. The ioctl gives the netdev's index in the netdev's own network namespace, and this function looks it up in
 * `ev`: before a GID is judged, inventory_confirm_gid() must confirm it. A netdev that `ev` lacks leaves the GID
 * without one. Returns 0, or -errno with `device` as it was; -EIO when the device was removed.
 */
RS_MUST_USE int inventory_gids_from_fd(const char *sysfs, struct rdma_device *device, int fd,
				       const struct evidence *ev);

/*
 * Compares a GID with sysfs, which has the netdev's name. If they differ the GID loses its netdev: path_resolve() then
 * finds the path unknown, and as a remote the GID is no loopback (gid_is_loopback()). Returns 0; -ENOENT when there is
 * no such GID; -ESTALE when it lost its netdev. A netdev of another namespace with the same index and name passes.
 */
RS_MUST_USE int inventory_confirm_gid(const char *sysfs, struct rdma_device *device, uint32_t port, uint32_t index);

#endif
