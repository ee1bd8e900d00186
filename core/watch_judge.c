// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Deciding again: whom a change concerns, what has become of him, and what follows from it. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "text.h"
#include "watch_internal.h"

/* ---- what an answer stands on ---- */

void watch_keep_answer(struct watch_qp *qp, const struct engine_answer *answer)
{
	const struct path *path = &answer->path;
	const struct verdict *verdict = &answer->verdict;

	qp->basis = (struct watch_basis){
		.scope = path->scope,
		.family = path->family,
		.local = path->local,
		.remote = path->remote,
		.gid_ifindex = path->gid_ifindex,
		.egress_ifindex = path->egress_ifindex,
		.secy_ifindex = verdict->secy_ifindex,
		.spi_out = verdict->spi_out,
		.spi_in = verdict->spi_in,
		.reqid = verdict->reqid,
		.policy_out = verdict->policy_out,
		.of_one_qp = path->has_sport,
		.sport = path->sport,
		.egress = path->driver ? path->driver->egress : EGRESS_UNKNOWN,
		.verdict = verdict->kind,
		.by = verdict->by,
	};
	watch_remember_route(qp, answer);
}

static bool concerned_by_xfrm(const struct watch_qp *qp, const struct xfrm_change *change)
{
	const struct watch_basis *basis = &qp->basis;
	const struct driver_traits driver = { .egress = basis->egress };
	const struct path path = {
		.driver = &driver,
		.scope = basis->scope,
		.family = basis->family,
		.local = basis->local,
		.remote = basis->remote,
		.gid_ifindex = basis->gid_ifindex,
		.egress_ifindex = basis->egress_ifindex,
	};
	const struct verdict verdict = {
		.kind = basis->verdict,
		.by = basis->by,
		.spi_out = basis->spi_out,
		.spi_in = basis->spi_in,
		.reqid = basis->reqid,
	};

	/* what IPsec does not protect now it may protect from now on; an audited QP's reason may change */
	return basis->by != BY_LOOPBACK && xfrm_change_concerns(change, &path, &verdict);
}

/* Of several GIDs and rules the basis has but one: that of a QP which may send by every GID, or whose rule asks
 * nothing. */
static bool stands_on_more(const struct watch_qp *qp)
{
	return qp->question.kind != UVERBS_QP_ADDRESS || qp->basis.by == BY_POLICY_NONE;
}

static bool concerned(const struct watch_qp *qp, const struct mirror_change *change)
{
	if (qp->state == WATCH_NO_ADDRESS || qp->state == WATCH_REVOKED)
		return false;
	switch (change->kind) {
	case MIRROR_CHANGE_XFRM:
		if (change->xfrm->kind == XFRM_CHANGE_EXPIRING)
			return false; /* a dying SA protects as before */
		return stands_on_more(qp) || concerned_by_xfrm(qp, change->xfrm);
	case MIRROR_CHANGE_SECY:
		return stands_on_more(qp) || !qp->basis.egress_ifindex || qp->basis.egress_ifindex == change->ifindex;
	default:
		return true;
	}
}

void watch_queue(struct watch_ufile *ufile, struct watch_qp *qp)
{
	const struct timeval now = { 0 };
	struct watch *watch = ufile->watch;

	if (qp->state == WATCH_NO_ADDRESS || qp->state == WATCH_REVOKED)
		return;
	qp->dirty = true;
	if (!ufile->queued) {
		ufile->queued = true;
		DL_APPEND2(watch->queue, ufile, queue_prev, queue_next);
	}
	event_add(watch->judge, &now);
}

/* Its flow has to have an SA asked for. Of those that stand on more than one flow it is not known which. */
static void tell_lack(const struct watch_ufile *ufile, const struct watch_qp *qp, uint32_t grace_ms)
{
	const struct watch_listener *listener = &ufile->watch->listener;
	const struct acquire_flow flow = {
		.family = qp->basis.family,
		.local = qp->basis.local,
		.remote = qp->basis.remote,
		.has_sport = qp->basis.of_one_qp,
		.sport = qp->basis.sport,
	};

	if (listener->lacks_sa && !stands_on_more(qp))
		listener->lacks_sa(ufile->in, &flow, qp->basis.policy_out, ufile->asker.uid, grace_ms, listener->arg);
}

