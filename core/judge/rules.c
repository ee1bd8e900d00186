// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The verdicts on one GID under every rule that could apply, and the most useful refusal of them. */
#include <string.h>

#include "judge/judgement_internal.h"
#include "util/address.h"
#include "util/text.h"

struct policy_subject question_subject(const struct question *q)
{
	struct policy_subject subject = {
		.device = q->view->device ? q->view->device->name : NULL,
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

/* The application may choose how long it waits: that weakens nothing. */
static uint32_t setup_of(const struct question *q, const struct policy_rule *rule)
{
	uint32_t wanted = q->request->want.setup_timeout_ms;

	return rule->no_setup ? 0 : wanted ? wanted : rule->setup_timeout_ms;
}

/* The application's own requirement binds it in every mode of the rule. */
struct binding binding_of(const struct question *q, const struct policy_rule *rule)
{
	static const enum policy_require wanted[] = {
		[WANT_ANY] = REQUIRE_ANY, [WANT_MACSEC] = REQUIRE_MACSEC, [WANT_IPSEC] = REQUIRE_IPSEC
	};
	const struct want *want = &q->request->want;
	struct binding binding = {
		.rule = rule, .requirement = rule->requirement, .mode = rule->mode, .setup_ms = setup_of(q, rule)
	};

	if (want->granularity == WANT_QP)
		binding.requirement.granularity = GRANULARITY_QP;
	/* the connection manager sends by a QP that all programs share */
	if (request_is_cm(q->request->kind))
		binding.requirement.granularity = GRANULARITY_HOST;
	if (want->require == WANT_NOTHING)
		return binding;
	binding.mode = MODE_ENFORCE;
	if (rule->requirement.require == REQUIRE_NONE || rule->requirement.require == REQUIRE_ANY)
		binding.requirement.require = wanted[want->require];
	else
		binding.conflict = want->require != WANT_ANY && wanted[want->require] != rule->requirement.require;
	return binding;
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
 * The UDP source port of an RC QP: rdma_get_udp_sport() in include/rdma/ib_verbs.h, which hashes the flow label, and
 * where that is 0 both QP numbers. Only for drivers that are known to do so, and only
 * where an SA must serve one QP alone; nothing else depends on it.
 */
static bool sport_of(const struct question *q, const struct path *path, uint16_t *out)
{
	const struct request *request = q->request;
	uint32_t label = request->address.flow_label & 0xfffff;
	uint64_t mixed = (uint64_t)request->qpn * request->dest_qpn;

	if (request->kind != REQUEST_QP_ADDRESS || !path->driver->sport_from_flow_label ||
	    !(request->has & UVERBS_HAS_DEST_QPN))
		return false;
	if (!label && !(request->has & UVERBS_HAS_QPN))
		return false;
	if (!label) {
		mixed ^= mixed >> 20;
		mixed ^= mixed >> 40;
		label = mixed & 0xfffff;
	}
	*out = (uint16_t)(((label & 0x3fff) ^ ((label & 0xfc000) >> 14)) | 0xc000);
	return true;
}

static void conflict_verdict(const struct binding *binding, struct verdict *out)
{
	*out = (struct verdict){ 0 };
	verdict_set(out, VERDICT_UNPROTECTED,
		    binding->requirement.require == REQUIRE_MACSEC ? REASON_REQUIREMENT_CONFLICT
								   : REASON_REQUIREMENT_CONFLICT_IPSEC);
}

static bool cm_may_pass(const struct question *q, const struct binding *binding)
{
	return request_is_cm(q->request->kind) && binding->rule->cm_any;
}

void question_decide(const struct question *q, const struct path *path, const struct requirement *requirement,
		     struct verdict *out)
{
	decide(path, q->view->evidence, requirement, out);
	bypass_look(&q->view->bypass, q->view->evidence, path, requirement->strict, out);
}

static void ask_rule(const struct question *q, const struct path *resolved, const struct binding *binding,
		     struct finding *found)
{
	struct path path = *resolved;
	struct verdict verdict;

	if (binding->mode == MODE_OFF || cm_may_pass(q, binding)) {
		found->satisfiable = true;
		finding_keep_pass(found, &path, &(struct verdict){ 0 }, binding->rule);
		return;
	}
	if (binding->requirement.granularity == GRANULARITY_QP)
		path.has_sport = sport_of(q, &path, &path.sport);
	if (binding->conflict)
		conflict_verdict(binding, &verdict);
	else
		question_decide(q, &path, &binding->requirement, &verdict);
	if (verdict.kind == VERDICT_PROTECTED || verdict.could_be || binding->mode == MODE_AUDIT)
		found->satisfiable = true;
	if (verdict.kind == VERDICT_PROTECTED)
		finding_keep_pass(found, &path, &verdict, binding->rule);
	else
		finding_keep_nearest(found, &path, &verdict, binding);
}

/*
 * Judges one GID under every rule that could apply; there are several only while the remote or the executable is
 * unknown. Keeps in `found` the nearest binding refusal, or else the nearest audited one.
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
		struct binding binding = binding_of(q, rule);

		ask_rule(q, &path, &binding, found);
	}
}

/* A binding refusal precedes an audited one; the one nearest to protected is the most useful. */
void finding_keep_nearest(struct finding *found, const struct path *path, const struct verdict *verdict,
			  const struct binding *binding)
{
	bool binds = binding->mode == MODE_ENFORCE, had = found->rule,
	     had_binds = had && found->binding.mode == MODE_ENFORCE;
	uint32_t grace_ms = binding->rule->grace_ms;

	if (binds) {
		found->grace_ms = had_binds && found->grace_ms < grace_ms ? found->grace_ms : grace_ms;
		found->leaks |= !verdict->kernel_drops;
	}
	if (!(verdict->missing_sa || verdict->missing_macsec_sa) || !binding->setup_ms)
		found->hopeless = true;
	else if (binding->setup_ms > found->setup_ms)
		found->setup_ms = binding->setup_ms;
	if (had && had_binds && !binds)
		return;
	if (had && had_binds == binds && found->verdict.nearness >= verdict->nearness)
		return;
	found->path = *path;
	found->verdict = *verdict;
	found->rule = binding->rule;
	found->binding = *binding;
}
