// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The part of a libibverbs that opens a device. With BY_IOCTL it issues a command by ioctl(), as rdma-core does; no
 * kernel accepts it. Without, it is a libibverbs that was built for write().
 */
#include <infiniband/verbs.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>

__attribute__((visibility("default"))) struct ibv_context *ibv_open_device(struct ibv_device *device)
{
	static struct ibv_context context;

	(void)device;
#ifdef BY_IOCTL
	struct ib_uverbs_ioctl_hdr header = { .length = sizeof(header) };

	if (!ioctl(-1, RDMA_VERBS_IOCTL, &header))
		return NULL;
#endif
	return &context;
}

__attribute__((visibility("default"))) int ibv_close_device(struct ibv_context *context)
{
	(void)context;
	puts("closed");
	return 0;
}
