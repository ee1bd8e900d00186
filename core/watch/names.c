// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Numbers and types of adopted QPs, from the list of all QPs of the host. */
#include <rdma/ib_user_ioctl_verbs.h>
#include <string.h>

#include "rdma/resources.h"
#include "watch/internal.h"

static bool is_on(const struct watch_ufile *ufile, const struct rdma_qp *resource)
{
	return !strcmp(ufile->device, resource->device);
}

static bool has_peer(const struct watch_qp *qp, const struct rdma_qp *resource)
{
	return qp->request.dest_qpn == resource->remote_qpn;
}

static struct watch_qp *find_unnamed(struct watch_client *client, const struct rdma_qp *resource)
{
	struct watch_holder *holder;
	struct watch_qp *qp, *next;

	DL_FOREACH2 (client->holders, holder, client_next)
		HASH_ITER (hh, holder->ufile->qps, qp, next)
			if (qp->qpn_source == WATCH_QPN_UNKNOWN && is_on(holder->ufile, resource) &&
			    has_peer(qp, resource))
				return qp;
	return NULL;
}

static bool is_named(struct watch_client *client, const struct rdma_qp *resource)
{
	struct watch_holder *holder;
	struct watch_qp *qp, *next;

	DL_FOREACH2 (client->holders, holder, client_next)
		HASH_ITER (hh, holder->ufile->qps, qp, next)
			if (qp->qpn_source != WATCH_QPN_UNKNOWN && qp->qpn == resource->qpn &&
			    is_on(holder->ufile, resource))
				return true;
	return false;
}

/*
 * The kernel does not tell which handle has which number. It assigns and lists both in order, so QPs of the same owner
 * and peer are paired in that order. The number is for display only: no verdict depends on it.
 */
static void name_qp(const struct rdma_qp *resource, struct watch *watch)
{
	struct watch_client *client;
	struct watch_qp *qp;
	pid_t pid = (pid_t)resource->pid;

	HASH_FIND(hh, watch->clients, &pid, sizeof(pid), client);
	if (!client || is_named(client, resource))
		return;
	qp = find_unnamed(client, resource);
	if (!qp)
		return;
	qp->qpn = resource->qpn;
	qp->qpn_source = WATCH_QPN_GUESSED;
	/* a wrong type lets nothing pass here: all that it can be are connected QPs, which have an address */
	if (!qp->request.qp_type && resource->has_remote_qpn && qp->request.kind == REQUEST_QP_ADDRESS)
		qp->request.qp_type = resource->type;
}

/* ---- types of QPs without an address ---- */

/* The type of all datagram and raw QPs of the device; 0: there are several types, or none. */
static uint32_t only_type(const struct rdma_resources *all, const struct watch_ufile *ufile)
{
	uint32_t type = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct rdma_qp *qp = &all->qps[i];

		if (qp->is_kernel || uverbs_qp_is_connected(qp->type) || !is_on(ufile, qp))
			continue;
		if (type && type != qp->type)
			return 0;
		type = qp->type;
	}
	return type;
}

static bool needs_type(const struct watch_qp *qp)
{
	return watch_can_send(qp) && !qp->request.qp_type && !qp->devx_created && qp->request.kind == REQUEST_QP_READY;
}

/* The verdict depends on it: no SA protects frames that a program writes itself. */
static void give_types(struct watch_ufile *ufile, const struct rdma_resources *all)
{
	struct watch_qp *qp, *next;
	uint32_t type = 0;

	HASH_ITER (hh, ufile->qps, qp, next) {
		if (!needs_type(qp))
			continue;
		type = type ? type : only_type(all, ufile);
		if (!type)
			return;
		qp->request.qp_type = type;
		watch_queue(ufile, qp);
	}
}

void watch_identify_by(struct watch *watch, const struct rdma_resources *all)
{
	struct watch_ufile *ufile;

	for (size_t i = 0; i < all->count; i++)
		name_qp(&all->qps[i], watch);
	DL_FOREACH (watch->ufiles, ufile)
		give_types(ufile, all);
}

void watch_identify_adopted(struct watch *watch)
{
	struct rdma_resources all;
	char error[128];

	if (resources_read(&all, error, sizeof(error)))
		return;
	watch_identify_by(watch, &all);
	resources_free(&all);
}
