/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Queries and changes queue pairs of a uverbs fd that another process opened.
 *
 * By ioctl only: handles belong to the open file, and ib_uverbs_ioctl() checks neither credentials nor memory of the
 * process that opened it. write() would be refused (ib_safe_file_access() in uverbs_main.c). `driver_id` must be the
 * device's (rdma_device.driver_id), else the kernel answers EINVAL.
 *
 * Errors: -ENOENT for a handle that does not exist; -EBUSY while the application is destroying it (rdma_core.c).
 * Kernels whose uobj_get_obj_read() loses the error answer -EINVAL to both; uverbs_list_qps() distinguishes them. -EIO
 * when the device was removed. All functions are thread-safe, and block as long as the driver does.
 */
#ifndef RDMASEC_RDMA_UVERBS_CALL_H
#define RDMASEC_RDMA_UVERBS_CALL_H

#include <stddef.h>
#include <stdint.h>

#include "rdma/device.h"
#include "util/attributes.h"
#include "uverbs/decode.h"
#include "uverbs/qp.h"

/* The kernel reports a QP's state and address, but neither its number nor its type. */
struct uverbs_qp_facts {
	enum uverbs_qp_state state;
	uint8_t port; /* of the QP, from INIT on; address.port is that of the address. 0: none */
	/*
	 * From RTR on, the QP's address, or zeros in datagram QPs, which need none. Before RTR it may be a remainder of
	 * earlier use. is_global means nothing: rxe always sets it (rxe_av_to_attr() in rxe_av.c).
	 */
	struct uverbs_address address;
	uint32_t dest_qpn; /* 0: none, or not reported by the driver */
};

/* An attribute's length has 16 bits: no kernel can report more handles or GID entries at once. */
enum {
	UVERBS_QPS_LISTED_MAX = UINT16_MAX / sizeof(uint32_t) - 1,
	UVERBS_GIDS_LISTED_MAX = UINT16_MAX / 32, /* struct ib_uverbs_gid_entry */
};

/*
 * Lists the handles of all QPs of the open file, including those from OPEN_QP, in no order. Returns -ENOSPC when there
 * are more than `room`: the caller retries with more, up to UVERBS_QPS_LISTED_MAX, beyond which none can be listed.
 */
RS_MUST_USE int uverbs_list_qps(int fd, uint32_t driver_id, uint32_t *handles, size_t room, size_t *out_count);

/* The same for objects of another kind, including those of drivers. */
RS_MUST_USE int uverbs_list_objects(int fd, uint32_t driver_id, uint16_t object, uint32_t *handles, size_t room,
				    size_t *out_count);

RS_MUST_USE int uverbs_query_qp(int fd, uint32_t driver_id, uint32_t handle, struct uverbs_qp_facts *out);

/*
 * Moves a QP to ERR: its posted work is flushed with errors, and it sends no more. Returns -ENOTCONN in RESET, from
 * where no QP can go to ERR. A QP in RESET sends nothing, and needs a new address (or RTR), for which a door asks the
 * engine.
 */
RS_MUST_USE int uverbs_qp_to_error(int fd, uint32_t driver_id, uint32_t handle);

/*
 * Destroys a QP that cannot be moved to ERR, as the last resort. Its memory in the application stays mapped, and the
 * application's calls with its handle fail. Returns -EBUSY while another object, such as a multicast group, holds it.
 */
RS_MUST_USE int uverbs_qp_destroy(int fd, uint32_t driver_id, uint32_t handle);

struct gid_entry {
	uint8_t raw[16];
	uint8_t index;
	uint32_t port;
	enum gid_type type; /* the kernel distinguishes GID_TYPE_IB and _ROCE_V1 here */
	int netdev_ifindex; /* in the netdev's own network namespace, which may be another one; 0: none */
};

/*
 * Lists the valid GIDs of all ports. Each port's are consistent: the kernel copies its table under its lock
 * (rdma_query_gid_table() in cache.c). Returns -EPROTONOSUPPORT on kernels before 5.11; -ENOSPC when there are more
 * than `room`; -EINVAL beyond UVERBS_GIDS_LISTED_MAX, or when the fd has no context.
 */
RS_MUST_USE int uverbs_query_gids(int fd, uint32_t driver_id, struct gid_entry *out, size_t room, size_t *out_count);

#endif
