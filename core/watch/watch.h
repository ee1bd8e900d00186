/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The watch: every living QP that the engine let pass. When evidence changes, the QPs that it concerns are judged
 * again, and one that has lost its protection is revoked: moved to ERR (QP state; InfiniBand Architecture 10.3.1).
 *
 * One thread: that of the event base.
 */
#ifndef RDMASEC_WATCH_WATCH_H
#define RDMASEC_WATCH_WATCH_H

#include <event2/event.h>

#include "judge/judgement.h"
#include "messages/protocol.h"
#include "process/foreign.h"
#include "watch/listener.h"
#include "watch/namespaces.h"

struct kept;
struct watch;
struct watch_ufile; /* one open file of a uverbs device, which several processes may hold */

/*
 * `whole_host`: scan all processes that have loaded a door. Else only those that sent a request are watched; the others
 * have an engine and a policy of their own. `policy` must outlive the watch, or the next watch_set_policy(). `foreign`
 * takes and closes the files of others; NULL: the calling thread does, in tests, and then nothing is scanned. 0 or
 * -errno.
 */
RS_MUST_USE int watch_new(struct event_base *base, const struct policy *policy, struct netns_opener *opener,
			  struct foreign *foreign, bool whole_host, const struct watch_listener *listener,
			  struct watch **out);
void watch_free(struct watch *watch);

/* Keeps the guarded processes there, and adopts those that are in it. Before watch_adopt(); `kept` outlives the watch.
 */
void watch_keep(struct watch *watch, struct kept *kept);

const struct policy *watch_policy(const struct watch *watch);
struct namespaces *watch_namespaces(struct watch *watch);

/* Has all QPs judged again by the new policy. The watch does not use the old one after this call. */
void watch_set_policy(struct watch *watch, const struct policy *policy);

/*
 * Finds or adds the open file that the process has under `number`: `file`, which the caller keeps. Returns
 * file->same_err, if that is not 0: -EBADF: it is another file; -EPERM: the engine may not take fds from the process,
 * and so could not revoke its QPs. -EUSERS: too many files of this user; else as foreign_same() and namespace_get().
 */
RS_MUST_USE int watch_ufile_get(struct watch *watch, const struct process *process, int number,
				const struct foreign_file *file, struct watch_ufile **out);
/* The known file under this number; NULL: none. Asks the kernel nothing. */
struct watch_ufile *watch_ufile_find(struct watch *watch, const struct process *process, int number);
/* The engine has identified the device behind the file. */
void watch_ufile_is_on(struct watch_ufile *ufile, const char *device);
struct namespace *watch_ufile_namespace(const struct watch_ufile *ufile);
dev_t watch_ufile_rdev(const struct watch_ufile *ufile);

/*
 * Judges a request by the evidence of the last event. `device` is that of namespace_device(). NULL: it could not be
 * identified, and the answer refuses for the reason `error`.
 */
void watch_judge(const struct watch *watch, struct namespace *in, const struct engine_client *client,
		 const struct rdma_device *device, const char *error, const struct request *request,
		 struct judgement *answer);

/*
 * Refuses a new address, if the QP would go on sending by a route in clear that it keeps from an earlier address. Other
 * answers stay as they are.
 */
void watch_refuse_kept_route(const struct watch_ufile *ufile, const struct request *request, struct judgement *answer);

/*
 * Refuses another QP on a file that has as many as the kernel can list: more could not be checked. Other answers stay
 * as they are, as do those under rules that do not enforce.
 */
void watch_refuse_full(struct watch_ufile *ufile, const struct request *request, struct judgement *answer);

/* The type of a QP; 0: unknown. */
uint32_t watch_qp_type(const struct watch_ufile *ufile, uint32_t handle);
/* The number of a QP as a door reported it; 0: unknown. */
uint32_t watch_qp_number(const struct watch_ufile *ufile, uint32_t handle);

/* What protects the QP now; out->err if that is unknown. `fd` is of the open file. */
void watch_protection(struct watch_ufile *ufile, uint32_t handle, int fd, struct wire_protection *out);

/* A queue pair that got an address without a question: what the kernel door has seen of it (entry/entry.h). */
struct watch_entered {
	uint32_t device_index; /* in RDMA netlink */
	const char *device;
	uint32_t handle; /* in its open file */
	uint32_t qpn;
	uint32_t qp_type;
	/* remote: zeros for one that needs no address. flow_label, is_global and dest_qpn stay empty. */
	struct uverbs_address address;
};

