// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The policies that the packets of one direction hit, by priority, and the outcome.
 *
 * Where the kernel would choose among several policies of one priority, all of them must protect, so the order of its
 * choice does not matter. Source: net/xfrm/xfrm_policy.c (xfrm_policy_match, xfrm_policy_lookup_bytype,
 * xfrm_tmpl_resolve_one, __xfrm_policy_check).
 */
#include <linux/xfrm.h>
#include <netinet/in.h>

#include "judge/policies.h"
#include "judge/traits.h"

/* A RoCE packet carries no mark. */
static bool mark_takes_unmarked(const struct xfrm_mark_evidence *mark)
{
	return mark->value == 0;
}

/*
 * Returns the first required ESP template. NULL: none, or a template before it changes the addresses (tunnel), so the
 * SA's addresses are not the flow's (xfrm_tmpl_resolve_one()).
 */
static const struct xfrm_template_evidence *required_esp(const struct xfrm_policy_evidence *policy)
{
	for (size_t i = 0; i < policy->tmpl_count; i++) {
		const struct xfrm_template_evidence *tmpl = &policy->tmpl[i];

		if (tmpl->proto == IPPROTO_ESP && !tmpl->optional)
			return tmpl;
		if (tmpl->mode != XFRM_MODE_TRANSPORT)
			return NULL;
	}
	return NULL;
}

/*
 * Whether this policy is applied. A NIC applies only packet-offloaded ones. Software passes a packet that hits a
 * packet-offloaded policy to the NIC in clear, and the result is not known for its driver.
 */
static bool policy_is_applied(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
			      struct verdict *out)
{
	if (nic_applies_xfrm(d->path)) {
		if (is_packet_offloaded(d->path, &policy->offload))
			return true;
		verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, REASON_OUTBOUND_POLICY_NOT_OFFLOADED),
			    "%s policy %u is not packet-offloaded to %s: the NIC would not apply it", d->name,
			    policy->index, d->path->egress);
		return false;
	}
	if (!policy->offload.ifindex || !policy->offload.packet)
		return true;
	verdict_set(out, VERDICT_UNKNOWN, of_direction(d, REASON_OUTBOUND_POLICY_OFFLOAD_UNCHECKED),
		    "%s policy %u is packet-offloaded to a NIC, which software RoCE cannot check", d->name,
		    policy->index);
	return false;
}

/* The outcome for packets that hit, or may hit, this policy. */
static enum direction_outcome policy_outcome(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
					     struct verdict *out)
{
	const struct xfrm_template_evidence *tmpl = required_esp(policy);

	if (!policy_is_applied(d, policy, out))
		return OUTCOME_LEAKS;
	if (policy->action == XFRM_POLICY_BLOCK && d->path->scope == REMOTE_EVERY)
		return OUTCOME_PROTECTS;
	/* libreswan's hold, from an ACQUIRE to the end of the negotiation */
	if (policy->action == XFRM_POLICY_BLOCK && tmpl && d->path->scope == REMOTE_ONE) {
		verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, REASON_OUTBOUND_POLICY_AWAITS_SA),
			    "%s policy %u (priority %u) blocks these packets until there is an SA (reqid %u)", d->name,
			    policy->index, policy->priority, tmpl->reqid);
		remember_policy(d, policy, out);
		return OUTCOME_LACKS_SA;
	}
	if (policy->action != XFRM_POLICY_ALLOW)
		verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, REASON_OUTBOUND_POLICY_BLOCKS),
			    "%s policy %u (priority %u) blocks these packets", d->name, policy->index,
			    policy->priority);
	else if (!policy->tmpl_count)
		verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, REASON_OUTBOUND_POLICY_CLEAR),
			    "%s policy %u (priority %u) lets these packets pass in clear", d->name, policy->index,
			    policy->priority);
	else if (!tmpl)
		verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, REASON_OUTBOUND_POLICY_NO_ESP),
			    "%s policy %u (priority %u) has no required ESP template, or one behind a tunnel", d->name,
			    policy->index, policy->priority);
	else
		return template_is_answered(d, policy, tmpl, out);
	return OUTCOME_LEAKS;
}

static enum selector_match policy_match_flow(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy)
{
	enum selector_match match = selector_match(&policy->sel, &d->flow);

