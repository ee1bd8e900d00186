// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>

#include "judge/judgement_internal.h"

struct why *judgement_refuse(struct judgement *out, int err, enum reason reason)
{
	*out = (struct judgement){ .err = err, .reported = true };
	return verdict_set(&out->verdict, VERDICT_UNKNOWN, reason);
}

/* Refuses for a reason that no evidence can change, unless every rule that could apply `allows` it. */
struct why *refuse_or_audit(const struct question *q, bool (*allows)(const struct policy_rule *rule),
			    enum reason reason, struct judgement *out)
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
	out->pass = !objects.rule || objects.mode == MODE_AUDIT;
	out->audited = objects.rule && out->pass;
	out->reported = objects.rule;
	out->err = out->pass ? 0 : EPERM;
	out->rule = objects.rule;
	out->path.port = q->port;
	out->verdict = (struct verdict){ 0 };
	return verdict_set(&out->verdict, VERDICT_UNPROTECTED, reason);
}

const struct policy_rule *unreachable_rule(const struct policy *policy, const struct engine_client *client,
					   const char *device, const struct request *request)
{
	const struct engine_view view = { .policy = policy };
	const struct question q = { .view = &view, .client = client, .request = request };
	struct policy_subject subject = question_subject(&q);
	const struct policy_rule *rule;
	size_t cursor = 0;

	subject.device = *device ? device : NULL;
	while ((rule = policy_next(policy, &subject, &cursor))) {
		struct binding binding = binding_of(&q, rule);

		if (binding.mode == MODE_ENFORCE && binding.requirement.require != REQUIRE_NONE &&
		    !rule->report_unreachable)
			return rule;
	}
	return NULL;
}
