/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The inventory for an engine that stays: what of a device is stable is read once, its GIDs as often as need be.
 * inventory_read() in path.h reads both.
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
 * The one device behind this uverbs character device (st_rdev of the fd), without GIDs: name, driver, ports with their
 * link layer, state and netdev. Holds until the kernel tells of a change to an RDMA device or to a link. Results as
 * inventory_read(); -ENODEV also if it is no such device.
 */
RS_MUST_USE int inventory_read_stable(const char *sysfs, const struct netlink_transport *transport, dev_t uverbs_rdev,
				      struct rdma_inventory *out, char *error, size_t error_size);

/* inventory_read() as the network namespace of `transport` sees the ports' netdevs. */
RS_MUST_USE int inventory_read_over(const char *sysfs, const struct netlink_transport *transport,
				    struct rdma_inventory *out, char *error, size_t error_size);

/* Reads the GIDs of all ports anew, from sysfs: four files for each. 0, or -errno and `device` as it was. */
RS_MUST_USE int inventory_gids_from_sysfs(const char *sysfs, struct rdma_device *device);

/*
 * The same by one ioctl on `fd`, a uverbs fd of this very device; from sysfs where the kernel has no such ioctl, or
 * does not tell the driver. Netdevs are named by their index in `ev`, but the index is that of the netdev's own network
 * namespace: before a GID is judged, inventory_confirm_gid() has to say that it is ours. A netdev that `ev` does not
 * know leaves the GID without one. 0, or -errno and `device` as it was; -EIO: the device has gone.
 */
RS_MUST_USE int inventory_gids_from_fd(const char *sysfs, struct rdma_device *device, int fd,
				       const struct evidence *ev);

/*
 * Does sysfs, which tells the netdev's name, say the same of this GID? If not, it loses its netdev, which
 * path_resolve() then takes for unknown; and as a remote it makes nothing a loopback any more (gid_is_loopback()). 0;
 * -ENOENT: there is no such GID; -ESTALE: it has lost its netdev. It is no proof where a netdev of another namespace
 * has the same index and the same name as one of ours.
 */
RS_MUST_USE int inventory_confirm_gid(const char *sysfs, struct rdma_device *device, uint32_t port, uint32_t index);

#endif
