/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Shared by the files that judge a request: question and finding. */
#ifndef RDMASEC_JUDGE_JUDGEMENT_INTERNAL_H
#define RDMASEC_JUDGE_JUDGEMENT_INTERNAL_H

#include "judge/decide.h"
#include "judge/judgement.h"

struct question {
	const struct engine_view *view;
	const struct engine_client *client;
	const struct request *request;
	enum remote_scope scope;
	uint32_t port;         /* 0: not known yet */
	const uint8_t *remote; /* REMOTE_ONE: the GID */
};

/* A rule joined with the application's own requirement. */
struct binding {
	const struct policy_rule *rule;
	struct requirement requirement;
	enum policy_mode mode;
	uint32_t setup_ms; /* 0: the call waits for no SA */
	bool conflict;     /* both cannot hold */
};

struct binding binding_of(const struct question *q, const struct policy_rule *rule);

/* The most useful refusal of all that were found; rule is NULL when there is none. */
struct finding {
	const struct policy_rule *rule;
	struct binding binding;
	struct path path;
	struct verdict verdict;
	bool satisfiable;  /* under some GID and rule it is, or could become, allowed */
	bool leaks;        /* a binding refusal concerns packets that the kernel itself does not drop */
	bool hopeless;     /* one lacks more than an SA that may be requested */
	uint32_t setup_ms; /* the most that one may wait */
	uint32_t grace_ms; /* the least of them */
	/* The first path that is protected, or of which no rule requires anything. */
	const struct policy_rule *pass_rule;
	struct path pass_path;
	struct verdict pass_verdict;
};

/* The facts of the question that rules match. */
struct policy_subject question_subject(const struct question *q);
/* decide(), and what leads packets past the protection. */
void question_decide(const struct question *q, const struct path *path, const struct requirement *requirement,
		     struct verdict *out);
void question_ask(struct question *q, uint32_t sgid_index, struct finding *found);
void finding_keep_nearest(struct finding *found, const struct path *path, const struct verdict *verdict,
			  const struct binding *binding);
/* Returns the reason, for the facts that its sentence names. */
struct why *refuse_or_audit(const struct question *q, bool (*allows)(const struct policy_rule *rule),
			    enum reason reason, struct judgement *out);

/* ---- judgement_mlx5.c: mlx5's DEVX, and what drivers have of their own ---- */

bool engine_allows_devx(const struct policy_rule *rule);
/* Whether a command of DEVX is refused, or passes in audit mode: *out is then complete. */
bool engine_devx_stops(const struct question *q, struct judgement *out);
/* Whether a DEVX QP of one remote becomes ready without an address, which no kernel checks. */
bool engine_ready_lacks_address(const struct request *request);
/*
 * Adapts the request to the QP's type (0: unknown). Only a connected QP sends to its address alone; any other becomes
 * able to send to every remote.
 */
void engine_take_type(struct request *request, uint32_t qp_type);
/* REQUEST_DRIVER_PRIVATE */
void engine_judge_private(const struct question *q, struct judgement *out);

/* ---- better_gid.c ---- */

/* A hint is worth this many questions to the kernel, which block the engine's only thread. */
enum { BETTER_GID_ROUTES_MAX = 4 };

/*
 * Whether another GID of the path's port would be protected for the same remote; *out is the lowest index. Asks for at
 * most BETTER_GID_ROUTES_MAX routes; a GID beyond them counts as not protected if it needs one.
 */
bool find_better_gid(const struct question *q, const struct finding *found, uint32_t *out);

#endif
