/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Guards calls of librdmacm. The kernel's connection manager sends messages by QP 1 before the application's QP has an
 * address. So the calls that make it send application data are checked here, on the path of their id.
 *
 * In some builds librdmacm calls its own exported functions through its PLT, and so through these wrappers. The
 * wrappers work in both cases, and hold no lock while they call librdmacm.
 */
#ifndef RDMASEC_CM_H
#define RDMASEC_CM_H

#include <rdma/rdma_cma.h>
#include <stdbool.h>

#include "messages/request.h"
#include "util/attributes.h"

#define CM_EXPORT __attribute__((visibility("default")))

enum cm_call {
	CM_rdma_connect,
	CM_rdma_accept,
	CM_rdma_reject,
	CM_rdma_reject_ece,
	CM_rdma_establish,
	CM_rdma_create_qp,
	CM_rdma_create_qp_ex,
	CM_rdma_join_multicast,
	CM_rdma_join_multicast_ex,
	CM_rdma_set_option,
	CM_rdma_get_cm_event,
	CM_rdma_get_request,
	CM_rdma_destroy_id,
	CM_rdma_destroy_ep,
	CM_CALL_COUNT,
};

/*
 * The function of librdmacm: of the library that the program, or a plugin of it, loaded. NULL and errno ENOSYS: none.
 * Otherwise keeps errno. Any thread.
 */
void *cm_find(enum cm_call call);
#define CM_REAL(name) ((__typeof__(name) *)cm_find(CM_##name))

/* ---- requests to the engine ---- */

/*
 * The path by which the kernel's CM, and later the QP, sends for this id: port, remote GID, local GID. 0; -EINVAL: the
 * id is not bound to a device; -EAFNOSUPPORT: an address that is neither IP nor IB.
 */
RS_MUST_USE int cm_path_of_id(const struct rdma_cm_id *id, struct request *out);

/* The same with a multicast group as the remote. */
RS_MUST_USE int cm_path_of_group(const struct rdma_cm_id *id, const struct sockaddr *group, struct request *out);

/*
 * Is the path of a connected QP of this id known? It is after rdma_resolve_route(3), and on the passive side with the
 * request. Not for requests of RDMA_PS_UDP, whose path the kernel does not show.
 */
bool cm_route_is_known(const struct rdma_cm_id *id);

/* Puts the path of the id to the engine. 0, keeping errno; or -1 and errno: refused, nothing may be sent. Blocks. */
RS_MUST_USE int cm_ask(const struct rdma_cm_id *id, enum request_kind kind);
RS_MUST_USE int cm_ask_group(const struct rdma_cm_id *id, const struct sockaddr *group);

/* Sets whether this thread is in rdma_get_request(3), which creates the QP of the new id itself. Returns the old value.
 */
bool cm_requesting(bool now);

#endif
