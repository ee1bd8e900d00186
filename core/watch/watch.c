// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What doors report of QPs; start, policy and end of the watch. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "uverbs/mlx5_command.h"
#include "watch/internal.h"

static void take_number(struct watch_ufile *ufile, struct watch_qp *qp, const struct request *request)
{
	if (request->has & UVERBS_HAS_QPN)
		watch_qp_take_number(ufile, qp, request->qpn);
}

static void on_created(struct watch_ufile *ufile, const struct request *request, const struct judgement *answer)
{
	struct watch_qp *old = watch_qp_find(ufile, request->handle), *qp;

	/* the handle of a destroyed QP was reused */
	if (old)
		watch_qp_remove(ufile, old);
	qp = watch_qp_make(ufile, request->handle);
	if (!qp)
		return; /* the next sweep finds it */
	take_number(ufile, qp, request);
	qp->request = *request;
	watch_keep_verdict(qp, answer);
	qp->devx_created = request->has & UVERBS_HAS_DEVX ? request->devx_opcode : 0;
	watch_learn_index(ufile); /* while the device is certainly there */
	qp->state = prm_sends_at_once(qp->devx_created) ? WATCH_LIVE : WATCH_NO_ADDRESS;
	qp->check = WATCH_CHECK_AGREED;
}

static void on_address(struct watch_ufile *ufile, const struct request *request, const struct judgement *answer)
{
	struct watch_qp *qp = watch_qp_find(ufile, request->handle);
	bool unknown = !qp;
	uint32_t qp_type;

	if (!qp)
		qp = watch_qp_make(ufile, request->handle);
	if (!qp)
		return;
	if (unknown)
		take_number(ufile, qp, request);
	qp_type = qp->request.qp_type;
	qp->request = *request;
	qp->request.qp_type = qp_type;
	qp->state = WATCH_LIVE;
	qp->check = WATCH_CHECK_AGREED;
	qp->stopped_at[0] = '\0';
	qp->since_ns = clock_realtime_ns();
	watch_keep_verdict(qp, answer);
	/* DEVX changes QPs of the kernel and its own: the lists of the kernel tell which this is */
	if (unknown && request->has & UVERBS_HAS_DEVX)
		watch_sweep_ufile(ufile);
}

void watch_refuse_full(struct watch_ufile *ufile, const struct request *request, struct judgement *answer)
{
	if (!answer->pass || (request->kind != REQUEST_QP_CREATE && request->kind != REQUEST_QP_OPEN) ||
	    HASH_COUNT(ufile->qps) < UVERBS_QPS_LISTED_MAX)
		return;
	watch_sweep_ufile(ufile); /* some may be destroyed */
	if (HASH_COUNT(ufile->qps) >= UVERBS_QPS_LISTED_MAX &&
	    unreachable_rule(ufile->watch->policy, &ufile->asker, ufile->device, request))
		judgement_refuse(answer, EPERM, REASON_FILE_FULL)->number = UVERBS_QPS_LISTED_MAX;
}

uint64_t watch_generation(const struct watch *watch, struct namespace *in)
{
	return namespace_generation(in) + watch->policy_generation;
}

void watch_request_done(struct watch *watch, struct watch_ufile *ufile, const struct request *request,
			const struct judgement *answer, uint64_t generation)
{
	struct watch_qp *qp;

	if (!(request->has & UVERBS_HAS_HANDLE))
		return;
	switch (request->kind) {
	case REQUEST_QP_CREATE:
	case REQUEST_QP_OPEN:
		on_created(ufile, request, answer);
		break;
	case REQUEST_QP_ADDRESS:
	case REQUEST_QP_READY:
		on_address(ufile, request, answer);
		break;
	default:
		return;
	}
	qp = watch_qp_find(ufile, request->handle);
	if (qp && generation != watch_generation(watch, ufile->in))
		watch_queue(ufile, qp);
	if (answer->verdict.by == BY_MACSEC)
		mirror_poll_fast(namespace_mirror(ufile->in), true);
}

static void check_all(struct watch_ufile *ufile)
{
	struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next)
		qp->check = WATCH_CHECK_DUE;
}

void watch_outcome_unknown(struct watch_ufile *ufile, const struct request *request)
{
	struct watch_qp *qp = request->has & UVERBS_HAS_HANDLE ? watch_qp_find(ufile, request->handle) : NULL;

	if (qp)
		qp->check = WATCH_CHECK_DUE;
	else
		check_all(ufile); /* a QP may have been created under a reused handle */
	watch_sweep_ufile(ufile);
}

int watch_look(struct watch *watch, const struct process *process, int number, const struct foreign_file *file,
	       struct watch_ufile **out)
{
	struct watch_ufile *ufile;
	int err = watch_ufile_get(watch, process, number, file, &ufile);

	if (err == -EBADF || (err == -EPERM && watch->whole_host))
		err = watch_ufile_hidden(watch, process, number, file, &ufile);
	if (err)
		return err;
	check_all(ufile);
	watch_sweep_with(ufile, file->fd);
	watch_judge_with(ufile, file->fd);
	*out = ufile;
	return 0;
}

/* ---- the watch ---- */

void watch_set_policy(struct watch *watch, const struct policy *policy)
{
	struct watch_ufile *ufile;
	struct watch_qp *qp, *next;

	watch->policy = policy;
	watch->policy_generation++;
	DL_FOREACH (watch->ufiles, ufile)
		HASH_ITER (hh, ufile->qps, qp, next)
			watch_queue(ufile, qp);
}

void watch_keep(struct watch *watch, struct kept *kept)
{
	watch->kept = kept;
}

const struct policy *watch_policy(const struct watch *watch)
{
	return watch->policy;
}

struct namespaces *watch_namespaces(struct watch *watch)
{
	return watch->namespaces;
}

int watch_new(struct event_base *base, const struct policy *policy, struct netns_opener *opener,
	      struct foreign *foreign, bool whole_host, const struct watch_listener *listener, struct watch **out)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch)
		return -ENOMEM;
	watch->base = base;
	watch->policy = policy;
	watch->foreign = foreign;
	watch->whole_host = whole_host && foreign;
	/* differ from a new QP's, a new file's */
	watch->round = watch->sweep_round = watch->lost_round = 1;
	watch->checks_left = CHECKS_PER_SWEEP;
	watch->listener = *listener;
	err = namespaces_new(base, opener, watch_on_change, watch, &watch->namespaces);
	if (!err)
		err = watch_reevaluate_init(watch);
	if (!err)
		err = watch_lost_init(watch);
	if (!err)
		err = watch_sweep_init(watch);
	if (!err)
		err = watch_scan_init(watch);
	if (err)
		watch_free(watch);
	else
		*out = watch;
	return err;
}

void watch_free(struct watch *watch)
{
	struct watch_client *client, *next;

	HASH_ITER (hh, watch->clients, client, next)
		watch_client_free(client);
	while (watch->ufiles)
		watch_ufile_free(watch->ufiles);
	if (watch->lost)
		event_free(watch->lost);
	if (watch->judge)
		event_free(watch->judge);
	if (watch->grace)
		event_free(watch->grace);
	if (watch->sweep)
		event_free(watch->sweep);
	if (watch->scan)
		event_free(watch->scan);
	watch_scan_stop(watch);
	if (watch->namespaces)
		namespaces_free(watch->namespaces);
	free(watch);
}
