/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * librdmacm, guarded. The connection manager is in the kernel, and its MADs leave by QP 1, before the application's own
 * QP has an address to be judged by. So the calls that have it send something are judged here, on the id's path.
 *
 * librdmacm calls its exported functions through its own PLT, that is, through us; not in every build. Nothing here may
 * hang on whether it does, and no lock is held while it is called.
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
 * librdmacm's own function: of the library that the program linked or opened, or of the one that a plugin brought for
 * itself. NULL and ENOSYS: there is none. Keeps errno else. Thread-safe.
 */
void *cm_find(enum cm_call call);
#define CM_REAL(name) ((__typeof__(name) *)cm_find(CM_##name))

/* ---- what is asked ---- */

/*
 * The path on which the kernel's CM, and later the QP, sends for this id: port, remote GID, local GID. 0; -EINVAL: the
 * id is bound to no device yet; -EAFNOSUPPORT: an address that is none of IP or IB.
 */
RS_MUST_USE int cm_path_of_id(const struct rdma_cm_id *id, struct request *out);

/* The same with a multicast group as the remote. */
RS_MUST_USE int cm_path_of_group(const struct rdma_cm_id *id, const struct sockaddr *group, struct request *out);

/*
 * Is the path known from which a connected QP of this id will send? From rdma_resolve_route(3) on, and on the passive
 * side from the request on. Not for requests of RDMA_PS_UDP, whose path the kernel keeps to itself.
 */
bool cm_route_is_known(const struct rdma_cm_id *id);

/* Puts the id's path to the engine. 0 and errno kept; or -1 and errno: refused, and nothing may be sent. */
RS_MUST_USE int cm_ask(const struct rdma_cm_id *id, enum request_kind kind);
RS_MUST_USE int cm_ask_group(const struct rdma_cm_id *id, const struct sockaddr *group);

/* In rdma_get_request(3) of this thread, where librdmacm makes the new id's QP itself. Returns what it was. */
bool cm_requesting(bool now);

#endif
