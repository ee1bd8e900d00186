// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* GET_CONTEXT: whether a program asks for mlx5's DEVX, or for capabilities beyond verbs. */
#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/mlx5-abi.h>
#include <string.h>

#include "uverbs/attrs.h"

/* kernel 6.15 */
enum { ATTR_GET_CONTEXT_FD_ARR = UVERBS_ATTR_GET_CONTEXT_CORE_SUPPORT + 1 };

static int context_uhw(const struct uverbs_request *request, struct mlx5_ib_alloc_ucontext_req_v2 *uhw)
{
	int err = uverbs_attr_copy_in(request, UVERBS_ATTR_UHW_IN, 0, uhw, sizeof(*uhw));

	if (err == -ENOENT)
		memset(uhw, 0, sizeof(*uhw));
	return err == -ENOENT ? 0 : err;
}

int uverbs_decode_context(const struct uverbs_request *request, struct uverbs_command *out)
{
	struct mlx5_ib_alloc_ucontext_req_v2 uhw;
	int err;

	out->kind = UVERBS_CONTEXT_OPEN;
	if (out->driver_id != RDMA_DRIVER_MLX5) {
		/* fds for capabilities beyond verbs (core/ucaps.c, kernel 6.15): known for mlx5 only, where they have
		   no effect without DEVX (mlx5/main.c, mlx5_ib_alloc_ucontext()) */
		if (out->method_id == UVERBS_METHOD_GET_CONTEXT && uverbs_attr_find(request, ATTR_GET_CONTEXT_FD_ARR))
			out->has |= UVERBS_HAS_DEVX;
		return 0;
	}
	err = context_uhw(request, &uhw);
	if (err)
		return err;
	if (uhw.flags & MLX5_IB_ALLOC_UCTX_DEVX)
		out->has |= UVERBS_HAS_DEVX;
	return 0;
}
