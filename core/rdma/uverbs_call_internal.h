/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Makes a request to the kernel: for uverbs_call.c, uverbs_gids.c, devx_call.c and their tests. */
#ifndef RDMASEC_RDMA_UVERBS_CALL_INTERNAL_H
#define RDMASEC_RDMA_UVERBS_CALL_INTERNAL_H

#include "util/attributes.h"
#include "uverbs/call.h"

/* Returns 0; -errno of the kernel; or -EPROTO when the kernel succeeded without writing an output. */
RS_MUST_USE int uverbs_call_do(struct uverbs_call *call, int fd);

/* ioctl(RDMA_VERBS_IOCTL); returns 0 or -errno. Tests replace it before their first call. */
extern int (*uverbs_call_kernel)(int fd, struct ib_uverbs_ioctl_hdr *request);

#endif
