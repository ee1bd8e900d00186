/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The RDMA devices of this host: drivers, ports and GIDs. */
#ifndef RDMASEC_RDMA_DEVICE_H
#define RDMASEC_RDMA_DEVICE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/attributes.h"

enum { RDMA_DEVICE_NAME_MAX = 64, RDMA_GIDS_MAX = 256 }; /* sgid_index is a u8 in the ABI */

/* How a driver sends packets. drivers.c has one row a driver, with the source of each fact. */
enum driver_egress {
	EGRESS_UNKNOWN = 0,      /* an unknown driver: its packets cannot be judged */
	EGRESS_HOST_STACK,       /* rxe: through the kernel's IP stack by the GID's netdev */
	EGRESS_NIC_MACSEC_IPSEC, /* mlx5: the NIC applies its own MACsec and IPsec tables */
	EGRESS_NIC_CLEAR,        /* other drivers: the NIC sends in clear, nothing protects */
};

struct driver_traits {
	uint32_t driver_id; /* enum rdma_driver_id */
	const char *name;
	enum driver_egress egress;
	bool ud_address_in_wqe;          /* UD addresses come from user memory at post time: CREATE_AH binds nothing */
	bool driver_qp_needs_no_address; /* IBV_QPT_DRIVER QPs (DCI, SRD) send without an address from MODIFY_QP */
	bool flow_has_ports;             /* the xfrm lookup sees UDP ports */
	bool sport_from_flow_label;      /* an RC QP's UDP source port is rdma_get_udp_sport()'s */
	const char *pci_driver;          /* for drivers that report no id: their PCI device's driver. Else NULL */
};

/* Returns the row of a driver. Never NULL: an id that is not in the table gives the unknown driver's row. */
const struct driver_traits *driver_traits(uint32_t driver_id);
/* Finds the driver by its PCI device's driver (sysfs device/driver), among those that report no id. False: none. */
RS_MUST_USE bool driver_of_pci_driver(const char *pci_driver, uint32_t *out_driver_id);

enum gid_type { GID_TYPE_UNKNOWN = 0, GID_TYPE_IB, GID_TYPE_ROCE_V1, GID_TYPE_ROCE_V2 };

struct rdma_gid {
	bool valid; /* not an empty entry */
	uint8_t index;
	uint8_t raw[16];
	enum gid_type type;
	char netdev[IF_NAMESIZE]; /* "" if the entry has none */
};

enum port_link_layer { LINK_LAYER_UNKNOWN, LINK_LAYER_ETHERNET, LINK_LAYER_INFINIBAND };

struct rdma_port {
	uint32_t number; /* 1.. */
	enum port_link_layer link_layer;
	bool active;           /* port state is ACTIVE */
	int netdev_ifindex;    /* the port's own netdev in this network namespace, 0: none, or in another one */
	struct rdma_gid *gids; /* valid ones only, by index */
	size_t gid_count;
};

struct rdma_device {
	char name[RDMA_DEVICE_NAME_MAX]; /* "rxe0" */
	dev_t uverbs_rdev;               /* of /dev/infiniband/uverbsN, 0: none */
	char uverbs_name[32];            /* "uverbs0" */
	bool index_known;                /* the index that RDMA netlink has for it, which no other device gets */
	uint32_t index;
	bool driver_known; /* from RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID, or from sysfs */
	uint32_t driver_id;
	struct rdma_port *ports;
	size_t port_count;
};

struct rdma_inventory {
	struct rdma_device *devices;
	size_t device_count;
};

/*
 * Lists the RDMA devices, ports and GIDs of this network namespace, from sysfs and RDMA netlink (drivers/infiniband/
 * core/nldev.c, sysfs.c, cache.c). Needs no privilege. `sysfs` is "/sys", or a folder of a test. Returns 0, and
 * inventory_free() is due; -ENODEV when the kernel has no RDMA subsystem; or another -errno with a text.
 */
RS_MUST_USE int inventory_read(const char *sysfs, struct rdma_inventory *out, char *error, size_t error_size);

void inventory_free(struct rdma_inventory *inventory);

const struct rdma_port *device_port(const struct rdma_device *device, uint32_t number);
const struct rdma_gid *port_gid(const struct rdma_port *port, uint32_t index);

/* Whether the port's own table has this GID, with the type and netdev of `from`: packets to it stay inside the port. */
bool gid_is_loopback(const struct rdma_port *port, const struct rdma_gid *from, const uint8_t remote[16]);

#endif