	if (policy->dir != d->dir || policy->type != XFRM_POLICY_TYPE_MAIN)
		return SELECTS_NONE;
	if (mark_takes_unmarked(&policy->mark) && !policy->if_id)
		return match;
	/* a NIC's tables know neither marks nor xfrm interfaces: unknown whether such a policy applies */
	if (nic_applies_xfrm(d->path) && is_packet_offloaded(d->path, &policy->offload))
		return match == SELECTS_ALL ? SELECTS_PART : match;
	return SELECTS_NONE;
}

/*
 * The software lookup of rxe's egress carries no ports: a policy with ports is not hit (facts: 1148 packets in clear).
 * Explains that, or another cause that keeps a policy for these addresses from matching.
 */
void explain_no_policy(const struct xfrm_direction *d, struct verdict *out)
{
	const struct xfrm_policy_evidence *p;
	struct xfrm_walk walk;

	verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, REASON_OUTBOUND_NO_POLICY), "no %s xfrm policy covers it",
		    d->name);
	policies_begin(d, &walk);
	while ((p = xfrm_walk_policy(&walk))) {
		if (p->dir != d->dir || selector_match_addresses(&p->sel, &d->flow) == SELECTS_NONE)
			continue;
		if (!selector_ports_match(&p->sel, &d->flow))
			verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, REASON_OUTBOUND_POLICY_PORTS),
				    "%s policy %u selects UDP ports, but %s: use a selector without ports", d->name,
				    p->index,
				    d->flow.has_ports ? "not those of RoCE"
						      : "the lookup for software RoCE carries none, so it is not hit");
		else if (!mark_takes_unmarked(&p->mark))
			verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, REASON_OUTBOUND_POLICY_MARK),
				    "%s policy %u wants mark 0x%x, which RoCE packets lack", d->name, p->index,
				    p->mark.value);
		else if (p->if_id)
			verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, REASON_OUTBOUND_POLICY_IF_ID),
				    "%s policy %u belongs to xfrm interface id %u", d->name, p->index, p->if_id);
		else if (selector_match(&p->sel, &d->flow) == SELECTS_NONE)
			verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, REASON_OUTBOUND_POLICY_INTERFACE),
				    "%s policy %u is for another interface", d->name, p->index);
	}
}

/*
 * Packet-offloaded policies enter the kernel's lists at the head, whatever their priority, and hide from a lookup what
 * stands behind them (xfrm_policy_insert_list(), __xfrm_policy_eval_candidates()): where there is one, software finds
 * any of those that match.
 */
static bool priorities_are_kept(const struct xfrm_direction *d)
{
	return nic_applies_xfrm(d->path) || !xfrm_table_has_packet_offload(d->ev->xfrm, d->dir);
}

/* The smallest priority value of a matching policy that is at least `from`; false: none is left. */
static bool next_priority(const struct xfrm_direction *d, uint64_t from, uint64_t *out)
{
	const struct xfrm_policy_evidence *p;
	struct xfrm_walk walk;
	bool found = false;

	policies_begin(d, &walk);
	while ((p = xfrm_walk_policy(&walk))) {
		if (p->priority < from || (found && p->priority >= *out) || policy_match_flow(d, p) == SELECTS_NONE)
			continue;
		*out = p->priority;
		found = true;
	}
	return found;
}

bool direction_has_policy(const struct xfrm_direction *d)
{
	uint64_t priority;

	return next_priority(d, 0, &priority);
}

/* The state of a walk through a direction's policies. */
struct course {
	bool any;                                   /* policy matches */
	bool covers;                                /* one of them takes the whole flow */
	const struct xfrm_policy_evidence *lacking; /* the first whose SA is missing */
};

/* All matching policies of a range of priorities. Stops at the first outcome worse than OUTCOME_LACKS_SA. */
static enum direction_outcome priorities_outcome(const struct xfrm_direction *d, uint64_t from, uint64_t to,
						 struct course *course, struct verdict *out)
{
	const struct xfrm_policy_evidence *p;
	struct xfrm_walk walk;

