/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The judgement of a request: joins path, evidence and policy. It has no text: words.h makes one where an answer or a
 * record is sent. The same code serves in a private engine and in the daemon.
 */
#ifndef RDMASEC_JUDGE_JUDGEMENT_H
#define RDMASEC_JUDGE_JUDGEMENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "evidence/facts.h"
#include "judge/bypass.h"
#include "judge/decide.h"
#include "judge/path.h"
#include "messages/request.h"
#include "policy/policy.h"

/* The asking process, as the kernel identifies it; never by its own claim. */
struct engine_client {
	pid_t pid;
	uid_t uid;
	bool executable_known; /* and identified: its path is that of the host's mount namespace */
	char executable[256];
};

/* The state of the host at the time of the request. */
struct engine_view {
	const struct policy *policy;
	const struct rdma_device
		*device; /* the one behind the uverbs fd; NULL for REQUEST_DOOR_BROKEN, which has none */
	const struct evidence *evidence; /* likewise */
	path_route_get_fn route_get;
	void *route_context;
	struct bypass_view bypass;
};

struct judgement {
	bool pass;
	bool audited;  /* passes only because the rule does not enforce */
	bool reported; /* the operator gets a line: it is refused, or audited for the first time */
	int err;       /* errno for the application, when it does not pass */
	/* The grounds, for logs and for the watch. Of several GIDs, one. */
	const struct policy_rule *rule; /* of the policy; NULL: nothing was to decide, or the engine could not judge */
	struct path path;               /* .device "" where no path was looked at */
	struct verdict verdict;
	struct why since; /* what happened after it was judged: no SA came, or the QP could not be taken down */
	bool has_better_gid;
	uint32_t better_gid; /* would be protected for the same remote */
	uint32_t grace_ms;   /* refused: how long a living QP may wait for its protection; 0 if that could leak */
	/*
	 * Refused (or only audited) for a missing SA alone, and the rule allows to wait for one: how long the call may
	 * wait. verdict.missing_sa: a key manager is asked for it. verdict.missing_macsec_sa: MKA installs it. 0: no
	 * wait.
	 */
	uint32_t setup_ms;
};

/* Judges one request of one client. A function of its arguments and of the routes that route_get() returns. */
void judge_request(const struct engine_view *view, const struct engine_client *client, const struct request *request,
		   struct judgement *out);

/*
 * The rule by which the process of a QP that can neither be checked nor stopped is to be ended: one that enforces a
 * requirement with unreachable = kill. The QP may have got another address in the meantime, so every rule counts that
 * could apply whatever port and remote are. `device`: its name, "" if it is not known. NULL: no rule demands it.
 */
const struct policy_rule *unreachable_rule(const struct policy *policy, const struct engine_client *client,
					   const char *device, const struct request *request);

/*
 * The gate has stopped packets of the queue pair on `netdev`: whatever protects the path, they do not take it. A
 * passing answer becomes a refusal, or an audited one, as its rule and the application say. One whose rule requires
 * nothing stays as it is.
 */
void judgement_stopped(struct judgement *answer, const struct want *want, const char *netdev);

/* The refusal of an engine that could not judge. Returns the reason, for the facts that its sentence names. */
struct why *judgement_refuse(struct judgement *out, int err, enum reason reason);

#endif
