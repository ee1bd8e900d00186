// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The calls that have the kernel's CM send a MAD with something of the application's in it. A refused one did nothing:
 * the id is in the state it was. */
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

/* The RTU, where the application moves its QP itself. With an id's own QP it is EINVAL, and librdmacm says so. */
CM_EXPORT int rdma_establish(struct rdma_cm_id *id)
{
	__typeof__(rdma_establish) *real = CM_REAL(rdma_establish);

	if (!real || (!id->qp && cm_ask(id, REQUEST_CM_ESTABLISH)))
		return -1;
	return real(id);
}

/*
 * The REJ: it may carry data of the application's. Without, it says no more than the kernel's own, which
 * rdma_destroy_id(3) would send, and an application whose rdma_accept(3) was refused must be able to say no.
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

	/* without one librdmacm says EINVAL */
	if (!real || (has_group && cm_ask_group(id, attr->addr)))
		return -1;
	return real(id, attr, context);
}
