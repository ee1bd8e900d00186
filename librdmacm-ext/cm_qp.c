// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * QPs of ids. Their creation and each change of their address are judged as any QP's, by the door. Here they get what
 * was asked for of their id; and where the route is known already, what cannot be protected is refused before there is
 * a QP, and an SA that is missing is set up early.
 */
#include "cm.h"
#include "door/qp_options.h"
#include "door/want_option.h"
#include "id_options.h"

/* initial-exec: nothing is allocated for a thread that first comes here */
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
 * rdma_get_request() loses the new id when its QP cannot be made, and the remote is never answered; when rdma_accept()
 * is refused, the application still has the id. So in there nothing is asked yet.
 */
static int ask_route(const struct rdma_cm_id *id)
{
	return here.requesting || !cm_route_is_known(id) ? 0 : cm_ask(id, REQUEST_CM_ROUTE);
}

/* 0, and creation_end() is due; or -1 and errno. rdma_create_qp() may call rdma_create_qp_ex() through us. */
static int creation_begin(const struct rdma_cm_id *id, struct creation *creation)
{
	struct want want;

	if (here.creating != id && ask_route(id))
		return -1;
	creation->outer = here.creating;
	here.creating = id;
	id_options_get(id, &want);
	creation->before = qp_options_make_with(&want);
	/* a listener's QPs ask for what it asked for, whether or not its new id came through here yet */
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
