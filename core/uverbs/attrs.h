/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The request of one uverbs ioctl, copied once, and its attributes. Private to the decoder. */
#ifndef RDMASEC_UVERBS_ATTRS_H
#define RDMASEC_UVERBS_ATTRS_H

#include <rdma/rdma_user_ioctl_cmds.h>

#include "uverbs/decode.h"

/* The kernel takes at most a page (uverbs_ioctl.c, ib_uverbs_ioctl); we take at most the smallest page there is. */
enum { UVERBS_REQUEST_MAX = 4096 };

struct uverbs_request {
	const struct uverbs_memory *memory;
	size_t attr_count;
	union {
		struct ib_uverbs_ioctl_hdr header;
		uint8_t bytes[UVERBS_REQUEST_MAX];
	};
};

/* 0; -EFAULT; -EINVAL for a length that the kernel refuses as well. Reads the header only. */
RS_MUST_USE int uverbs_request_open(struct uverbs_request *request, const struct uverbs_memory *memory,
				    uint64_t address);
/* Reads the attributes that follow the header. 0; -EFAULT; -E2BIG: more than we take; -EINVAL: one comes twice. */
RS_MUST_USE int uverbs_request_read_attrs(struct uverbs_request *request, uint64_t address);

/* NULL: the request does not carry it. */
const struct ib_uverbs_attr *uverbs_attr_find(const struct uverbs_request *request, uint16_t id);

/*
 * Copies an input attribute: inline up to eight octets, else through its pointer. It has at least `min` octets; what it
 * lacks up to `size` reads as zero, as for the kernel (uverbs_cmd.c, uverbs_request). 0, -ENOENT, -EINVAL: shorter than
 * `min`, -EFAULT.
 */
RS_MUST_USE int uverbs_attr_copy_in(const struct uverbs_request *request, uint16_t id, size_t min, void *to,
				    size_t size);
/* Reads what the kernel has answered to an output attribute: always behind its pointer. */
RS_MUST_USE int uverbs_attr_copy_out(const struct uverbs_request *request, uint16_t id, void *to, size_t size);
/* A constant or a handle: the 64 bits of the attribute itself. 0 or -ENOENT. */
RS_MUST_USE int uverbs_attr_const(const struct uverbs_request *request, uint16_t id, uint64_t *out);

/* Decodes what INVOKE_WRITE carries. Same results as uverbs_decode(). */
RS_MUST_USE int uverbs_decode_write(const struct uverbs_request *request, enum uverbs_phase phase,
				    struct uverbs_command *out);

/* Fills the rest of a GET_CONTEXT: does it ask mlx5 for DEVX? */
RS_MUST_USE int uverbs_decode_context(const struct uverbs_request *request, struct uverbs_command *out);

/* ---- mlx5's own: mlx5.c ---- */

/* A device command of DEVX: its attributes have to be read. */
bool uverbs_is_devx_command(const struct uverbs_command *command);
/* Same results as uverbs_decode(). */
RS_MUST_USE int uverbs_decode_devx(const struct uverbs_request *request, enum uverbs_phase phase,
				   struct uverbs_command *out);
/* Of the others, by their names alone: its objects, and its methods of common objects. */
enum uverbs_kind uverbs_mlx5_object_kind(uint16_t object, uint16_t method);
enum uverbs_kind uverbs_mlx5_method_kind(uint16_t object, uint16_t method);

/* *out = MALFORMED with this static text; returns 0, so that it can end a function. */
int uverbs_malformed(struct uverbs_command *out, const char *why);

#endif
