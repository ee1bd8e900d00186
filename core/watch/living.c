// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Which queue pairs of a file live, when no fd of it can be had: those that the kernel lists for its device.
 *
 *  the queue pair            the kernel's list of its device             it
 *  any                       cannot be read                              lives
 *  any                       there is no such device (ENODEV)            is destroyed
 *  number reported           has the number, with an owner as below      lives
 *  number reported           lacks it, twice                             is destroyed
 *  number unknown, guessed   has more of this owner than are known of    lives
 *                            the files that are held
 *  number unknown, guessed   has no more than those, twice               is destroyed
 *  an object of DEVX         does not list it at all                     lives while a process that held the file does
 *
 * A number is used again after its queue pair was destroyed. So the owner must be a process that held the file, or a
 * supervisor, which creates queue pairs for its program; or unknown, as the thread that created it has ended.
 */
#include <errno.h>
#include <string.h>

#include "process/status.h"
#include "watch/internal.h"

static int list_device(struct namespace *in, uint32_t index, struct rdma_resources *out)
{
	char error[128];

	return resources_read_device(namespace_transport(in), index, out, error, sizeof(error));
}

int (*watch_list_device)(struct namespace *in, uint32_t index, struct rdma_resources *out) = list_device;

void watch_learn_index(struct watch_ufile *ufile)
{
	if (!ufile->index_known && ufile->device[0])
		ufile->index_known =
			!resources_device_index(namespace_transport(ufile->in), ufile->device, &ufile->index);
}

void watch_living_free(struct watch_living *living)
{
	for (unsigned i = 0; i < living->count; i++)
		if (!living->reads[i].err)
			resources_free(&living->reads[i].qps);
	*living = (struct watch_living){ 0 };
}

static void living_read(struct watch_living *living, unsigned which)
{
	for (; living->count <= which; living->count++)
		living->reads[living->count].err =
			watch_list_device(living->in, living->index, &living->reads[living->count].qps);
}

static void living_begin(struct watch_living *living, const struct watch_ufile *ufile)
{
	if (living->count && (living->in != ufile->in || living->index != ufile->index))
		watch_living_free(living);
	living->in = ufile->in;
	living->index = ufile->index;
	living_read(living, 0);
}

/* ---- owners ---- */

enum owner {
	OWNER_OTHER, /* a process that never held the file, or the kernel */
	OWNER_HOLDER,
	OWNER_UNKNOWN, /* the thread that made it has ended, or was a supervisor's */
};

/* Neighbours in the list mostly have the same owner. */
struct owners {
	const struct watch_ufile *ufile;
	uint32_t last;
	enum owner owner;
	/* of each list: has_unknown(), once it has been counted */
	bool is_counted[2], has_unknown[2];
};

static enum owner owner_of_thread(const struct watch_ufile *ufile, pid_t thread)
{
	const struct watch_holder *holder;
	uint64_t pid;

	if (process_status_numbers(thread, "Tgid", 10, &pid, 1))
		return OWNER_UNKNOWN;
	DL_FOREACH (ufile->holders, holder)
		if (holder->client->process.pid == (pid_t)pid)
			return OWNER_HOLDER;
	return process_is_supervisor((pid_t)pid) ? OWNER_UNKNOWN : OWNER_OTHER;
}

static enum owner owner_of(struct owners *owners, const struct rdma_qp *listed)
{
	if (listed->is_kernel)
		return OWNER_OTHER;
	if (!listed->pid)
		return OWNER_UNKNOWN;
	if (owners->last != listed->pid) {
		owners->last = listed->pid;
		owners->owner = owner_of_thread(owners->ufile, (pid_t)listed->pid);
	}
	return owners->owner;
}

static bool is_on_same_device(const struct watch_ufile *a, const struct watch_ufile *b)
{
	return a->index_known && b->index_known && a->index == b->index;
}

/* Whether a door reported the number for a queue pair of another file, which is held. */
static bool is_elsewhere(const struct watch_ufile *ufile, uint32_t qpn)
{
	const struct watch_ufile *other;
	const struct watch_qp *qp, *next;

	DL_FOREACH (ufile->watch->ufiles, other) {
		if (other == ufile || !watch_is_held(other) || !is_on_same_device(ufile, other))
			continue;
		HASH_ITER (hh, other->qps, qp, next)
			if (qp->qpn_source == WATCH_QPN_REPORTED && qp->qpn == qpn)
				return true;
	}
	return false;
}

/* ---- queue pairs with a number ---- */

static const struct rdma_qp *find(const struct rdma_resources *list, uint32_t qpn)
{
	return list->count ? resources_find(list, list->qps[0].device, qpn) : NULL;
}

