// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The calls that make the kernel's CM send a MAD with application data. A refused call leaves the id as it was. */
#include <errno.h>

#include "cm.h"

/* The REQ, or the SIDR REQ. */
CM_EXPORT int rdma_connect(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	__typeof__(rdma_connect) *real = CM_REAL(rdma_connect);

	if (!real || cm_ask(id, REQUEST_CM_CONNECT))
		return -1;
	return real(id, param);
}

/* The REP, or the SIDR REP. */
CM_EXPORT int rdma_accept(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	__typeof__(rdma_accept) *real = CM_REAL(rdma_accept);

	if (!real || cm_ask(id, REQUEST_CM_ACCEPT))
		return -1;
	return real(id, param);
}

/* The RTU, if the application moves its QP itself. For an id with a QP, librdmacm returns EINVAL. */
CM_EXPORT int rdma_establish(struct rdma_cm_id *id)
{
	__typeof__(rdma_establish) *real = CM_REAL(rdma_establish);

	if (!real || (!id->qp && cm_ask(id, REQUEST_CM_ESTABLISH)))
		return -1;
	return real(id);
}

/*
 * The REJ, which may carry application data. Without data it equals the REJ that rdma_destroy_id(3) sends, and an
 * application whose rdma_accept(3) was refused must be able to reject.
 */
CM_EXPORT int rdma_reject(struct rdma_cm_id *id, const void *data, uint8_t len)
{
	__typeof__(rdma_reject) *real = CM_REAL(rdma_reject);

	if (!real || (data && len && cm_ask(id, REQUEST_CM_REJECT)))
		return -1;
	return real(id, data, len);
}

CM_EXPORT int rdma_reject_ece(struct rdma_cm_id *id, const void *data, uint8_t len)
{
	__typeof__(rdma_reject_ece) *real = CM_REAL(rdma_reject_ece);

	if (!real || (data && len && cm_ask(id, REQUEST_CM_REJECT)))
		return -1;
	return real(id, data, len);
}

CM_EXPORT int rdma_join_multicast(struct rdma_cm_id *id, struct sockaddr *addr, void *context)
{
	__typeof__(rdma_join_multicast) *real = CM_REAL(rdma_join_multicast);

	if (!real || (addr && cm_ask_group(id, addr)))
		return -1;
	return real(id, addr, context);
}

CM_EXPORT int rdma_join_multicast_ex(struct rdma_cm_id *id, struct rdma_cm_join_mc_attr_ex *attr, void *context)
{
	__typeof__(rdma_join_multicast_ex) *real = CM_REAL(rdma_join_multicast_ex);
	bool has_group = attr->comp_mask & RDMA_CM_JOIN_MC_ATTR_ADDRESS && attr->addr;

	/* without a group librdmacm returns EINVAL */
	if (!real || (has_group && cm_ask_group(id, attr->addr)))
		return -1;
	return real(id, attr, context);
}
