/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A call that finds out which door is installed: ioctl(-1, RDMA_VERBS_IOCTL) with a header that every kernel refuses as
 * too long. The first door that the call reaches answers with its own address.
 */
#ifndef RDMASEC_UVERBS_CANARY_H
#define RDMASEC_UVERBS_CANARY_H

#include <rdma/rdma_user_ioctl_cmds.h>
#include <stdint.h>

#define CANARY_MAGIC 0x72646d6173656363 /* "rdmasecc" */

enum {
	CANARY_LENGTH = UINT16_MAX
}; /* above a page: refused by every kernel (ib_uverbs_ioctl()), and fd -1 before that */

/* Begins as struct ib_uverbs_ioctl_hdr. */
struct canary {
	uint16_t length, object_id, method_id, num_attrs;
	uint64_t magic; /* reserved there */
	uint32_t driver_id, reserved;
	uint64_t door; /* the answer: an address in the door, 0: no door */
};

/* Makes the call through `way`, an ioctl(2). Returns the address of the door it reached, 0 for none. Keeps errno. */
uint64_t canary_send(int (*way)(int fd, unsigned long request, ...));

#endif
