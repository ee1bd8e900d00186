/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* One uverbs ioctl being put together, for those who call the kernel (uverbs_call.c, uverbs_gids.c), and their tests.
 */
#ifndef RDMASEC_RDMA_UVERBS_CALL_INTERNAL_H
#define RDMASEC_RDMA_UVERBS_CALL_INTERNAL_H

#include <rdma/rdma_user_ioctl_cmds.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attributes.h"

enum { UVERBS_CALL_ATTRS_MAX = 4 };

struct uverbs_call {
	uint32_t outputs; /* one bit for each attribute that the kernel has to fill */
	union {
		struct ib_uverbs_ioctl_hdr header;
		uint8_t bytes[sizeof(struct ib_uverbs_ioctl_hdr) +
			      UVERBS_CALL_ATTRS_MAX * sizeof(struct ib_uverbs_attr)];
	};
};

void uverbs_call_begin(struct uverbs_call *call, uint32_t driver_id, uint16_t object, uint16_t method);
/* `data` has to stay until the call is done, if it is longer than eight octets. */
void uverbs_call_in(struct uverbs_call *call, uint16_t id, const void *data, uint16_t len);
void uverbs_call_const(struct uverbs_call *call, uint16_t id, uint64_t value);
void uverbs_call_handle(struct uverbs_call *call, uint16_t id, uint32_t handle);
void uverbs_call_out(struct uverbs_call *call, uint16_t id, void *data, uint16_t len);

/* 0; -errno of the kernel; -EPROTO: it succeeded and has left an output unwritten. */
RS_MUST_USE int uverbs_call_do(struct uverbs_call *call, int fd);

/* The kernel's ioctl(RDMA_VERBS_IOCTL), 0 or -errno; tests put theirs here before they call anything. */
extern int (*uverbs_call_kernel)(int fd, struct ib_uverbs_ioctl_hdr *request);

#endif
