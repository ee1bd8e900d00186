/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The engine: the one place that decides. It puts path, evidence and policy together for what a door asks, and words
 * the answer. The same code serves in the private engine of one command and, later, in the daemon.
 */
#ifndef RDMASEC_JUDGE_JUDGEMENT_H
#define RDMASEC_JUDGE_JUDGEMENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "evidence/facts.h"
#include "judge/decide.h"
#include "judge/path.h"
#include "messages/protocol.h"
#include "messages/request.h"
#include "policy/policy.h"

/* Who is asking, as the kernel says it; never as the client says it. */
struct engine_client {
	pid_t pid;
	uid_t uid;
	bool executable_known;
	char executable[256];
};

/* The world as it was when the question came. Tests make their own. */
struct engine_view {
	const struct policy *policy;
	const struct rdma_device
		*device; /* the one behind the uverbs fd; NULL for REQUEST_DOOR_BROKEN, which has none */
	const struct evidence *evidence; /* likewise */
	path_route_get_fn route_get;
	void *route_context;
};

struct engine_answer {
	bool pass;
	bool audited;             /* passes only because the rule does not enforce */
	int err;                  /* errno for the application, when it does not pass */
	char text[WIRE_TEXT_MAX]; /* one line for the application's stderr; "" for none */
	/* What decided: for logs, and for whoever watches what was let pass. Of several GIDs, one. */
	const struct policy_rule *rule; /* of the policy; NULL: nothing had to be decided */
	struct path path;               /* .device "" where no path was looked at */
	struct verdict verdict;
	uint32_t grace_ms; /* refused: how long a living QP may wait for its protection; 0 where that could leak */
	/*
	 * Refused (or only audited) for nothing but a missing SA, which the rule lets be asked for: how long the call
	 * may wait for it. 0: there is nothing to wait for.
	 */
	uint32_t setup_ms;
	bool per_qp; /* with `path.sport`: the SA is to be of this QP alone */
};

/* Judges one command of one client. A function of its arguments, but for what route_get asks. */
void engine_judge(const struct engine_view *view, const struct engine_client *client, const struct request *request,
		  struct engine_answer *answer);

/* The answer of an engine that could not judge. `why`: the reason in words. */
void engine_refuse(struct engine_answer *answer, int err, enum reason reason, const char *why);

/*
 * Serves doors on `listener` (listening, SOCK_SEQPACKET) in the calling thread until `lifeline` reports end of file and
 * the process behind `pidfd` has ended; either may be -1. Takes over the fds. 0 or -errno.
 */
RS_MUST_USE int engine_serve(const struct policy *policy, int listener, int lifeline, int pidfd);

#endif
