// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* A preload behind the door: acts as a kernel or sandbox without verbs by ioctl(), so libibverbs tries write(). */
#include <errno.h>
#include <rdma/rdma_user_ioctl_cmds.h>

#include "ioctl_function.h"

IOCTL_FUNCTION(EXPORTED, ioctl)
{
	if (request == RDMA_VERBS_IOCTL) {
		errno = ENOTTY;
		return -1;
	}
	return ioctl_enter(fd, request, arg);
}
