// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "judge/judgement.h"

#include <errno.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <string.h>

#include "judge/decide.h"
#include "judge/judgement_internal.h"
#include "util/text.h"

static void answer_pass(const struct finding *found, struct engine_answer *answer)
{
	answer->pass = true;
	answer->rule = found->pass_rule;
	answer->path = found->pass_path;
	answer->verdict = found->pass_verdict;
	answer->audited = found->pass_rule && found->pass_rule->mode == MODE_OFF && !found->pass_verdict.kind;
}

/* Turns the finding into an answer: pass, audit or refuse. */
static void answer_finding(const struct question *q, const struct finding *found, struct engine_answer *answer)
{
	answer->pass = !found->rule || found->binding.mode == MODE_AUDIT;
	if (!found->rule) {
		answer_pass(found, answer);
		return;
	}
	answer->audited = answer->pass;
	answer->rule = found->rule;
	answer->path = found->path;
	answer->verdict = found->verdict;
	answer->verdict.kernel_drops = found->verdict.kernel_drops && !found->leaks;
	answer->grace_ms = answer->verdict.kernel_drops ? found->grace_ms : 0;
	answer->setup_ms = found->hopeless ? 0 : found->setup_ms;
	answer->per_qp = found->binding.requirement.granularity == GRANULARITY_QP;
	if (!answer->pass)
		answer->err = EPERM;
	word_finding(q, found, answer->text, sizeof(answer->text));
}

static void judge_exact(struct question *q, struct engine_answer *answer)
{
	const struct uverbs_address *address = &q->request->address;
	struct finding found = { 0 };

	/* a remote that does not decide stays unknown: it must not choose a rule */
	if (q->request->has & UVERBS_HAS_ALT_PATH) {
		refuse_or_audit(q, NULL, REASON_ALTERNATE_PATH, "an alternate path is not judged", answer);
		return;
	}
	q->port = address->port;
	if (!address->is_global) {
		refuse_or_audit(q, NULL, REASON_NO_GRH, "it has no GID (no GRH), which RoCE needs", answer);
		return;
	}
	q->scope = REMOTE_ONE;
	q->remote = address->dgid;
	question_ask(q, address->sgid_index, &found);
	answer_finding(q, &found, answer);
	/* in audit mode the UD queue pair was reported already, and could send there without this handle */
	if (answer->pass && q->request->kind == REQUEST_AH_CREATE &&
	    driver_traits(q->view->device->driver_id)->ud_address_in_wqe)
		answer->text[0] = '\0';
}

/* Asks for every GID of every port. */
static void ask_everywhere(struct question *q, struct finding *found, size_t *asked)
{
	const struct rdma_device *device = q->view->device;

	*asked = 0;
	for (size_t p = 0; p < device->port_count; p++) {
		q->port = device->ports[p].number;
		for (size_t g = 0; g < device->ports[p].gid_count; g++, (*asked)++)
			question_ask(q, device->ports[p].gids[g].index, found);
	}
}

/* Addresses will come from the application's memory: every possible one must be protected. */
static void judge_every(struct question *q, struct engine_answer *answer)
{
	struct finding found = { 0 };
	size_t asked;

	q->scope = REMOTE_EVERY;
	ask_everywhere(q, &found, &asked);
	if (!asked)
		refuse_or_audit(q, NULL, REASON_NO_GID, "the device has no GID", answer);
	else
		answer_finding(q, &found, answer);
}

/*
 * The address comes later and is judged then. Refused now only if no GID could ever be protected, so that the
 * application fails before it contacts its peer. Audit mode reports nothing yet: once per QP is enough.
 */
static void judge_some(struct question *q, struct engine_answer *answer)
{
	struct finding found = { 0 };
	size_t asked;

	q->scope = REMOTE_SOME;
	ask_everywhere(q, &found, &asked);
	if (!asked)
		refuse_or_audit(q, NULL, REASON_NO_GID, "the device has no GID", answer);
	else if (found.satisfiable)
		answer_pass(&found, answer);
	else
		answer_finding(q, &found, answer);
}

static bool allows_raw_packet(const struct policy_rule *rule)
{
	return rule->allow_raw_packet;
}

static void judge_new_qp(struct question *q, struct engine_answer *answer)
{
	const struct driver_traits *driver = driver_traits(q->view->device->driver_id);

	if (q->request->has & UVERBS_HAS_SOURCE_QPN) {
		refuse_or_audit(q, allows_raw_packet, REASON_SOURCE_QPN,
				"it chooses its own source QP number (raw-packet = refuse)", answer);
		/* an allowed one still sends and is judged; an audited one was reported already */
		if (!answer->pass || answer->text[0])
			return;
	}
	switch (q->request->qp_type) {
	case IB_UVERBS_QPT_RC:
	case IB_UVERBS_QPT_UC:
	case IB_UVERBS_QPT_XRC_INI:
	case IB_UVERBS_QPT_XRC_TGT:
		judge_some(q, answer);
		return;
	case IB_UVERBS_QPT_UD:
		if (driver->ud_address_in_wqe || driver->egress == EGRESS_UNKNOWN)
			judge_every(q, answer);
		else
			judge_some(q, answer);
		return;
	case IB_UVERBS_QPT_DRIVER:
		judge_every(q, answer);
		return;
	case IB_UVERBS_QPT_RAW_PACKET:
		refuse_or_audit(q, allows_raw_packet, REASON_RAW_PACKET,
				"raw-packet QPs are not allowed (raw-packet = refuse)", answer);
		return;
	default:
		refuse_or_audit(q, NULL, REASON_QP_TYPE, "a QP of this type is not understood", answer);
	}
}

