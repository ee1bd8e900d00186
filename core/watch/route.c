// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Routes that software RoCE keeps. It looks up the route of an RC queue pair for the first packet and keeps it, with or
 * without transforms, while the route is valid. A new address does not reset it, not even from RESET
 * (drivers/infiniband/sw/rxe/rxe_net.c, rxe_find_route(); only rxe_qp_do_cleanup() in rxe_qp.c does). So a queue pair
 * that a rule let send in clear would also send in clear to a protected address.
 */
#include <errno.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <string.h>

#include "watch/internal.h"

static bool may_leave_in_clear(const struct judgement *answer)
{
	enum protection by = answer->verdict.by;

	return answer->verdict.kind != VERDICT_PROTECTED || (by != BY_MACSEC && by != BY_IPSEC && by != BY_LOOPBACK);
}

static bool same_address(const struct uverbs_address *a, const struct uverbs_address *b)
{
	return a->port == b->port && a->sgid_index == b->sgid_index && !memcmp(a->dgid, b->dgid, sizeof(a->dgid));
}

void watch_remember_route(struct watch_qp *qp, const struct judgement *answer)
{
	const struct uverbs_address *address = &qp->request.address;

	if (!answer->pass || qp->request.kind != REQUEST_QP_ADDRESS || !may_leave_in_clear(answer))
		return;
	if (qp->clear_routes == CLEAR_ROUTE_NONE)
		qp->clear_routes = CLEAR_ROUTE_ONE;
	else if (!same_address(&qp->clear_address, address))
		qp->clear_routes = CLEAR_ROUTE_SOME;
	qp->clear_address = *address;
}

/*
 * To the same address, the route has been renewed if it is protected now: adding a policy invalidates all kept routes
 * (xfrm_policy_insert(), rt_genid_bump_ipv4()), and so does a change of routes.
 */
static bool is_kept(const struct watch_qp *qp, const struct request *request)
{
	if (qp->request.qp_type && qp->request.qp_type != IB_UVERBS_QPT_RC)
		return false;
	return qp->clear_routes == CLEAR_ROUTE_SOME ||
	       (qp->clear_routes == CLEAR_ROUTE_ONE && !same_address(&qp->clear_address, &request->address));
}

void watch_refuse_kept_route(const struct watch_ufile *ufile, const struct request *request, struct judgement *answer)
{
	const struct watch_qp *qp = watch_qp_find(ufile, request->handle);
	const struct path *path = &answer->path;

	if (!qp || request->kind != REQUEST_QP_ADDRESS || !answer->pass || may_leave_in_clear(answer) ||
	    answer->verdict.by == BY_LOOPBACK || !path->driver || path->driver->egress != EGRESS_HOST_STACK ||
	    !is_kept(qp, request))
		return;
	answer->pass = false;
	answer->reported = true;
	answer->err = EPERM;
	answer->verdict = (struct verdict){ 0 };
	verdict_set(&answer->verdict, VERDICT_UNPROTECTED, REASON_ROUTE_KEPT);
}
