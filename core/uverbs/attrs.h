/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The request of one uverbs ioctl, copied once, and its attributes. Private to the decoder. */
#ifndef RDMASEC_UVERBS_ATTRS_H
#define RDMASEC_UVERBS_ATTRS_H

#include <rdma/rdma_user_ioctl_cmds.h>

#include "uverbs/decode.h"

/* The kernel takes at most a page (uverbs_ioctl.c, ib_uverbs_ioctl); the decoder takes at most the smallest page size.
 */
enum { UVERBS_REQUEST_MAX = 4096 };

struct uverbs_request {
	const struct uverbs_memory *memory;
	size_t attr_count;
	union {
		struct ib_uverbs_ioctl_hdr header;
		uint8_t bytes[UVERBS_REQUEST_MAX];
	};
};

/* Reads the header only. Returns 0; -EFAULT; -EINVAL for a length that the kernel refuses as well. */
RS_MUST_USE int uverbs_request_open(struct uverbs_request *request, const struct uverbs_memory *memory,
				    uint64_t address);
/* Reads the attributes. Returns 0; -EFAULT; -E2BIG for more than UVERBS_REQUEST_MAX; -EINVAL for a duplicate. */
RS_MUST_USE int uverbs_request_read_attrs(struct uverbs_request *request, uint64_t address);

/* Returns NULL when the request lacks the attribute. */
const struct ib_uverbs_attr *uverbs_attr_find(const struct uverbs_request *request, uint16_t id);

/*
 * Copies an input attribute: inline up to eight octets, else through its pointer. Octets that it lacks up to `size` are
 * zero, as for the kernel (uverbs_cmd.c, uverbs_request). Returns 0; -ENOENT; -EINVAL for fewer than `min` octets;
 * -EFAULT.
 */
RS_MUST_USE int uverbs_attr_copy_in(const struct uverbs_request *request, uint16_t id, size_t min, void *to,
				    size_t size);
/* Copies the kernel's answer in an output attribute, always through its pointer. Returns 0, -ENOENT, -EINVAL, -EFAULT.
 */
RS_MUST_USE int uverbs_attr_copy_out(const struct uverbs_request *request, uint16_t id, void *to, size_t size);
/* Reads a constant or a handle, the 64 bits of the attribute itself. Returns 0 or -ENOENT. */
RS_MUST_USE int uverbs_attr_const(const struct uverbs_request *request, uint16_t id, uint64_t *out);

/* Decodes the command in an INVOKE_WRITE. Returns as uverbs_decode(). */
RS_MUST_USE int uverbs_decode_write(const struct uverbs_request *request, enum uverbs_phase phase,
				    struct uverbs_command *out);

/* Decodes a GET_CONTEXT: whether it asks mlx5 for DEVX. Returns as uverbs_decode(). */
RS_MUST_USE int uverbs_decode_context(const struct uverbs_request *request, struct uverbs_command *out);

/* ---- mlx5's own: mlx5.c ---- */

/* Whether it is a device command of DEVX, whose attributes must be read. */
bool uverbs_is_devx_command(const struct uverbs_command *command);
/* Same results as uverbs_decode(). */
RS_MUST_USE int uverbs_decode_devx(const struct uverbs_request *request, enum uverbs_phase phase,
				   struct uverbs_command *out);
/* The kind of mlx5's other objects, and of its methods of common objects, by their ids alone. */
enum uverbs_kind uverbs_mlx5_object_kind(uint16_t object, uint16_t method);
enum uverbs_kind uverbs_mlx5_method_kind(uint16_t object, uint16_t method);

/* Sets *out to MALFORMED with this static text, and returns 0. */
int uverbs_malformed(struct uverbs_command *out, const char *why);

#endif
