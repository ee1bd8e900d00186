// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * QPs of ids. The door checks their creation and their addresses as for any QP. Here they get the options of their id.
 * If the route is already known, an unprotected path is refused before the QP exists, and a missing SA is set up early.
 */
#include "cm.h"
#include "door/qp_options.h"
#include "door/want_option.h"
#include "id_options.h"

/* initial-exec: the first use by a thread allocates nothing */
static _Thread_local struct {
	const struct rdma_cm_id *creating;
	bool requesting;
} here __attribute__((tls_model("initial-exec")));

bool cm_requesting(bool now)
{
	bool before = here.requesting;

	here.requesting = now;
	return before;
}

struct creation {
	const struct rdma_cm_id *outer;
	struct want before;
};

/*
 * If the QP cannot be created, rdma_get_request() loses the new id and never answers the remote; if rdma_accept() is
 * refused, the application still has the id. So nothing is asked within rdma_get_request().
 */
static int ask_route(const struct rdma_cm_id *id)
{
	return here.requesting || !cm_route_is_known(id) ? 0 : cm_ask(id, REQUEST_CM_ROUTE);
}

/* 0: the caller owes creation_end(); or -1 and errno. rdma_create_qp() may call rdma_create_qp_ex() of this file. */
static int creation_begin(const struct rdma_cm_id *id, struct creation *creation)
{
	struct want want;

	if (here.creating != id && ask_route(id))
		return -1;
	creation->outer = here.creating;
	here.creating = id;
	id_options_get(id, &want);
	creation->before = qp_options_make_with(&want);
	/* within rdma_get_request() the new id may have no entry yet: keep the options of the listener */
	if (here.requesting && want_is_empty(&want))
		qp_options_make_with(&creation->before);
	return 0;
}

static void creation_end(const struct creation *creation)
{
	qp_options_make_with(&creation->before);
	here.creating = creation->outer;
}

CM_EXPORT int rdma_create_qp(struct rdma_cm_id *id, struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	__typeof__(rdma_create_qp) *real = CM_REAL(rdma_create_qp);
	struct creation creation;
	int result;

	if (!real || creation_begin(id, &creation))
		return -1;
	result = real(id, pd, attr);
	creation_end(&creation);
	return result;
}

CM_EXPORT int rdma_create_qp_ex(struct rdma_cm_id *id, struct ibv_qp_init_attr_ex *attr)
{
	__typeof__(rdma_create_qp_ex) *real = CM_REAL(rdma_create_qp_ex);
	struct creation creation;
	int result;

	if (!real || creation_begin(id, &creation))
		return -1;
	result = real(id, attr);
	creation_end(&creation);
	return result;
}
