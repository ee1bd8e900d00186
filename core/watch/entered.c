// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * A queue pair that got an address without a question. Its process is stopped, as far as SIGSTOP stops it. All open
 * files of the device in the process are looked at: which of them has the queue pair is not known, only its handle.
 *
 *  in a file, under the handle and with the address    by the kernel's list    fate
 *  can send, and was judged                            -                       lives
 *  can send, and is still to be judged or revoked      -                       unknown
 *  revoked                                             cannot send             ended
 *  revoked: another one than the door has seen         can send                unknown
 *  not found                                           cannot send             ended
 *  not found                                           can send                unknown
 *
 * So the queue pair of a file that hides (in a message, in io_uring) has a fate that is unknown. One that has the
 * handle and the protected address of another one, in a file that does not hide, lives without being watched.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "rdma/inventory.h"
#include "watch/internal.h"

enum { FILES_MAX = 64 };

struct finding {
	struct watch *watch;
	const struct watch_entered *entered;
	struct watch_ufile *ufiles[FILES_MAX];
	size_t count;
	bool is_still_due; /* a queue pair that it may be is to be judged, or to be revoked */
	bool lives, was_revoked;
};

/* ---- its files ---- */

static int add_file(void *context, const struct process *process, const struct foreign_found *found)
{
	struct finding *finding = context;
	struct watch_ufile *ufile;

	if (finding->count == FILES_MAX ||
	    watch_ufile_get(finding->watch, process, found->number, &found->file, &ufile))
		return 0; /* the kernel's list tells whether it was the one */
	for (size_t i = 0; i < finding->count; i++)
		if (finding->ufiles[i] == ufile)
			return 0;
	finding->ufiles[finding->count++] = ufile;
	return 0;
}

static void find_files(struct finding *finding, const struct process *process)
{
	struct foreign *foreign = finding->watch->foreign;
	dev_t rdev;

	/* an error: as if there were no more files */
	if (!inventory_find_uverbs("/sys", finding->entered->device, &rdev))
		(void)!foreign_search(foreign, process, rdev, add_file, finding);
}

/* ---- the queue pair in a file ---- */

static bool has_address(const struct uverbs_address *address)
{
	static const uint8_t none[sizeof(address->dgid)];

	return memcmp(address->dgid, none, sizeof(none)) != 0;
}

static bool is_entered(const struct watch_qp *qp, const struct watch_entered *entered)
{
	const struct uverbs_address *address = &qp->request.address;

	if (qp->request.kind != (has_address(&entered->address) ? REQUEST_QP_ADDRESS : REQUEST_QP_READY))
		return false;
	return qp->request.kind == REQUEST_QP_READY ||
	       (!memcmp(address->dgid, entered->address.dgid, sizeof(address->dgid)) &&
		address->sgid_index == entered->address.sgid_index);
}

/*
 * The verdict depends on the type of one without an address, and the source port may depend on the number. The kernel
 * gives a handle again once its queue pair is destroyed, of which no door reports.
 */
static void identify(struct watch_ufile *ufile, struct watch_qp *qp, const struct watch_entered *entered)
{
	if (qp->qpn_source == WATCH_QPN_REPORTED && qp->qpn == entered->qpn && qp->request.qp_type)
		return;
	watch_qp_take_number(ufile, qp, entered->qpn);
	qp->request.qpn = entered->qpn;
	qp->request.has |= UVERBS_HAS_QPN;
	qp->request.qp_type = entered->qp_type;
	watch_queue(ufile, qp);
}

static void describe(struct watch_ufile *ufile, const struct watch_qp *qp, const struct process *process, int fd,
		     struct watch_entered_answer *out)
{
	char error[192];
	const struct rdma_device *device = watch_device(ufile, fd, error, sizeof(error));
	struct judgement answer;

	watch_judge(ufile->watch, ufile->in, &ufile->asker, device, error, &qp->request, &answer);
	watch_refuse_kept_route(ufile, &qp->request, &answer);
	watch_heed_gate(qp, &answer);
	out->kills = !answer.pass && answer.rule && answer.rule->kill_unguarded;
	watch_describe(process, &qp->request, ufile->device, &answer, &out->record);
}

static void note(struct finding *finding, const struct watch_ufile *ufile, const struct watch_qp *qp)
{
	if (watch_can_send(qp) && qp->work == WATCH_WORK_NONE) {
		finding->lives = true;
		if (qp->judged.by == BY_MACSEC)
			mirror_poll_fast(namespace_mirror(ufile->in), true);
	} else if (watch_can_send(qp)) {
		finding->is_still_due = true;
	} else {
		finding->was_revoked |= qp->state == WATCH_REVOKED;
	}
}

