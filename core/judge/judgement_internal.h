/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Between the parts of the engine: what is asked, what was found, how it is worded. */
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

/* A rule, and what the application asks for beyond it. */
struct binding {
	const struct policy_rule *rule;
	struct requirement requirement;
	enum policy_mode mode;
	uint32_t setup_ms; /* 0: no SA is asked for */
	bool conflict;     /* both cannot hold */
};

struct binding binding_of(const struct question *q, const struct policy_rule *rule);

/* The refusal worth telling among all that were found; rule is NULL when there is none. */
struct finding {
	const struct policy_rule *rule;
	struct binding binding;
	struct path path;
	struct verdict verdict;
	bool satisfiable;  /* under some GID and rule it is, or could yet be, allowed */
	bool leaks;        /* of those that bind, one is not dropped by the kernel itself */
	bool hopeless;     /* one lacks more than an SA that may be asked for */
	uint32_t setup_ms; /* the most that one may wait */
	uint32_t grace_ms; /* the least of them */
	/* The first of those that are protected, or that no rule asks anything of. */
	const struct policy_rule *pass_rule;
	struct path pass_path;
	struct verdict pass_verdict;
};

/* Who asks, for the policy. */
struct policy_subject question_subject(const struct question *q);
void question_ask(struct question *q, uint32_t sgid_index, struct finding *found);
void finding_keep_nearest(struct finding *found, const struct path *path, const struct verdict *verdict,
			  const struct binding *binding);
/* `why`: the reason in words. */
void refuse_or_audit(const struct question *q, bool (*allows)(const struct policy_rule *rule), enum reason reason,
		     const char *why, struct engine_answer *answer);

/* ---- judgement_mlx5.c: mlx5's DEVX, and what drivers have of their own ---- */

bool engine_allows_devx(const struct policy_rule *rule);
/* A command of DEVX that no rule allows, or that is told of and let pass: then all is said in *answer. */
bool engine_devx_stops(const struct question *q, struct engine_answer *answer);
/* DEVX asks no kernel whether a QP that sends to one remote has been given it. */
bool engine_ready_lacks_address(const struct request *request);
/*
 * What it means for a QP of this type (0: not known): an address is the only one that it sends to only of a connected
 * QP; another goes where it can send to anybody.
 */
void engine_take_type(struct request *request, uint32_t qp_type);
/* REQUEST_DRIVER_PRIVATE */
void engine_judge_private(const struct question *q, struct engine_answer *answer);

/* The one line an operator reads. */
void word_finding(const struct question *q, const struct finding *found, char *text, size_t size);
void word_reason(const struct question *q, const struct binding *binding, const struct verdict *verdict, char *text,
		 size_t size);

/* Without a question: what was refused is not known. */
void word_plain(const struct verdict *verdict, char *text, size_t size);

/* A hint is worth this many questions to the kernel, which block the engine's only thread. */
enum { BETTER_GID_ROUTES_MAX = 4 };

/*
 * Returns the lowest GID index of the path's port that would be protected for the same remote, or -1. Asks for at most
 * BETTER_GID_ROUTES_MAX routes; a GID beyond them counts as not protected if it needs one.
 */
int better_gid(const struct question *q, const struct finding *found);

#endif
