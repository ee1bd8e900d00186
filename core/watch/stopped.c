// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What the gate has stopped, as evidence against the queue pairs that sent it. */
#include <string.h>

#include "util/text.h"
#include "watch/internal.h"

/*
 * A socket of rxe belongs to the user who made its queue pair (rxe_qp_init_req(), sock_alloc()). Frames without a
 * socket are forwarded ones, whose addresses another host or container may have chosen, or copies that tc has made of
 * frames on the QP's own path (tcf_mirred_act()).
 */
static bool may_have_sent(const struct watch_ufile *ufile, const struct watch_qp *qp,
			  const struct watch_stopped *stopped)
{
	if (stopped->uid_known)
		return !stopped->uid || stopped->uid == ufile->asker.uid;
	return !stopped->from || stopped->from == qp->judged.egress_ifindex || stopped->from == qp->judged.gid_ifindex;
}

static bool has_destination(const struct watch_qp *qp, const struct watch_stopped *stopped)
{
	return !memcmp(qp->request.address.dgid, stopped->destination, sizeof(stopped->destination));
}

static bool has_source(const struct watch_qp *qp, const struct watch_stopped *stopped)
{
	uint8_t own[16];

	if (!qp->judged.family)
		return false;
	gid_from_address(qp->judged.family, &qp->judged.local, own);
	return !memcmp(own, stopped->source, sizeof(own));
}

static bool sends(const struct watch_ufile *ufile, const struct watch_qp *qp, const struct watch_stopped *stopped)
{
	return watch_can_send(qp) && qp->request.kind == REQUEST_QP_ADDRESS && qp->request.has & UVERBS_HAS_DEST_QPN &&
	       qp->request.dest_qpn == stopped->dest_qpn && may_have_sent(ufile, qp, stopped);
}

static size_t accuse(struct watch *watch, const struct watch_stopped *stopped,
		     bool (*fits)(const struct watch_qp *qp, const struct watch_stopped *stopped), bool *news)
{
	struct watch_ufile *ufile;
	struct watch_qp *qp, *next;
	size_t count = 0;

	DL_FOREACH (watch->ufiles, ufile)
		HASH_ITER (hh, ufile->qps, qp, next) {
			if (!sends(ufile, qp, stopped) || !fits(qp, stopped))
				continue;
			count++;
			/* until it has another address, more of the same changes no verdict */
			if (qp->stopped_at[0])
				continue;
			text_copy(qp->stopped_at, sizeof(qp->stopped_at), stopped->netdev);
			watch_queue(ufile, qp);
			*news = true;
		}
	return count;
}

/* A change of which the event is still unread explains more than the gate does. */
static void follow(struct namespace *in, void *arg)
{
	(void)arg;
	namespace_follow(in);
}

size_t watch_stopped(struct watch *watch, const struct watch_stopped *stopped)
{
	bool news = false;
	size_t count = accuse(watch, stopped, has_destination, &news);

	if (!count)
		count = accuse(watch, stopped, has_source, &news);
	if (news)
		namespaces_each(watch->namespaces, follow, NULL);
	return count;
}

void watch_heed_gate(const struct watch_qp *qp, struct judgement *answer)
{
	if (qp->stopped_at[0])
		judgement_stopped(answer, &qp->request.want, qp->stopped_at);
}
