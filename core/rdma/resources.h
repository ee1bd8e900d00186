/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The QPs that the kernel knows (RDMA netlink, drivers/infiniband/core/nldev.c and restrack.c), including those of
 * unguarded processes and the kernel's own. Reading them needs no privilege.
 */
#ifndef RDMASEC_RDMA_RESOURCES_H
#define RDMASEC_RDMA_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netlink/dump.h"
#include "rdma/device.h"
#include "util/attributes.h"

/* enum ib_qp_type in include/rdma/ib_verbs.h; the uapi headers lack these two. */
enum { QP_TYPE_SMI = 0, QP_TYPE_GSI = 1 };

enum { KERNEL_OWNER_MAX = 64 }; /* MODULE_NAME_LEN in linux/module.h, and its NUL */

struct rdma_qp {
	char device[RDMA_DEVICE_NAME_MAX];
	uint32_t port; /* 0: none yet */
	uint32_t qpn;
	bool has_remote_qpn; /* RC and UC */
	uint32_t remote_qpn;
	uint8_t type;  /* enum ib_qp_type */
	uint8_t state; /* enum ib_qp_state */
	bool is_kernel;
	/* The module that made it, printable: of a QP of rdma_cm, the one that owns the connection, if it is known. */
	char kernel_owner[KERNEL_OWNER_MAX];
	uint32_t pid; /* the *thread* that made it; 0: it has ended, or its pid namespace is not visible */
};

struct rdma_resources {
	struct rdma_qp *qps; /* by device, then QP number */
	size_t count;
};

/*
 * Reads the QPs of all devices of the calling thread's network namespace. Returns 0, and resources_free() is due, also
 * when the kernel has no RDMA; or -errno with a text. Between two datagrams the kernel continues by position
 * (res_get_common_dumpit()), so one of several hundred QPs may be missed when others are destroyed at that moment.
 */
RS_MUST_USE int resources_read(struct rdma_resources *out, char *error, size_t error_size);
RS_MUST_USE int resources_read_over(const struct netlink_transport *transport, struct rdma_resources *out, char *error,
				    size_t error_size);

/*
 * The same for one device, by its index, which the kernel does not use again before 2^31 others
 * (xa_alloc_cyclic() in assign_name(), device.c). Also for a device that is being removed: with its node in sysfs it
 * loses its place in the list of devices, but it keeps its index and its QPs until the last open file is closed
 * (ib_uverbs_remove_one() waits for it, where the driver cannot disassociate). Returns 0; -ENODEV when the kernel has
 * unregistered it, so that no QP of it lives; or another -errno with a text.
 */
RS_MUST_USE int resources_read_device(const struct netlink_transport *transport, uint32_t index,
				      struct rdma_resources *out, char *error, size_t error_size);

/* Finds the index of a device by its name. Returns 0; -ENODEV when it is not listed; or -errno. Blocks for the list. */
RS_MUST_USE int resources_device_index(const struct netlink_transport *transport, const char *name, uint32_t *out);

void resources_free(struct rdma_resources *resources);

const struct rdma_qp *resources_find(const struct rdma_resources *resources, const char *device, uint32_t qpn);

/* Whether it is the kernel's QP 0 or QP 1: the MADs of connection management leave by it, also for user programs. */
bool qp_is_connection_management(const struct rdma_qp *qp);

const char *qp_type_name(uint8_t type);   /* "RC", "GSI"... */
const char *qp_state_name(uint8_t state); /* "RTS"... */

#endif
