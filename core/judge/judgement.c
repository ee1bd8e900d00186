// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "judge/judgement.h"

#include <errno.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <string.h>

#include "judge/decide.h"
#include "judge/judgement_internal.h"
#include "util/text.h"

static void judge_pass(const struct finding *found, struct judgement *out)
{
	out->pass = true;
	out->rule = found->pass_rule;
	out->path = found->pass_path;
	out->verdict = found->pass_verdict;
	out->audited = found->pass_rule && found->pass_rule->mode == MODE_OFF && !found->pass_verdict.kind;
}

/* Pass, audit or refuse. */
static void judge_finding(const struct question *q, const struct finding *found, struct judgement *out)
{
	out->pass = !found->rule || found->binding.mode == MODE_AUDIT;
	if (!found->rule) {
		judge_pass(found, out);
		return;
	}
	out->audited = out->pass;
	out->rule = found->rule;
	out->path = found->path;
	out->verdict = found->verdict;
	out->verdict.kernel_drops = found->verdict.kernel_drops && !found->leaks;
	out->grace_ms = out->verdict.kernel_drops ? found->grace_ms : 0;
	out->setup_ms = found->hopeless ? 0 : found->setup_ms;
	if (!out->pass)
		out->err = EPERM;
	out->reported = true;
	out->has_better_gid = find_better_gid(q, found, &out->better_gid);
}

