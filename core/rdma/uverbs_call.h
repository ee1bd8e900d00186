/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What an engine asks of, and does to, the queue pairs of a uverbs fd that another process has opened.
 *
 * All of it by ioctl: handles belong to the open file, and ib_uverbs_ioctl() looks neither at credentials nor at the
 * memory of whoever opened it; write() would be refused (ib_safe_file_access() in uverbs_main.c). `driver_id` has to
 * be that of the device (rdma_device.driver_id), else the kernel answers EINVAL.
 *
 * A handle that is not there is -ENOENT, and one that is busy for this moment, because the application is destroying
 * it, -EBUSY (rdma_core.c); kernels whose uobj_get_obj_read() loses the error answer -EINVAL to both, and only
 * uverbs_list_qps() tells them apart. -EIO: the device has gone. All thread-safe.
 */
#ifndef RDMASEC_RDMA_UVERBS_CALL_H
#define RDMASEC_RDMA_UVERBS_CALL_H

#include <stddef.h>
#include <stdint.h>

#include "rdma/device.h"
#include "util/attributes.h"
#include "uverbs/decode.h"

/* enum ib_qp_state in include/rdma/ib_verbs.h, which the uapi headers do not repeat */
enum uverbs_qp_state {
	UVERBS_QPS_RESET,
	UVERBS_QPS_INIT,
	UVERBS_QPS_RTR,
	UVERBS_QPS_RTS,
	UVERBS_QPS_SQD,
	UVERBS_QPS_SQE,
	UVERBS_QPS_ERR,
};

/* The kernel tells a QP's state and address, but neither its own number nor its type. */
struct uverbs_qp_facts {
	enum uverbs_qp_state state;
	uint8_t port; /* of the QP, from INIT on; address.port is that of the address. 0: none */
	/*
	 * From RTR on, the address that was given, or zeros where none is needed: in datagram QPs. Before, what may be
	 * left of an earlier life of the QP. is_global says nothing: rxe sets it always (rxe_av_to_attr() in rxe_av.c).
	 */
	struct uverbs_address address;
	uint32_t dest_qpn; /* 0: none, or the driver has none to tell */
};

/* The length of an attribute has 16 bits: more handles, or GID entries, than this no kernel can tell at once. */
enum {
	UVERBS_QPS_LISTED_MAX = UINT16_MAX / sizeof(uint32_t) - 1,
	UVERBS_GIDS_LISTED_MAX = UINT16_MAX / 32, /* struct ib_uverbs_gid_entry */
};

/*
 * The handles of all QPs of the open file, also of those it got by OPEN_QP, in no order. -ENOSPC: there are more than
 * `room`, try again with more; with UVERBS_QPS_LISTED_MAX, they cannot be listed.
 */
RS_MUST_USE int uverbs_list_qps(int fd, uint32_t driver_id, uint32_t *handles, size_t room, size_t *out_count);

/* The same of objects of another kind, those of drivers among them. */
RS_MUST_USE int uverbs_list_objects(int fd, uint32_t driver_id, uint16_t object, uint32_t *handles, size_t room,
				    size_t *out_count);

RS_MUST_USE int uverbs_query_qp(int fd, uint32_t driver_id, uint32_t handle, struct uverbs_qp_facts *out);

/*
 * What it has posted is flushed with errors, and it sends no more; from any state but RESET, from where the kernel lets
 * no QP go to ERR: -ENOTCONN. There it sends nothing, and has to get its address (or RTR) anew, which a door asks for.
 */
RS_MUST_USE int uverbs_qp_to_error(int fd, uint32_t driver_id, uint32_t handle);

/*
 * The last resort, for a QP that cannot be moved to ERR: its memory in the application stays mapped, and whatever the
 * application does with its handle fails. -EBUSY: something else holds it just now, or for good (a multicast group).
 */
RS_MUST_USE int uverbs_qp_destroy(int fd, uint32_t driver_id, uint32_t handle);

struct gid_entry {
	uint8_t raw[16];
	uint8_t index;
	uint32_t port;
	enum gid_type type; /* GID_TYPE_IB and _ROCE_V1 are told apart by the kernel */
	int netdev_ifindex; /* in the netdev's own network namespace, which need not be ours; 0: none */
};

/*
 * All valid GIDs of all ports, each one exact in itself: the kernel copies a port's table under its lock
 * (rdma_query_gid_table() in cache.c). -EPROTONOSUPPORT: a kernel before 5.11. -ENOSPC: more than `room`; the kernel
 * itself answers -EINVAL beyond UVERBS_GIDS_LISTED_MAX. The fd needs a context, or it is -EINVAL as well.
 */
RS_MUST_USE int uverbs_query_gids(int fd, uint32_t driver_id, struct gid_entry *out, size_t room, size_t *out_count);

#endif
