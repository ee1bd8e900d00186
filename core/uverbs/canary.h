/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A call that no kernel takes for one of its own, by which doors, and whoever wants to know of them, find out who
 * stands where: ioctl(-1, RDMA_VERBS_IOCTL) of a header that is too long to be one. The first door that it comes to
 * answers with its own address.
 */
#ifndef RDMASEC_UVERBS_CANARY_H
#define RDMASEC_UVERBS_CANARY_H

#include <rdma/rdma_user_ioctl_cmds.h>
#include <stdint.h>

#define CANARY_MAGIC 0x72646d6173656363 /* "rdmasecc" */

enum {
	CANARY_LENGTH = UINT16_MAX
}; /* above a page: refused by every kernel (ib_uverbs_ioctl()), and fd -1 before that */

/* It begins as struct ib_uverbs_ioctl_hdr does, for whoever looks at what passes. */
struct canary {
	uint16_t length, object_id, method_id, num_attrs;
	uint64_t magic; /* reserved there */
	uint32_t driver_id, reserved;
	uint64_t door; /* the answer: an address of that door's; 0: none was met */
};

/* Where does such a call come to when made through `way`, an ioctl(2)? 0: to no door. Errno is kept. */
uint64_t canary_send(int (*way)(int fd, unsigned long request, ...));

#endif
