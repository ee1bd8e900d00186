/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The inventory's sources: devices (inventory.c), ports (inventory_port.c) and GIDs (inventory_gids.c) from sysfs,
 * drivers and netdevs from RDMA netlink (inventory_netlink.c), GIDs also from a uverbs fd (inventory_fd.c). Where the
 * kernel is asked, a test can answer in its place.
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

/* Each gives 0 and its output, or -errno when the kernel does not tell: the device is then listed without that fact. */
struct inventory_netlink {
	/* The driver of `device`, whose uverbs device must be `uverbs_rdev`: a device made anew under the same name is
	 * another one. */
	int (*driver_id)(void *context, const char *device, dev_t uverbs_rdev, uint32_t *out_driver_id);
	/* The port's own netdev. -ENODEV: none in this network namespace. */
	int (*port_netdev)(void *context, const char *device, uint32_t port, int *out_ifindex);
	void *context;
};

/*
 * The kernel's RDMA netlink (drivers/infiniband/core/nldev.c), over `transport`. Lists the devices at once. 0, or
 * -errno and a text. Close with inventory_netlink_close().
 */
RS_MUST_USE int inventory_netlink_open(const struct netlink_transport *transport, struct inventory_netlink *out,
				       char *error, size_t error_size);
void inventory_netlink_close(struct inventory_netlink *netlink);

/* inventory_read() and, with `only` not 0, inventory_read_stable(). `netlink` NULL: it tells nothing. */
RS_MUST_USE int inventory_read_with(const char *sysfs, dev_t only, const struct inventory_netlink *netlink,
				    struct rdma_inventory *out, char *error, size_t error_size);

/* ---- sysfs ---- */

enum { SYSFS_VALUE_MAX = 128 }; /* the longest value that is understood, and more */

/* One value without its newline. -EPROTO: longer than anything that is understood, or not one line of text. */
RS_MUST_USE int sysfs_value(int dir, const char *path, char value[static SYSFS_VALUE_MAX]);

/* A number as the kernel prints it: no sign, no blank, no leading zero. Sets *out_end behind it. 0 or -EPROTO. */
RS_MUST_USE int sysfs_number(const char *text, uint32_t max, const char **out_end, uint32_t *out);

/* For scandirat(3), and to free what it gave. */
int sysfs_is_visible(const struct dirent *entry);
void sysfs_names_free(struct dirent **names, int count);

/*
 * Adds the ports, without their GIDs, of the device whose sysfs folder is `dir`. 0, or -errno: -ENOENT or -ENODEV when
 * it went away meanwhile. What was added before an error is freed with the device.
 */
RS_MUST_USE int inventory_read_ports(int dir, struct rdma_device *device);

/* Reads the GIDs of all its ports anew. 0, or as above and the device's GIDs as they were. */
RS_MUST_USE int inventory_read_gids(int dir, struct rdma_device *device);

/* The sysfs folders of a device and of a port in it: an fd or -errno. */
RS_MUST_USE int inventory_device_open(const char *sysfs, const struct rdma_device *device);
RS_MUST_USE int inventory_port_open(int dir, uint32_t number);

/*
 * One GID of the port whose sysfs folder is `port`; of an empty entry *out is not valid. 0; -ENOENT: the table ends
 * before; -ENODEV: it has gone.
 */
RS_MUST_USE int inventory_gid_read(int port, enum port_link_layer link_layer, uint32_t index, struct rdma_gid *out);

/*
 * New GIDs replace the old ones of all ports at once, or not at all. _begin() gives a copy of the ports without GIDs
 * (NULL: no memory), _add() fills it, _end() takes it over if `err` is 0, frees what is not needed, and returns `err`.
 */
struct rdma_port *inventory_gids_begin(const struct rdma_device *device);
RS_MUST_USE int inventory_gid_add(struct rdma_port *port, const struct rdma_gid *gid);
RS_MUST_USE int inventory_gids_end(struct rdma_device *device, struct rdma_port *fresh, int err);

#endif
