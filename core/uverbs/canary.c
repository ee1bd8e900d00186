// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "uverbs/canary.h"

#include <errno.h>
#include <stddef.h>

_Static_assert(offsetof(struct canary, magic) == offsetof(struct ib_uverbs_ioctl_hdr, reserved1) &&
		       offsetof(struct canary, door) == sizeof(struct ib_uverbs_ioctl_hdr),
	       "as struct ib_uverbs_ioctl_hdr");

uint64_t canary_send(int (*way)(int fd, unsigned long request, ...))
{
	struct canary canary = { .length = CANARY_LENGTH, .magic = CANARY_MAGIC };
	int saved = errno;

	way(-1, RDMA_VERBS_IOCTL, &canary);
	errno = saved;
	return canary.door;
}
