// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>
#include <string.h>

#include "judge/judgement_internal.h"

void engine_refuse(struct engine_answer *answer, int err, enum reason reason, const char *why)
{
	memset(answer, 0, sizeof(*answer));
	answer->err = err;
	verdict_set(&answer->verdict, VERDICT_UNKNOWN, reason, "%s", why);
	word_plain(&answer->verdict, answer->text, sizeof(answer->text));
}

/* Refuses for a reason that no evidence can change, unless every rule that could apply `allows` it. */
void refuse_or_audit(const struct question *q, bool (*allows)(const struct policy_rule *rule), enum reason reason,
		     const char *why, struct engine_answer *answer)
{
	struct policy_subject subject = question_subject(q);
	const struct policy_rule *rule;
	struct binding objects = { 0 };
	size_t cursor = 0;

	while ((rule = policy_next(q->view->policy, &subject, &cursor))) {
		struct binding binding = binding_of(q, rule);

		if (binding.mode != MODE_OFF && !(allows && allows(rule)) &&
		    (!objects.rule || binding.mode == MODE_ENFORCE))
			objects = binding;
	}
	answer->pass = !objects.rule || objects.mode == MODE_AUDIT;
	answer->audited = objects.rule && answer->pass;
	answer->err = answer->pass ? 0 : EPERM;
	answer->rule = objects.rule;
	answer->verdict = (struct verdict){ 0 };
	verdict_set(&answer->verdict, VERDICT_UNPROTECTED, reason, "%s", why);
	if (objects.rule)
		word_reason(q, &objects, &answer->verdict, answer->text, sizeof(answer->text));
}
