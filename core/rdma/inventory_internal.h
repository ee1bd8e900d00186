/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The inventory's sources: devices (inventory.c), ports (inventory_port.c) and GIDs (inventory_gids.c) from sysfs,
 * drivers and netdevs from RDMA netlink (inventory_netlink.c), GIDs also from a uverbs fd (inventory_fd.c). A test can
 * answer in the kernel's place.
 */
#ifndef RDMASEC_RDMA_INVENTORY_INTERNAL_H
#define RDMASEC_RDMA_INVENTORY_INTERNAL_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "netlink/dump.h"
#include "rdma/device.h"
#include "util/attributes.h"

/* Each function returns 0, or -errno when the kernel does not report the fact; the device is then listed without it. */
struct inventory_netlink {
	/* The index of `device` in RDMA netlink. NULL: indexes stay unknown. */
	int (*index)(void *context, const char *device, uint32_t *out_index);
	/* The driver of `device`, if its uverbs device is `uverbs_rdev`: a new device may have the same name. */
	/*
	 * Whether the device is in the network namespace of the socket; NULL: not known. sysfs may be that of another
	 * namespace, and in exclusive mode (rdma-system(8)) shows devices that programs here cannot open.
	 */
	bool (*is_here)(void *context, const char *device);
	int (*driver_id)(void *context, const char *device, dev_t uverbs_rdev, uint32_t *out_driver_id);
	/* The port's own netdev. -ENODEV: none in this network namespace. */
	int (*port_netdev)(void *context, const char *device, uint32_t port, int *out_ifindex);
	void *context;
};

/*
 * Opens RDMA netlink over `transport` and lists the devices (nldev_open()). Returns 0, and inventory_netlink_close() is
 * due, or -errno with a text.
 */
RS_MUST_USE int inventory_netlink_open(const struct netlink_transport *transport, struct inventory_netlink *out,
				       char *error, size_t error_size);
void inventory_netlink_close(struct inventory_netlink *netlink);

/* inventory_read(), or, with `only` not 0, inventory_read_stable(). `netlink` NULL: drivers stay unknown. */
RS_MUST_USE int inventory_read_with(const char *sysfs, dev_t only, const struct inventory_netlink *netlink,
				    struct rdma_inventory *out, char *error, size_t error_size);

/* ---- sysfs ---- */

enum { SYSFS_VALUE_MAX = 128 }; /* longer than every known value */

/* Reads one value without its newline. -EPROTO when it is too long or not one line of text. */
RS_MUST_USE int sysfs_value(int dir, const char *path, char value[static SYSFS_VALUE_MAX]);

/* Parses a number as the kernel prints it: no sign, blank or leading zero. Sets *out_end behind it. 0 or -EPROTO. */
RS_MUST_USE int sysfs_number(const char *text, uint32_t max, const char **out_end, uint32_t *out);

/* The filter for scandirat(3), and a function to free its result. */
int sysfs_is_visible(const struct dirent *entry);
void sysfs_names_free(struct dirent **names, int count);

/*
 * Adds the ports, without GIDs, of the device whose sysfs folder is `dir`. Returns 0, or -errno, which is -ENOENT or
 * -ENODEV when the device was removed. Ports that were added before an error are freed with the device.
 */
RS_MUST_USE int inventory_read_ports(int dir, struct rdma_device *device);

/* Reads the GIDs of all its ports. Returns 0, or as above with the device's GIDs as they were. */
RS_MUST_USE int inventory_read_gids(int dir, struct rdma_device *device);

/* Open the sysfs folder of a device, and of a port in it. Return an fd or -errno. */
RS_MUST_USE int inventory_device_open(const char *sysfs, const struct rdma_device *device);
RS_MUST_USE int inventory_port_open(int dir, uint32_t number);

/* The type that sysfs calls "IB/RoCE v1" (gid_type_str[] in cache.c): the link layer decides. */
enum gid_type gid_type_v1(enum port_link_layer link_layer);

/*
 * Reads one GID of the port whose sysfs folder is `port`; for an empty entry, out->valid is false. Returns 0; -ENOENT
 * behind the end of the table; -ENODEV when the device was removed.
 */
RS_MUST_USE int inventory_gid_read(int port, enum port_link_layer link_layer, uint32_t index, struct rdma_gid *out);

/*
 * Replace the GIDs of all ports at once, or not at all. _begin() returns a copy of the ports without GIDs, NULL without
 * memory; _add() fills it; _end() installs it if `err` is 0, frees the other set, and returns `err`.
 */
struct rdma_port *inventory_gids_begin(const struct rdma_device *device);
RS_MUST_USE int inventory_gid_add(struct rdma_port *port, const struct rdma_gid *gid);
RS_MUST_USE int inventory_gids_end(struct rdma_device *device, struct rdma_port *fresh, int err);

#endif