/*
 * A QP that needs no address becomes able to send. It was judged at its creation, but a revoked one may be on its way
 * up again. Its type is the one that the engine knows (0: unknown), not the caller's claim.
 */
static void judge_ready(struct question *q, struct engine_answer *answer)
{
	if (engine_ready_lacks_address(q->request))
		refuse_or_audit(q, NULL, REASON_NO_ADDRESS, "a connected queue pair is to go to RTR without an address",
				answer);
	else if (q->request->qp_type)
		judge_new_qp(q, answer);
	else
		judge_every(q, answer);
	if (answer->pass && !engine_ready_lacks_address(q->request))
		answer->text[0] = '\0'; /* an audited one was reported at its creation */
}

static void judge_context(struct question *q, struct engine_answer *answer)
{
	answer->pass = true;
	if (!(q->request->has & UVERBS_HAS_DEVX))
		return;
	refuse_or_audit(q, engine_allows_devx, REASON_DEVX, "", answer);
	/* libmlx5 asks for DEVX at every open, and opens again without it: no message for the operator */
	answer->text[0] = '\0';
	if (!answer->pass)
		answer->err = EOPNOTSUPP;
}

static bool gid_is(const struct rdma_gid *gid, const uint8_t raw[16], bool any_type)
{
	return !memcmp(gid->raw, raw, sizeof(gid->raw)) && (any_type || gid->type == GID_TYPE_ROCE_V2);
}

/*
 * librdmacm knows an address, but not which of the GIDs with it the kernel takes: one of RoCE v2 where there are such
 * (the default of cma_roce_mode, drivers/infiniband/core/cma.c). So all of them must be protected.
 */
static size_t ask_by_address(struct question *q, bool any_type, struct finding *found)
{
	const struct rdma_port *port = device_port(q->view->device, q->port);
	size_t asked = 0;

	for (size_t g = 0; port && g < port->gid_count; g++) {
		if (!gid_is(&port->gids[g], q->request->sgid, any_type))
			continue;
		question_ask(q, port->gids[g].index, found);
		asked++;
	}
	return asked;
}

static void judge_cm(struct question *q, struct engine_answer *answer)
{
	struct finding found = { 0 };

	q->port = q->request->address.port;
	q->scope = REMOTE_ONE;
	q->remote = q->request->address.dgid;
	if (ask_by_address(q, false, &found) || ask_by_address(q, true, &found))
		answer_finding(q, &found, answer);
	else
		refuse_or_audit(q, NULL, REASON_NO_LOCAL_GID, "the device has no GID of the local address", answer);
}

static void judge_by_kind(struct question *q, struct engine_answer *answer)
{
	switch (q->request->kind) {
	case REQUEST_CONTEXT_OPEN:
		judge_context(q, answer);
		return;
	case REQUEST_QP_CREATE:
	case REQUEST_QP_OPEN:
		judge_new_qp(q, answer);
		return;
	case REQUEST_QP_ADDRESS:
	case REQUEST_AH_CREATE:
		judge_exact(q, answer);
		return;
	case REQUEST_MCAST_ATTACH:
		judge_every(q, answer);
		return;
	case REQUEST_QP_DESTROY:
		answer->pass = true;
		return;
	case REQUEST_QP_READY:
		judge_ready(q, answer);
		return;
	case REQUEST_FLOW_CREATE:
		refuse_or_audit(q, allows_raw_packet, REASON_FLOW_STEERING,
				"flow steering is not allowed (raw-packet = refuse)", answer);
		return;
	case REQUEST_DRIVER_PRIVATE:
		engine_judge_private(q, answer);
		return;
	case REQUEST_CM_CONNECT:
	case REQUEST_CM_ACCEPT:
	case REQUEST_CM_REJECT:
	case REQUEST_CM_ESTABLISH:
	case REQUEST_CM_JOIN:
	case REQUEST_CM_ROUTE:
		judge_cm(q, answer);
		return;
	case REQUEST_DOOR_BROKEN:
		refuse_or_audit(q, NULL, REASON_DOOR_BROKEN,
				"the door inside the program cannot stand, so nothing that it does would be asked",
				answer);
		return;
	default:
		refuse_or_audit(q, NULL, REASON_COMMAND_UNKNOWN,
				q->request->kind == REQUEST_MALFORMED ? "the door could not understand it"
								      : "it is not understood",
				answer);
	}
}

/* If every rule that could apply is off, nothing is checked, not even for unknown facts. */
static bool guard_is_off(const struct question *q)
{
	struct policy_subject subject = question_subject(q);
	const struct policy_rule *rule;
	size_t cursor = 0;

	while ((rule = policy_next(q->view->policy, &subject, &cursor)))
		if (binding_of(q, rule).mode != MODE_OFF)
			return false;
	return true;
}

void engine_judge(const struct engine_view *view, const struct engine_client *client, const struct request *request,
		  struct engine_answer *answer)
{
	struct question q = { .view = view, .client = client, .request = request, .scope = REMOTE_SOME };

	memset(answer, 0, sizeof(*answer));
	if (guard_is_off(&q))
		answer->pass = answer->audited = true;
	else if (!engine_devx_stops(&q, answer))
		judge_by_kind(&q, answer);
}