bool watch_needs_sa(const struct watch *watch, const struct namespace *in, const struct acquire_flow *flow)
{
	size_t octets = flow->family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
	const struct watch_ufile *ufile;
	const struct watch_qp *qp, *next;

	DL_FOREACH (watch->ufiles, ufile) {
		if (ufile->in != in)
			continue;
		HASH_ITER (hh, ufile->qps, qp, next) {
			bool lives = qp->state == WATCH_LIVE || qp->state == WATCH_GRACE;

			if (lives && qp->basis.family == flow->family &&
			    !memcmp(&qp->basis.local, &flow->local, octets) &&
			    !memcmp(&qp->basis.remote, &flow->remote, octets) &&
			    qp->basis.of_one_qp == flow->has_sport &&
			    (!flow->has_sport || qp->basis.sport == flow->sport))
				return true;
		}
	}
	return false;
}

static bool is_expiring(const struct mirror_change *change)
{
	return change->kind == MIRROR_CHANGE_XFRM && change->xfrm->kind == XFRM_CHANGE_EXPIRING;
}

void watch_on_change(struct namespace *in, const struct mirror_change *change, void *arg)
{
	struct watch *watch = arg;
	struct watch_ufile *ufile;
	struct watch_qp *qp, *next;

	DL_FOREACH (watch->ufiles, ufile) {
		if (ufile->in != in)
			continue;
		HASH_ITER (hh, ufile->qps, qp, next) {
			if (is_expiring(change) && qp->state == WATCH_LIVE && concerned_by_xfrm(qp, change->xfrm))
				tell_lack(ufile, qp, 0);
			else if (qp->retry || (!qp->dirty && concerned(qp, change)))
				watch_queue(ufile, qp);
		}
	}
	if (watch->listener.changed)
		watch->listener.changed(in, change, watch->listener.arg);
}

/* One QP being judged again: on whose fd, of which device. */
struct judged {
	struct watch_ufile *ufile;
	struct watch_qp *qp;
	int fd;
	const struct rdma_device *device; /* NULL: it cannot be told */
	const char *error;
};

static void tell(const struct judged *j, const struct engine_answer *answer, enum wire_event event)
{
	struct wire_record record;

	watch_qp_record(j->ufile, j->qp, j->device, answer, &record);
	record.event = event;
	watch_tell(j->ufile->watch, &record);
}

/* ---- judging ---- */

static void refuse_untold(const char *error, struct engine_answer *answer)
{
	answer->err = EPERM;
	text_format(answer->verdict.reason, sizeof(answer->verdict.reason), "the RDMA device cannot be told: %s",
		    error);
	text_format(answer->text, sizeof(answer->text), "rdmasec: refused: %s", answer->verdict.reason);
	text_printable(answer->text);
}

void watch_judge(const struct watch *watch, struct namespace *in, const struct engine_client *client,
		 const struct rdma_device *device, const char *error, const struct uverbs_command *command,
		 struct engine_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	if (command->kind == UVERBS_DOOR_BROKEN)
		engine_judge(&(struct engine_view){ .policy = watch->policy }, client, command, answer);
	else if (!device)
		refuse_untold(error, answer);
	else
		engine_judge(&(struct engine_view){ .policy = watch->policy,
						    .device = device,
						    .evidence = mirror_last(namespace_mirror(in)),
						    .route_get = evidence_route_get,
						    .route_context = mirror_netns(namespace_mirror(in)) },
			     client, command, answer);
}

static void look_at_graces_later(struct watch *watch)
{
	const struct timeval when = { .tv_usec = GRACE_STEP_MS * 1000 };

	event_add(watch->grace, &when);
}

