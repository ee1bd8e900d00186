// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "rc.h"

#undef ibv_reg_mr /* a macro that would choose between two symbols */

/* With statically linked providers (RDMA_STATIC_PROVIDERS) it is a macro that names them. */
static struct ibv_device **get_device_list(int *count)
{
	return ibv_get_device_list(count);
}

const struct verbs_calls verbs_linked = {
	.get_device_list = get_device_list,
	.free_device_list = ibv_free_device_list,
	.get_device_name = ibv_get_device_name,
	.open_device = ibv_open_device,
	.close_device = ibv_close_device,
	.query_gid = ibv_query_gid,
	.alloc_pd = ibv_alloc_pd,
	.dealloc_pd = ibv_dealloc_pd,
	.reg_mr = ibv_reg_mr,
	.dereg_mr = ibv_dereg_mr,
	.create_cq = ibv_create_cq,
	.destroy_cq = ibv_destroy_cq,
	.create_qp = ibv_create_qp,
	.modify_qp = ibv_modify_qp,
	.destroy_qp = ibv_destroy_qp,
};
