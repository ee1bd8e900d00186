// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Calls on a queue pair of the kernel, or on an object of DEVX. */
#include <criterion/criterion.h>
#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <string.h>

#include "rdma/uverbs_call_internal.h"
#include "uverbs/mlx5_prm.h"
#include "watch/internal.h"

enum { HANDLE = 5 };

/* The listed handles of each kind, and whether that of DEVX is still the queue pair that it once was. */
static struct {
	uint32_t qp, devx;
	bool is_still;
	unsigned writes, to_error, destroyed; /* of the kernel's QPs; of DEVX */
} kernel;

static int list_one(struct ib_uverbs_ioctl_hdr *request)
{
	uint32_t handle = request->attrs[0].data == UVERBS_OBJECT_QP ? kernel.qp : kernel.devx, total = 1;

	memcpy((void *)(uintptr_t)request->attrs[1].data, &total, sizeof(total));
	memcpy((void *)(uintptr_t)request->attrs[2].data, &handle, sizeof(handle));
	return 0;
}

static int fake_kernel(int fd, struct ib_uverbs_ioctl_hdr *request)
{
	cr_expect_eq(fd, 99);
	for (int i = 0; i < request->num_attrs; i++)
		request->attrs[i].flags |= UVERBS_ATTR_F_VALID_OUTPUT;
	if (request->object_id == UVERBS_OBJECT_DEVICE && request->method_id == UVERBS_METHOD_INFO_HANDLES)
		return list_one(request);
	if (request->object_id != MLX5_IB_OBJECT_DEVX_OBJ)
		kernel.writes++;
	else if (request->method_id == MLX5_IB_METHOD_DEVX_OBJ_QUERY)
		return kernel.is_still ? 0 : -EINVAL;
	else if (request->method_id == MLX5_IB_METHOD_DEVX_OBJ_DESTROY)
		kernel.destroyed++;
	else
		kernel.to_error++;
	return 0;
}

static struct watch_qp object(uint32_t created)
{
	uverbs_call_kernel = fake_kernel;
	memset(&kernel, 0, sizeof(kernel));
	return (struct watch_qp){ .handle = HANDLE, .qpn = 0x123, .devx_created = created };
}

Test(watch_objects, qp_lives_while_it_is_listed)
{
	const struct watch_qp qp = object(0);

	kernel.qp = HANDLE;
	cr_expect(watch_object_lives(99, RDMA_DRIVER_MLX5, &qp));
	kernel.qp = HANDLE + 1;
	cr_expect_not(watch_object_lives(99, RDMA_DRIVER_MLX5, &qp));
}

Test(watch_objects, qp_is_revoked_by_uverbs)
{
	const struct watch_qp qp = object(0);

	cr_expect_eq(watch_object_to_error(99, RDMA_DRIVER_MLX5, &qp), 0);
	cr_expect_eq(watch_object_destroy(99, RDMA_DRIVER_MLX5, &qp), 0);
	cr_expect_eq(kernel.writes, 2);
	cr_expect_eq(kernel.to_error + kernel.destroyed, 0);
}

Test(watch_objects, devx_object_does_not_live_as_qp)
{
	const struct watch_qp qp = object(PRM_CREATE_QP);

	kernel.qp = HANDLE;
	cr_expect_not(watch_object_lives(99, RDMA_DRIVER_MLX5, &qp));
}

Test(watch_objects, devx_object_does_not_live_after_reuse_of_handle)
{
	const struct watch_qp qp = object(PRM_CREATE_QP);

	kernel.devx = HANDLE;
	cr_expect_not(watch_object_lives(99, RDMA_DRIVER_MLX5, &qp));
	kernel.is_still = true;
	cr_expect(watch_object_lives(99, RDMA_DRIVER_MLX5, &qp));
}

Test(watch_objects, devx_qp_is_revoked_by_devx)
{
	const struct watch_qp qp = object(PRM_CREATE_QP);

	cr_expect_eq(watch_object_to_error(99, RDMA_DRIVER_MLX5, &qp), 0);
	cr_expect_eq(kernel.to_error, 1);
	cr_expect_eq(kernel.writes, 0);
}

Test(watch_objects, devx_qp_is_queried_by_devx)
{
	const struct watch_qp qp = object(PRM_CREATE_QP);
	struct uverbs_qp_facts facts;

	kernel.is_still = true;
	cr_expect_eq(watch_object_query(99, RDMA_DRIVER_MLX5, &qp, &facts), 0);
	cr_expect_eq(facts.state, UVERBS_QPS_RESET);
	cr_expect_eq(kernel.writes, 0);
}

/* A DCT has no state ERR and cannot be queried. */
Test(watch_objects, dct_can_only_be_destroyed)
{
	const struct watch_qp qp = object(PRM_CREATE_DCT);
	struct uverbs_qp_facts facts;

	cr_expect_eq(watch_object_to_error(99, RDMA_DRIVER_MLX5, &qp), -EOPNOTSUPP);
	cr_expect_eq(watch_object_query(99, RDMA_DRIVER_MLX5, &qp, &facts), -EOPNOTSUPP);
	cr_expect_eq(watch_object_destroy(99, RDMA_DRIVER_MLX5, &qp), 0);
	cr_expect_eq(kernel.destroyed, 1);
	cr_expect_eq(kernel.writes, 0);
}