static void on_grace(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;
	int64_t now = clock_ms();
	struct watch_ufile *ufile;
	struct watch_qp *qp, *next;
	bool more = false;

	(void)fd;
	(void)what;
	DL_FOREACH (watch->ufiles, ufile)
		HASH_ITER (hh, ufile->qps, qp, next) {
			if (qp->state != WATCH_GRACE)
				continue;
			more = true;
			if (now >= qp->grace_end_ms)
				watch_queue(ufile, qp);
		}
	if (more)
		look_at_graces_later(watch);
}

void watch_protection(const struct watch_ufile *ufile, uint32_t handle, int fd, struct wire_protection *out)
{
	const struct watch_qp *qp = watch_qp_find(ufile, handle);
	char error[192];
	const struct rdma_device *device;
	struct engine_answer answer;

	if (!qp || qp->state == WATCH_NO_ADDRESS) {
		out->err = qp ? ENOTCONN : ENOENT;
		return;
	}
	mirror_follow(namespace_mirror(ufile->in));
	device = watch_device(ufile, fd, error, sizeof(error));
	watch_judge(ufile->watch, ufile->in, &ufile->asker, device, error, &qp->question, &answer);
	out->verdict = answer.verdict.kind;
	if (answer.verdict.kind != VERDICT_PROTECTED)
		return;
	out->by = answer.verdict.by;
	out->spi_out = answer.verdict.spi_out;
	out->spi_in = answer.verdict.spi_in;
	out->reqid = answer.verdict.reqid;
	out->cipher = answer.verdict.cipher;
	out->offloaded = answer.verdict.offloaded;
	out->sci = be64toh(answer.verdict.sci);
	text_copy(out->netdev, sizeof(out->netdev), answer.path.egress);
}

static uint32_t driver_of(const struct judged *j)
{
	return j->device ? j->device->driver_id : j->qp->question.driver_id;
}

/* In ERR it sends nothing more, and what was posted is flushed (InfiniBand Architecture 10.3.1). */
static void take_down(const struct judged *j, struct engine_answer *answer)
{
	uint32_t driver_id = driver_of(j);
	int err = watch_object_to_error(j->fd, driver_id, j->qp);

	/* in RESET it sends nothing, and has to ask again to get out of it */
	if (err == -ENOTCONN)
		err = 0;
	if (err && !watch_object_lives(j->fd, driver_id, j->qp)) {
		watch_qp_forget(j->ufile, j->qp); /* the application was faster */
		return;
	}
	if (err)
		err = watch_object_destroy(j->fd, driver_id, j->qp);
	j->qp->since_ns = watch_now_ns();
	if (!err) {
		j->qp->state = WATCH_REVOKED;
		tell(j, answer, WIRE_EVENT_REVOKED);
		return;
	}
	text_append(answer->verdict.reason, sizeof(answer->verdict.reason), "; it cannot be taken down: %s",
		    strerror(-err));
	tell(j, answer, WIRE_EVENT_NOT_REVOKED);
	j->qp->retry = true;
}

static void lost(const struct judged *j, struct engine_answer *answer)
{
	uint32_t grace = answer->grace_ms;
	int64_t now = clock_ms();

	if (j->qp->state != WATCH_GRACE)
		j->qp->grace_end_ms = now + grace;
	if (!grace || now >= j->qp->grace_end_ms) {
		take_down(j, answer);
	} else if (j->qp->state != WATCH_GRACE) {
		j->qp->state = WATCH_GRACE;
		tell(j, answer, WIRE_EVENT_GRACE);
		if (answer->setup_ms) {
			/* by the policy that it would hit now */
			watch_keep_answer(j->qp, answer);
			tell_lack(j->ufile, j->qp, grace);
		}
		look_at_graces_later(j->ufile->watch);
	}
}

static bool same_protection(const struct watch_basis *a, const struct watch_basis *b)
{
	return a->verdict == b->verdict && a->by == b->by && a->spi_out == b->spi_out && a->spi_in == b->spi_in &&
	       a->secy_ifindex == b->secy_ifindex;
}

/*
 * What IPsec protected, or what has never been judged by anything, may be protected by what is just being read, and so
 * may what a SecY protects that is as it was: the end of the reading tells. What stood on anything else has lost it.
 */