static void judge_exact(struct question *q, struct judgement *out)
{
	const struct uverbs_address *address = &q->request->address;
	struct finding found = { 0 };

	/* a remote that does not decide stays unknown: it must not choose a rule */
	if (q->request->has & UVERBS_HAS_ALT_PATH) {
		refuse_or_audit(q, NULL, REASON_ALTERNATE_PATH, out);
		return;
	}
	q->port = address->port;
	if (!address->is_global) {
		refuse_or_audit(q, NULL, REASON_NO_GRH, out);
		return;
	}
	q->scope = REMOTE_ONE;
	q->remote = address->dgid;
	question_ask(q, address->sgid_index, &found);
	judge_finding(q, &found, out);
	/* in audit mode the UD queue pair was reported already, and could send there without this handle */
	if (out->pass && q->request->kind == REQUEST_AH_CREATE &&
	    driver_traits(q->view->device->driver_id)->ud_address_in_wqe)
		out->reported = false;
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
static void judge_every(struct question *q, struct judgement *out)
{
	struct finding found = { 0 };
	size_t asked;

	q->scope = REMOTE_EVERY;
	ask_everywhere(q, &found, &asked);
	if (!asked)
		refuse_or_audit(q, NULL, REASON_NO_GID, out);
	else
		judge_finding(q, &found, out);
}

/*
 * The address comes later and is judged then. Refused now only if no GID could ever be protected, so that the
 * application fails before it contacts its peer. Audit mode reports nothing yet: once per QP is enough.
 */
static void judge_some(struct question *q, struct judgement *out)
{
	struct finding found = { 0 };
	size_t asked;

	q->scope = REMOTE_SOME;
	ask_everywhere(q, &found, &asked);
	if (!asked)
		refuse_or_audit(q, NULL, REASON_NO_GID, out);
	else if (found.satisfiable)
		judge_pass(&found, out);
	else
		judge_finding(q, &found, out);
}

static bool allows_raw_packet(const struct policy_rule *rule)
{
	return rule->allow_raw_packet;
}

static void judge_new_qp(struct question *q, struct judgement *out)
{
	const struct driver_traits *driver = driver_traits(q->view->device->driver_id);

	if (q->request->has & UVERBS_HAS_SOURCE_QPN) {
		refuse_or_audit(q, allows_raw_packet, REASON_SOURCE_QPN, out);
		/* an allowed one still sends and is judged; an audited one was reported already */
		if (!out->pass || out->reported)
			return;
	}
	switch (q->request->qp_type) {
	case IB_UVERBS_QPT_RC:
	case IB_UVERBS_QPT_UC:
	case IB_UVERBS_QPT_XRC_INI:
	case IB_UVERBS_QPT_XRC_TGT:
		judge_some(q, out);
		return;
	case IB_UVERBS_QPT_UD:
		if (driver->ud_address_in_wqe || driver->egress == EGRESS_UNKNOWN)
			judge_every(q, out);
		else
			judge_some(q, out);
		return;
	case IB_UVERBS_QPT_DRIVER:
		judge_every(q, out);
		return;
	case IB_UVERBS_QPT_RAW_PACKET:
		refuse_or_audit(q, allows_raw_packet, REASON_RAW_PACKET, out);
		return;
	default:
		refuse_or_audit(q, NULL, REASON_QP_TYPE, out);
	}
}

/*
 * A QP that needs no address becomes able to send. It was judged at its creation, but a revoked one may be on its way
 * up again. Its type is the one that the engine knows (0: unknown), not the caller's claim.
 */
static void judge_ready(struct question *q, struct judgement *out)
{
	if (engine_ready_lacks_address(q->request))
		refuse_or_audit(q, NULL, REASON_NO_ADDRESS_AT_RTR, out);
	else if (q->request->qp_type)
		judge_new_qp(q, out);
	else
		judge_every(q, out);
	if (out->pass && !engine_ready_lacks_address(q->request))
		out->reported = false; /* an audited one was reported at its creation */
}

static void judge_context(struct question *q, struct judgement *out)
{
	out->pass = true;
	if (!(q->request->has & UVERBS_HAS_DEVX))
		return;
	refuse_or_audit(q, engine_allows_devx, REASON_DEVX, out);
	/* libmlx5 asks for DEVX at every open, and opens again without it: no message for the operator */
	out->reported = false;
	if (!out->pass)
		out->err = EOPNOTSUPP;
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

static void judge_cm(struct question *q, struct judgement *out)
{
	struct finding found = { 0 };

	q->port = q->request->address.port;
	q->scope = REMOTE_ONE;
	q->remote = q->request->address.dgid;
	if (ask_by_address(q, false, &found) || ask_by_address(q, true, &found))
		judge_finding(q, &found, out);
	else
		refuse_or_audit(q, NULL, REASON_NO_LOCAL_GID, out);
}

static void judge_by_kind(struct question *q, struct judgement *out)
{
	switch (q->request->kind) {
	case REQUEST_CONTEXT_OPEN:
		judge_context(q, out);
		return;
	case REQUEST_QP_CREATE:
	case REQUEST_QP_OPEN:
		judge_new_qp(q, out);
		return;
	case REQUEST_QP_ADDRESS:
	case REQUEST_AH_CREATE:
		judge_exact(q, out);
		return;
	case REQUEST_MCAST_ATTACH:
		judge_every(q, out);
		return;
	case REQUEST_QP_DESTROY:
		out->pass = true;
		return;
	case REQUEST_QP_READY:
		judge_ready(q, out);
		return;
	case REQUEST_FLOW_CREATE:
		refuse_or_audit(q, allows_raw_packet, REASON_FLOW_STEERING, out);
		return;
	case REQUEST_DRIVER_PRIVATE:
		engine_judge_private(q, out);
		return;
	case REQUEST_CM_CONNECT:
	case REQUEST_CM_ACCEPT:
	case REQUEST_CM_REJECT:
	case REQUEST_CM_ESTABLISH:
	case REQUEST_CM_JOIN:
	case REQUEST_CM_ROUTE:
		judge_cm(q, out);
		return;
	case REQUEST_DOOR_BROKEN:
		refuse_or_audit(q, NULL, REASON_DOOR_BROKEN, out);
		return;
	default:
		refuse_or_audit(
			q, NULL,
			q->request->kind == REQUEST_MALFORMED ? REASON_COMMAND_MALFORMED : REASON_COMMAND_UNKNOWN, out);
	}
}

void judgement_stopped(struct judgement *answer, const struct want *want, const char *netdev)
{
	struct why *why;

	if (!answer->pass || answer->audited || answer->verdict.by == BY_POLICY_NONE)
		return;
	why = verdict_set(&answer->verdict, VERDICT_UNPROTECTED, REASON_GATE_STOPPED);
	text_copy(why->name, sizeof(why->name), netdev);
	answer->pass = want->require == WANT_NOTHING && answer->rule && answer->rule->mode == MODE_AUDIT;
	answer->audited = answer->pass;
	answer->err = answer->pass ? 0 : EPERM;
	answer->reported = true;
	answer->grace_ms = answer->setup_ms = 0;
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

void judge_request(const struct engine_view *view, const struct engine_client *client, const struct request *request,
		   struct judgement *out)
{
	struct question q = { .view = view, .client = client, .request = request, .scope = REMOTE_SOME };

	memset(out, 0, sizeof(*out));
	if (guard_is_off(&q))
		out->pass = out->audited = true;
	else if (!engine_devx_stops(&q, out))
		judge_by_kind(&q, out);
}