	policies_begin(d, &walk);
	while ((p = xfrm_walk_policy(&walk))) {
		enum selector_match match;
		enum direction_outcome outcome;

		if (p->priority < from || p->priority > to)
			continue;
		match = policy_match_flow(d, p);
		if (match == SELECTS_NONE)
			continue;
		course->covers |= match == SELECTS_ALL;
		outcome = policy_outcome(d, p, out);
		if (outcome == OUTCOME_LEAKS)
			return outcome;
		if (outcome == OUTCOME_LACKS_SA && !course->lacking)
			course->lacking = p;
	}
	return course->lacking ? OUTCOME_LACKS_SA : OUTCOME_PROTECTS;
}

static void explain_gap(const struct xfrm_direction *d, struct verdict *out)
{
	if (d->path->scope == REMOTE_EVERY)
		verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, REASON_OUTBOUND_POLICY_GAP),
			    "the %s policies cover only some remotes, and the application chooses addresses in its own "
			    "memory",
			    d->name);
	else
		verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, REASON_OUTBOUND_POLICY_GAP),
			    "the %s policies cover only some UDP source ports or interfaces", d->name);
}

/* By rising priority value, until one policy takes the whole flow: later ones are not hit. */
enum direction_outcome direction_outcome(const struct xfrm_direction *d, struct verdict *out)
{
	enum direction_outcome outcome = OUTCOME_PROTECTS;
	struct course course = { 0 };
	bool ordered = priorities_are_kept(d);
	uint64_t priority = 0;

	while (!course.covers && outcome != OUTCOME_LEAKS && next_priority(d, priority, &priority)) {
		uint64_t to = ordered ? priority : UINT32_MAX;

		course.any = true;
		outcome = priorities_outcome(d, priority, to, &course, out);
		priority = to + 1;
	}
	if (course.lacking)
		(void)policy_outcome(d, course.lacking, out);
	else if (!course.any)
		explain_no_policy(d, out);
	else if (outcome == OUTCOME_PROTECTS && !course.covers)
		explain_gap(d, out);
	return course.covers ? outcome : OUTCOME_LEAKS;
}

/*
 * In every mode but transport, xfrm_bundle_create() looks up a new route by the outer addresses, without the netdev
 * that the flow is bound to (xfrm4_dst_lookup(), xfrm6_dst_lookup()); also for optional templates and any transform.
 */
static bool may_change_route(const struct xfrm_policy_evidence *policy)
{
	for (size_t i = 0; policy->action == XFRM_POLICY_ALLOW && i < policy->tmpl_count; i++)
		if (policy->tmpl[i].mode != XFRM_MODE_TRANSPORT)
			return true;
	return false;
}

static const struct xfrm_policy_evidence *tunnel_among(const struct xfrm_direction *d, uint64_t from, uint64_t to,
						       bool *covered)
{
	const struct xfrm_policy_evidence *p;
	struct xfrm_walk walk;

	policies_begin(d, &walk);
	while ((p = xfrm_walk_policy(&walk))) {
		enum selector_match match = policy_match_flow(d, p);

		if (p->priority < from || p->priority > to || match == SELECTS_NONE)
			continue;
		if (may_change_route(p))
			return p;
		*covered |= match == SELECTS_ALL;
	}
	return NULL;
}

const struct xfrm_policy_evidence *direction_tunnel(const struct xfrm_direction *outbound)
{
	bool ordered = priorities_are_kept(outbound), covered = false;
	const struct xfrm_policy_evidence *tunnel = NULL;
	uint64_t priority = 0;

	while (!tunnel && !covered && next_priority(outbound, priority, &priority)) {
		uint64_t to = ordered ? priority : UINT32_MAX;

		tunnel = tunnel_among(outbound, priority, to, &covered);
		priority = to + 1;
	}
	return tunnel;
}

bool some_policy_wants_esp(const struct xfrm_direction *outbound)
{
	const struct xfrm_policy_evidence *p;
	struct xfrm_walk walk;
	struct verdict ignored;

	policies_begin(outbound, &walk);
	while ((p = xfrm_walk_policy(&walk))) {
		/* also one that blocks during a negotiation, see policy_outcome() */
		if (policy_match_flow(outbound, p) != SELECTS_NONE && required_esp(p) &&
		    policy_is_applied(outbound, p, &ignored))
			return true;
	}
	return false;
}