static bool is_in(const struct rdma_resources *list, const struct watch_qp *qp, struct owners *owners)
{
	const struct rdma_qp *listed = find(list, qp->qpn);

	if (!listed || (qp->request.qp_type && listed->type != qp->request.qp_type))
		return false;
	switch (owner_of(owners, listed)) {
	case OWNER_HOLDER:
		return true;
	case OWNER_UNKNOWN:
		return !is_elsewhere(owners->ufile, qp->qpn);
	default:
		return false;
	}
}

/* ---- queue pairs without one ---- */

static bool has_number(const struct watch_qp *qp)
{
	return qp->qpn_source == WATCH_QPN_REPORTED;
}

static bool shares_holder(const struct watch_ufile *a, const struct watch_ufile *b)
{
	const struct watch_holder *x, *y;

	DL_FOREACH (a->holders, x)
		DL_FOREACH (b->holders, y)
			if (x->client == y->client)
				return true;
	return false;
}

static size_t without_number(const struct watch_ufile *ufile)
{
	const struct watch_qp *qp, *next;
	size_t count = 0;

	HASH_ITER (hh, ufile->qps, qp, next)
		count += !has_number(qp);
	return count;
}

static bool is_number_of(const struct watch_ufile *ufile, uint32_t qpn)
{
	const struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next)
		if (has_number(qp) && qp->qpn == qpn)
			return true;
	return false;
}

/* Does the list have more queue pairs of the same owners than are known of the files that are held? */
static bool count_unknown(const struct rdma_resources *list, struct owners *owners)
{
	const struct watch_ufile *ufile = owners->ufile, *other;
	size_t listed[OWNER_UNKNOWN + 1] = { 0 }, known[OWNER_UNKNOWN + 1] = { 0 };

	for (size_t i = 0; i < list->count; i++) {
		enum owner owner = owner_of(owners, &list->qps[i]);

		if (owner != OWNER_OTHER && !is_number_of(ufile, list->qps[i].qpn) &&
		    !is_elsewhere(ufile, list->qps[i].qpn))
			listed[owner]++;
	}
	DL_FOREACH (ufile->watch->ufiles, other)
		if (other != ufile && watch_is_held(other) && is_on_same_device(ufile, other))
			known[shares_holder(ufile, other) ? OWNER_HOLDER : OWNER_UNKNOWN] += without_number(other);
	return listed[OWNER_HOLDER] > known[OWNER_HOLDER] ||
	       listed[OWNER_UNKNOWN] > known[OWNER_UNKNOWN] + (known[OWNER_HOLDER] - listed[OWNER_HOLDER]);
}

static bool has_unknown(const struct watch_living *living, unsigned which, struct owners *owners)
{
	if (!owners->is_counted[which])
		owners->has_unknown[which] = count_unknown(&living->reads[which].qps, owners);
	owners->is_counted[which] = true;
	return owners->has_unknown[which];
}

/* ---- any ---- */

static bool lives_by(const struct watch_living *living, unsigned which, const struct watch_qp *qp,
		     struct owners *owners)
{
	if (living->reads[which].err)
		return living->reads[which].err != -ENODEV;
	if (qp->devx_created)
		return owners->ufile->holders;
	return has_number(qp) ? is_in(&living->reads[which].qps, qp, owners) : has_unknown(living, which, owners);
}

bool watch_is_listed(const struct watch_ufile *ufile, const struct watch_qp *qp)
{
	struct owners owners = { .ufile = ufile };
	struct watch_living living = { 0 };
	bool lives;

	if (!ufile->index_known)
		return true;
	living_begin(&living, ufile);
	lives = lives_by(&living, 0, qp, &owners);
	if (!lives) {
		living_read(&living, 1);
		lives = lives_by(&living, 1, qp, &owners);
	}
	watch_living_free(&living);
	return lives;
}

unsigned watch_forget_destroyed(struct watch_ufile *ufile, struct watch_living *living)
{
	struct owners owners = { .ufile = ufile };
	struct watch_qp *qp, *next;

	if (!ufile->qps)
		return 0;
	watch_learn_index(ufile);
	if (!ufile->index_known)
		return HASH_COUNT(ufile->qps);
	living_begin(living, ufile);
	HASH_ITER (hh, ufile->qps, qp, next) {
		if (lives_by(living, 0, qp, &owners))
			continue;
		living_read(living, 1);
		if (!lives_by(living, 1, qp, &owners))
			watch_qp_remove(ufile, qp);
	}
	return HASH_COUNT(ufile->qps);
}
