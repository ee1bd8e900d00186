/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Makes a request to the kernel: for uverbs_call.c, uverbs_gids.c, devx_call.c and their tests. */
#ifndef RDMASEC_RDMA_UVERBS_CALL_INTERNAL_H
#define RDMASEC_RDMA_UVERBS_CALL_INTERNAL_H

#include "util/attributes.h"
#include "uverbs/call.h"

/* 0; -errno of the kernel; -EPROTO: it succeeded and has left an output unwritten. */
RS_MUST_USE int uverbs_call_do(struct uverbs_call *call, int fd);

/* The kernel's ioctl(RDMA_VERBS_IOCTL), 0 or -errno; tests put theirs here before they call anything. */
extern int (*uverbs_call_kernel)(int fd, struct ib_uverbs_ioctl_hdr *request);

#endif