static void look_with(struct finding *finding, struct watch_ufile *ufile, const struct process *process, int fd,
		      struct watch_entered_answer *out)
{
	const struct watch_entered *entered = finding->entered;
	struct watch_qp *qp = watch_qp_find(ufile, entered->handle);

	if (qp)
		qp->check = WATCH_CHECK_DUE;
	watch_sweep_with(ufile, fd);
	qp = watch_qp_find(ufile, entered->handle);
	if (!qp || !watch_can_send(qp) || !is_entered(qp, entered))
		return;
	identify(ufile, qp, entered);
	describe(ufile, qp, process, fd, out);
	watch_judge_with(ufile, fd);
	/* the application may have destroyed it */
	qp = watch_qp_find(ufile, entered->handle);
	if (qp)
		note(finding, ufile, qp);
}

static void look_at(struct finding *finding, struct watch_ufile *ufile, const struct process *process,
		    struct watch_entered_answer *out)
{
	int fd;

	if (watch_borrow_fd(ufile, &fd))
		return;
	/* as for a question: also the facts of which the kernel sends no events */
	mirror_follow(namespace_mirror(ufile->in));
	namespace_refresh(ufile->in);
	look_with(finding, ufile, process, fd, out);
	watch_return_fd(ufile, fd);
}

/* ---- by the kernel's list ---- */

/* True also if the kernel cannot be asked. One list may lack a queue pair that lives (rdma/resources.h), two do not. */
static bool can_send_in(struct namespace *in, const struct watch_entered *entered)
{
	for (int i = 0; i < 2; i++) {
		struct rdma_resources all;
		const struct rdma_qp *found;
		int err = watch_list_device(in, entered->device_index, &all);
		bool sends;

		if (err)
			return err != -ENODEV;
		found = resources_find(&all, entered->device, entered->qpn);
		sends = found && found->state >= UVERBS_QPS_RTR && found->state != UVERBS_QPS_ERR;
		resources_free(&all);
		if (found)
			return sends;
	}
	return false;
}

static bool can_send(const struct finding *finding, const struct process *process)
{
	struct watch *watch = finding->watch;
	struct namespace *in;
	bool sends;
	int ns_fd;

	if (finding->count)
		return can_send_in(finding->ufiles[0]->in, finding->entered);
	if (foreign_open_netns(watch->foreign, process, &ns_fd))
		return true;
	if (namespace_get_for(watch->namespaces, ns_fd, process->account, &in)) {
		close(ns_fd);
		return true;
	}
	close(ns_fd);
	sends = can_send_in(in, finding->entered);
	namespace_put(in);
	return sends;
}

/* ---- the whole ---- */

static struct request request_of(const struct watch_entered *entered)
{
	return (struct request){
		.kind = has_address(&entered->address) ? REQUEST_QP_ADDRESS : REQUEST_QP_READY,
		.has = UVERBS_HAS_HANDLE | UVERBS_HAS_QPN,
		.qp_type = entered->qp_type,
		.handle = entered->handle,
		.qpn = entered->qpn,
		.address = entered->address,
	};
}

static enum watch_fate fate_of(const struct finding *finding, const struct process *process)
{
	if (finding->is_still_due)
		return WATCH_FATE_UNKNOWN;
	if (finding->lives && !finding->was_revoked)
		return WATCH_FATE_LIVES;
	return can_send(finding, process) ? WATCH_FATE_UNKNOWN : WATCH_FATE_ENDED;
}

void watch_entered(struct watch *watch, const struct process *process, const struct watch_entered *entered,
		   struct watch_entered_answer *out)
{
	struct finding finding = { .watch = watch, .entered = entered };
	const struct request request = request_of(entered);
	struct judgement unknown = { 0 };

	*out = (struct watch_entered_answer){ .fate = WATCH_FATE_UNKNOWN };
	watch_describe(process, &request, entered->device, &unknown, &out->record);
	find_files(&finding, process);
	for (size_t i = 0; i < finding.count; i++)
		look_at(&finding, finding.ufiles[i], process, out);
	out->fate = fate_of(&finding, process);
}

const struct policy_rule *watch_entered_rule(const struct watch *watch, const struct process *process,
					     const struct watch_entered *entered)
{
	const struct request request = request_of(entered);
	struct engine_client client;

	engine_client_from(process, &client);
	return unreachable_rule(watch->policy, &client, entered->device, &request);
}
