/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Builds the request of one uverbs ioctl. For callers of the kernel (rdma, supervisor). */
#ifndef RDMASEC_UVERBS_CALL_H
#define RDMASEC_UVERBS_CALL_H

#include <rdma/rdma_user_ioctl_cmds.h>
#include <stddef.h>
#include <stdint.h>

enum { UVERBS_CALL_ATTRS_MAX = 4 };

struct uverbs_call {
	uint32_t outputs; /* one bit for each attribute that the kernel must fill */
	union {
		struct ib_uverbs_ioctl_hdr header;
		uint8_t bytes[sizeof(struct ib_uverbs_ioctl_hdr) +
			      UVERBS_CALL_ATTRS_MAX * sizeof(struct ib_uverbs_attr)];
	};
};

/* Each function below adds one attribute, of which there are at most UVERBS_CALL_ATTRS_MAX. */
void uverbs_call_begin(struct uverbs_call *call, uint32_t driver_id, uint16_t object, uint16_t method);
/* `data` of more than eight octets must stay until the call is done. */
void uverbs_call_in(struct uverbs_call *call, uint16_t id, const void *data, uint16_t len);
void uverbs_call_const(struct uverbs_call *call, uint16_t id, uint64_t value);
void uverbs_call_handle(struct uverbs_call *call, uint16_t id, uint32_t handle);
void uverbs_call_out(struct uverbs_call *call, uint16_t id, void *data, uint16_t len);

/* A whole INVOKE_WRITE: a command of the old write() ABI. `out` may be NULL: the command has no answer. */
void uverbs_call_write_command(struct uverbs_call *call, uint32_t driver_id, uint32_t command, const void *in,
			       uint16_t in_len, void *out, uint16_t out_len);

#endif