static bool is_to_be_told(const struct judged *j, const struct engine_answer *answer)
{
	const struct watch_basis *basis = &j->qp->basis;

	if (answer->verdict.kind != VERDICT_UNKNOWN || !mirror_is_reading(namespace_mirror(j->ufile->in)))
		return false;
	if (basis->by == BY_MACSEC)
		return answer->verdict.secy_ifindex == basis->secy_ifindex;
	return basis->by != BY_LOOPBACK;
}

static void judge_again(const struct judged *j)
{
	struct watch_ufile *ufile = j->ufile;
	struct watch_basis before = j->qp->basis;
	struct engine_answer answer;

	j->qp->dirty = j->qp->retry = false;
	watch_judge(ufile->watch, ufile->in, &ufile->asker, j->device, j->error, &j->qp->question, &answer);
	watch_refuse_kept_route(ufile, &j->qp->question, &answer);
	if (is_to_be_told(j, &answer)) {
		j->qp->retry = true;
		return;
	}
	if (!answer.pass) {
		lost(j, &answer);
		return;
	}
	watch_keep_answer(j->qp, &answer);
	if (j->qp->state == WATCH_LIVE && same_protection(&before, &j->qp->basis))
		return;
	j->qp->state = WATCH_LIVE;
	j->qp->since_ns = watch_now_ns();
	tell(j, &answer, WIRE_EVENT_CHANGED);
}

/* At most `most` of its dirty QPs. False: there are more. */
static bool judge_dirty(struct watch_ufile *ufile, int fd, unsigned most, unsigned *judged)
{
	char error[192];
	struct judged j = { .ufile = ufile, .fd = fd, .error = error };
	struct watch_qp *qp, *next;

	j.device = watch_device(ufile, fd, error, sizeof(error));
	HASH_ITER (hh, ufile->qps, qp, next) {
		if (!qp->dirty)
			continue;
		if (*judged == most)
			return false;
		++*judged;
		j.qp = qp;
		judge_again(&j);
	}
	return true;
}

static void unqueue(struct watch_ufile *ufile)
{
	ufile->queued = false;
	DL_DELETE2(ufile->watch->queue, ufile, queue_prev, queue_next);
}

static void judge_ufile(struct watch_ufile *ufile, unsigned most, unsigned *judged)
{
	int fd, err = watch_borrow(ufile, &fd);

	++*judged;
	if (err) {
		/* nobody has it, or there is no room for an fd of our own just now: a sweep queues it again */
		unqueue(ufile);
		return;
	}
	if (judge_dirty(ufile, fd, most, judged))
		unqueue(ufile);
	close(fd);
}

static void on_judge(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval now = { 0 };
	struct watch *watch = arg;
	unsigned judged = 0;

	(void)fd;
	(void)what;
	while (watch->queue && judged < JUDGE_AT_ONCE)
		judge_ufile(watch->queue, JUDGE_AT_ONCE, &judged);
	if (watch->queue)
		event_add(watch->judge, &now);
}

int watch_judge_init(struct watch *watch)
{
	watch->judge = evtimer_new(watch->base, on_judge, watch);
	watch->grace = evtimer_new(watch->base, on_grace, watch);
	if (!watch->judge || !watch->grace)
		return -ENOMEM;
	(void)event_priority_set(watch->judge, WATCH_PRIORITY);
	(void)event_priority_set(watch->grace, WATCH_PRIORITY);
	return 0;
}

static bool relies_on_macsec(const struct watch_ufile *ufile)
{
	const struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next)
		if ((qp->state == WATCH_LIVE || qp->state == WATCH_GRACE) &&
		    (qp->basis.by == BY_MACSEC || stands_on_more(qp)))
			return true;
	return false;
}

static void set_poll(struct namespace *in, void *arg)
{
	const struct watch *watch = arg;
	const struct watch_ufile *ufile;
	bool fast = false;

	DL_FOREACH (watch->ufiles, ufile)
		fast = fast || (ufile->in == in && relies_on_macsec(ufile));
	mirror_poll_fast(namespace_mirror(in), fast);
}

void watch_set_polls(struct watch *watch)
{
	namespaces_each(watch->namespaces, set_poll, watch);
}
