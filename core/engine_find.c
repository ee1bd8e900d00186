// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What decide() says of one GID under every rule that could be the one for it, and which of it is worth telling. */
#include <string.h>

#include "engine_internal.h"

struct policy_subject question_subject(const struct question *q)
{
	struct policy_subject subject = {
		.device = q->view->device->name,
		.port = q->port,
		.uid_known = true,
		.uid = q->client->uid,
		.executable = q->client->executable_known ? q->client->executable : NULL,
	};

	if (q->scope == REMOTE_ONE) {
		subject.remote_known = true;
		subject.remote_family = gid_address(q->remote, &subject.remote);
	}
	return subject;
}

static void finding_keep_pass(struct finding *found, const struct path *path, const struct verdict *verdict,
			      const struct policy_rule *rule)
{
	if (found->pass_rule)
		return;
	found->pass_path = *path;
	found->pass_verdict = *verdict;
	found->pass_rule = rule;
}

/*
 * Asks decide() for one GID under every rule that could be the one for it (several only when the remote or the
 * executable is not known yet). The nearest refusal that binds, or else the nearest audited one, is kept in `found`.
 */
void question_ask(struct question *q, uint32_t sgid_index, struct finding *found)
{
	struct policy_subject subject = question_subject(q);
	const struct policy_rule *rule;
	struct path path;
	size_t cursor = 0;

	path_resolve(q->view->device, q->port, sgid_index, q->scope, q->remote, q->view->evidence, q->view->route_get,
		     q->view->route_context, &path);
	while ((rule = policy_next(q->view->policy, &subject, &cursor))) {
		struct verdict verdict;

		if (rule->mode == MODE_OFF) {
			found->satisfiable = true;
			finding_keep_pass(found, &path, &(struct verdict){ 0 }, rule);
			continue;
		}
		decide(&path, q->view->evidence, &rule->requirement, &verdict);
		if (verdict.kind == VERDICT_PROTECTED || verdict.could_be || rule->mode == MODE_AUDIT)
			found->satisfiable = true;
		if (verdict.kind == VERDICT_PROTECTED)
			finding_keep_pass(found, &path, &verdict, rule);
		else
			finding_keep_nearest(found, &path, &verdict, rule);
	}
}

/* A refusal binds before an audited one is told, and the one nearest to protected says most. */
void finding_keep_nearest(struct finding *found, const struct path *path, const struct verdict *verdict,
			  const struct policy_rule *rule)
{
	bool binds = rule->mode == MODE_ENFORCE, had = found->rule,
	     had_binds = had && found->rule->mode == MODE_ENFORCE;

	if (binds) {
		found->grace_ms = had_binds && found->grace_ms < rule->grace_ms ? found->grace_ms : rule->grace_ms;
		found->leaks |= !verdict->kernel_drops;
	}
	if (had && had_binds && !binds)
		return;
	if (had && had_binds == binds && found->verdict.nearness >= verdict->nearness)
		return;
	found->path = *path;
	found->verdict = *verdict;
	found->rule = rule;
}