enum watch_fate {
	WATCH_FATE_UNKNOWN = 0, /* it cannot be judged, or not be taken down, now */
	WATCH_FATE_LIVES,       /* it passes; or it is in its grace, and the kernel drops what it sends */
	WATCH_FATE_ENDED, /* by the kernel it cannot send: it was taken down, or the program has changed it since */
};

struct watch_entered_answer {
	enum watch_fate fate;
	bool kills;                /* it is refused, and the rule ends its program */
	struct wire_record record; /* without .event */
};

/*
 * Finds the open files of its device in the process, watches them from now on, and judges the queue pair as an adopted
 * one: a refused one is taken down. Blocks for a search of the process (foreign_search()) and those ioctls.
 */
void watch_entered(struct watch *watch, const struct process *process, const struct watch_entered *entered,
		   struct watch_entered_answer *out);
/* The rule by which a process is ended whose queue pair stays unknown; NULL: none. See unreachable_rule(). */
const struct policy_rule *watch_entered_rule(const struct watch *watch, const struct process *process,
					     const struct watch_entered *entered);

/* The index of the device in RDMA netlink. False: it is not known. */
bool watch_ufile_index(struct watch_ufile *ufile, uint32_t *out);

/* Packets on their way out that the gate has stopped. */
struct watch_stopped {
	uint8_t source[16], destination[16]; /* as GIDs */
	uint32_t dest_qpn;
	const char *netdev; /* where */
	/* The user of the socket that sent them; `uid_known` false: they have none, and `from` is where they came from
	 * (ifindex; 0: from nowhere else). */
	bool uid_known;
	uid_t uid;
	int from;
};

/*
 * Finds the QPs that send them, and has those judged again with this as evidence. By the number of the remote QP and
 * the destination; if none has both (a destination is translated), by the number and the source. Packets that another
 * user than root or the QP's has sent are no evidence. Returns how many QPs it found.
 */
size_t watch_stopped(struct watch *watch, const struct watch_stopped *stopped);

/* Does a QP of `in` send by the SA of this flow? */
bool watch_needs_sa(const struct watch *watch, const struct namespace *in, const struct acquire_flow *flow);

/* Counts changes of evidence and policy; never decreases. An answer stays valid while it is the same. */
uint64_t watch_generation(const struct watch *watch, struct namespace *in);

/*
 * The kernel did what `answer` let pass; `request` has the handle and number that came out of it. If the evidence has
 * changed since `generation`, the QP is judged again at once.
 */
void watch_request_done(struct watch *watch, struct watch_ufile *ufile, const struct request *request,
			const struct judgement *answer, uint64_t generation);

/*
 * The door did not report the outcome (its process died or hangs): the kernel is asked about the QP, or about all of
 * the file if the request has no handle. Blocks for those ioctls.
 */
void watch_outcome_unknown(struct watch_ufile *ufile, const struct request *request);

/*
 * Compares all QPs of the file with the kernel, and revokes those that are not protected, by the fd that came: the
 * process may have the file no longer under `number`, or not where the engine could take it. The caller keeps `file`.
 * Returns 0 or -errno as watch_ufile_get(). Blocks for those ioctls.
 */
RS_MUST_USE int watch_look(struct watch *watch, const struct process *process, int number,
			   const struct foreign_file *file, struct watch_ufile **out);

/*
 * Scans all processes for QPs that live already, and has those judged that it finds; also those of processes that the
 * last daemon guarded (watch_keep()). Blocks for the scan, but at most for three seconds: then the event loop goes on
 * with it.
 */
void watch_adopt(struct watch *watch);

/* Calls `row` for every living QP of the user; `uid` -1: of all users. Blocks while the kernel is asked for each. */
void watch_list(struct watch *watch, uid_t uid, void (*row)(const struct wire_record *record, void *arg), void *arg);

/* The process as the policy sees it. */
void engine_client_from(const struct process *process, struct engine_client *out);

/* Fills in what a record says of process, request and answer. `process` and `device` may be NULL. */
void watch_describe(const struct process *process, const struct request *request, const char *device,
		    const struct judgement *answer, struct wire_record *record);

#endif
