// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The numbers of adopted QPs. */
#include <string.h>

#include "resources.h"
#include "watch_internal.h"

static struct watch_qp *unnamed_qp(struct watch_client *client, const struct rdma_qp *resource)
{
	struct watch_holder *holder;
	struct watch_qp *qp, *next;

	DL_FOREACH2 (client->holders, holder, client_next)
		HASH_ITER (hh, holder->ufile->qps, qp, next)
			if (!qp->qpn && qp->question.dest_qpn == resource->remote_qpn)
				return qp;
	return NULL;
}

static bool is_named(struct watch_client *client, uint32_t qpn)
{
	struct watch_holder *holder;
	struct watch_qp *qp, *next;

	DL_FOREACH2 (client->holders, holder, client_next)
		HASH_ITER (hh, holder->ufile->qps, qp, next)
			if (qp->qpn == qpn)
				return true;
	return false;
}

/*
 * The kernel does not say which handle has which number. Both are given out in order, and the kernel lists its QPs in
 * order too, so what has the same owner and the same peer is paired as it comes. For display only: nothing is decided
 * by it.
 */
static void name_qp(const struct rdma_qp *resource, struct watch *watch)
{
	struct watch_client *client;
	struct watch_qp *qp;
	pid_t pid = (pid_t)resource->pid;

	HASH_FIND(hh, watch->clients, &pid, sizeof(pid), client);
	if (!client || is_named(client, resource->qpn))
		return;
	qp = unnamed_qp(client, resource);
	if (qp)
		qp->qpn = resource->qpn;
}

void watch_name_adopted(struct watch *watch)
{
	struct rdma_resources all;
	char error[128];

	if (resources_read(&all, error, sizeof(error)))
		return;
	for (size_t i = 0; i < all.count; i++)
		name_qp(&all.qps[i], watch);
	resources_free(&all);
}
