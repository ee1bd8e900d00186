// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "door.h"

#define CANARY_MAGIC 0x72646d6173656363 /* "rdmasecc" */

uint64_t door_canary_send(int (*way)(int fd, unsigned long request, ...))
{
	/* a length above a page is refused by every kernel (ib_uverbs_ioctl()), and fd -1 before that */
	struct door_canary canary = { .header = { .length = UINT16_MAX }, .magic = CANARY_MAGIC };
	int saved = errno;

	way(-1, RDMA_VERBS_IOCTL, &canary);
	errno = saved;
	return canary.door;
}

bool door_canary_answer(int fd, void *arg, const void *door)
{
	struct door_canary canary;

	if (fd != -1 || door_read((uintptr_t)arg, &canary, sizeof(canary)) || canary.magic != CANARY_MAGIC ||
	    canary.header.length != UINT16_MAX)
		return false;
	canary.door = (uintptr_t)door;
	return !door_write((uintptr_t)arg, &canary, sizeof(canary));
}
