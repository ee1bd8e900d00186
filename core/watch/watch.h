/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The watch: every living QP that this engine let pass, for as long as it lives. When evidence changes, those that it
 * concerns are decided again, and who lost his protection is moved to ERR (QP state; InfiniBand Architecture 10.3.1).
 *
 * The engine keeps no duplicate of a client's uverbs fd: that would keep the kernel's objects alive behind a client's
 * back. It takes one from the client when it needs it (pidfd_getfd(2)) and closes it again. So what a client closes, or
 * leaves by exit or exec, is closed at once, and the kernel's list of handles tells what still lives.
 *
 * One thread: that of the event base.
 */
#ifndef RDMASEC_WATCH_WATCH_H
#define RDMASEC_WATCH_WATCH_H

#include <event2/event.h>

#include "judge/judgement.h"
#include "messages/protocol.h"
#include "process/process.h"
#include "watch/listener.h"
#include "watch/namespaces.h"

struct watch;
struct watch_ufile; /* one open file of a uverbs device, whoever holds it */

/*
 * `whole_host`: every process with a door loaded is this engine's to watch. Else only those that asked it, for others
 * have another engine, with a policy of its own.
 */
RS_MUST_USE int watch_new(struct event_base *base, const struct policy *policy, struct netns_opener *opener,
			  bool whole_host, const struct watch_listener *listener, struct watch **out);
void watch_free(struct watch *watch);

const struct policy *watch_policy(const struct watch *watch);
struct namespaces *watch_namespaces(struct watch *watch);

/* All are decided again under the new policy; the old one is not looked at any more after this call. */
void watch_set_policy(struct watch *watch, const struct policy *policy);

/*
 * The open file behind number `number` of this process, which must be the same as `fd`. Made known if it is new.
 * -EBADF: it is another one; -EPERM: this engine may not take fds from that process, and so could not take its QPs
 * down; -ENODEV -EXDEV...: as namespace_get().
 */
RS_MUST_USE int watch_ufile_get(struct watch *watch, const struct process *process, int number, int fd,
				struct watch_ufile **out);
/* The one that is known already under this number. NULL: none. */
struct watch_ufile *watch_ufile_find(struct watch *watch, const struct process *process, int number);
struct namespace *watch_ufile_namespace(const struct watch_ufile *ufile);
dev_t watch_ufile_rdev(const struct watch_ufile *ufile);

/*
 * Judges a command by the evidence of the last event. `device` as namespace_device() gave it; NULL: it could not be
 * told, and the answer refuses, with `error` for a reason.
 */
void watch_judge(const struct watch *watch, struct namespace *in, const struct engine_client *client,
		 const struct rdma_device *device, const char *error, const struct request *request,
		 struct engine_answer *answer);

/* What is known of a QP: its type, 0 if nothing is. */
uint32_t watch_qp_type(const struct watch_ufile *ufile, uint32_t handle);

/*
 * The answer to a question for an address, of a QP of this ufile: refused where the QP would go on sending by a route
 * in clear that it has from an address before.
 */
void watch_refuse_kept_route(const struct watch_ufile *ufile, const struct request *request,
			     struct engine_answer *answer);

/* Its number, as a door told it: what the kernel's list only suggests is not believed. 0: not known. */
uint32_t watch_qp_number(const struct watch_ufile *ufile, uint32_t handle);

/* What protects it at this moment, `err` if that cannot be told. `fd`: of the ufile. */
void watch_protection(const struct watch_ufile *ufile, uint32_t handle, int fd, struct wire_protection *out);

/* Does a QP live that sends by this flow's SA? */
bool watch_needs_sa(const struct watch *watch, const struct namespace *in, const struct acquire_flow *flow);

/* Counts changes of evidence and of policy, neither of which ever counts back: as long as it stays, an answer stands.
 */
uint64_t watch_generation(const struct watch *watch, struct namespace *in);

/*
 * The kernel did what was let pass: `command` with what came out of it. `answer` is what engine_judge() said; if the
 * evidence has changed since `generation`, the QP is decided again at once.
 */
void watch_done(struct watch *watch, struct watch_ufile *ufile, const struct request *request,
		const struct engine_answer *answer, uint64_t generation);

/* Nobody said whether it did (the client died, or is stuck): the kernel is asked what became of the QPs. */
void watch_not_done(struct watch *watch, struct watch_ufile *ufile, const struct request *request);

/* Finds QPs that live already: after a start. Those whose protection does not hold are taken down. */
void watch_adopt(struct watch *watch);

/* Every QP that lives, asked of the kernel now; `uid` -1: of all users. */
void watch_list(struct watch *watch, uid_t uid, void (*row)(const struct wire_record *record, void *arg), void *arg);

/* As the policy sees it. */
void engine_client_from(const struct process *process, struct engine_client *out);

/* Fills what a record says of who, where and what was decided. */
void watch_describe(const struct process *process, const struct request *request, const char *device,
		    const struct engine_answer *answer, struct wire_record *record);

#endif
