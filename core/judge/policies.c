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
#include "util/text.h"

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
		refuse_by_policy(d, policy, REASON_OUTBOUND_POLICY_NOT_OFFLOADED, out);
		return false;
	}
	if (!policy->offload.ifindex || !policy->offload.packet)
		return true;
	refuse_by_policy(d, policy, REASON_OUTBOUND_POLICY_OFFLOAD_UNCHECKED, out);
	out->kind = VERDICT_UNKNOWN;
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
		refuse_by_policy(d, policy, REASON_OUTBOUND_POLICY_AWAITS_SA, out)->reqid = tmpl->reqid;
		remember_policy(d, policy, out);
		return OUTCOME_LACKS_SA;
	}
	if (policy->action != XFRM_POLICY_ALLOW)
		refuse_by_policy(d, policy, REASON_OUTBOUND_POLICY_BLOCKS, out);
	else if (!policy->tmpl_count)
		refuse_by_policy(d, policy, REASON_OUTBOUND_POLICY_CLEAR, out);
	else if (!tmpl)
		refuse_by_policy(d, policy, REASON_OUTBOUND_POLICY_NO_ESP, out);
	else
		return template_is_answered(d, policy, tmpl, out);
	return OUTCOME_LEAKS;
}

/* How much of the flow a policy of any type takes. */
static enum selector_match policy_takes(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy)
{
	enum selector_match match = selector_match(&policy->sel, &d->flow);

	if (policy->dir != d->dir)
		return SELECTS_NONE;
	if (mark_takes_unmarked(&policy->mark) && !policy->if_id)
		return match;
	/* a NIC's tables know neither marks nor xfrm interfaces: unknown whether such a policy applies */
	if (nic_applies_xfrm(d->path) && is_packet_offloaded(d->path, &policy->offload))
		return match == SELECTS_ALL ? SELECTS_PART : match;
	return SELECTS_NONE;
}

static enum selector_match policy_match_flow(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy)
{
	return policy->type == XFRM_POLICY_TYPE_MAIN ? policy_takes(d, policy) : SELECTS_NONE;
}

/* xfrm_policy_lookup() and xfrm_expand_policies(): both types are looked up by the same flow. */
bool sub_policy_takes(const struct xfrm_direction *d, struct verdict *out)
{
	const struct xfrm_policy_evidence *p;
	struct xfrm_walk walk;

	policies_begin(d, &walk);
	while ((p = xfrm_walk_policy(&walk))) {
		if (p->type == XFRM_POLICY_TYPE_MAIN || policy_takes(d, p) == SELECTS_NONE)
			continue;
		verdict_set(out, VERDICT_UNKNOWN, REASON_XFRM_SUB_POLICY)->policy = p->index;
		return true;
	}
	return false;
}

static void refuse_by_interface(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
				struct verdict *out)
{
	struct why *why = refuse_by_policy(d, policy, REASON_OUTBOUND_POLICY_INTERFACE, out);

	if (d->dir == XFRM_POLICY_IN)
		text_copy(why->detail, sizeof(why->detail), "packets that arrive are looked up as of lo");
}

/* Why a policy for the addresses of the flow does not match it. The lookup for rxe's egress carries no ports. */
static void explain_mismatch(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
			     struct verdict *out)
{
	if (!selector_ports_match(&policy->sel, &d->flow))
		refuse_by_policy(d, policy,
				 !d->flow.has_ports ? REASON_OUTBOUND_POLICY_PORTS_UNSEEN
				 : d->outer         ? REASON_OUTBOUND_POLICY_PORTS_OTHER
						    : REASON_OUTBOUND_POLICY_PORTS,
				 out);
	else if (!mark_takes_unmarked(&policy->mark))
		refuse_by_policy(d, policy, REASON_OUTBOUND_POLICY_MARK, out)->number = policy->mark.value;
	else if (policy->if_id)
		refuse_by_policy(d, policy, REASON_OUTBOUND_POLICY_IF_ID, out)->number = policy->if_id;
	else if (selector_match(&policy->sel, &d->flow) == SELECTS_NONE)
		refuse_by_interface(d, policy, out);
}

/* One that would protect if it took the flow: to be hit by any other would not help. */
static bool policy_would_help(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy)
{
	return policy->dir == d->dir && policy->type == XFRM_POLICY_TYPE_MAIN && policy->action == XFRM_POLICY_ALLOW &&
	       required_esp(policy) && selector_match_addresses(&policy->sel, &d->flow) != SELECTS_NONE;
}

void explain_no_policy(const struct xfrm_direction *d, struct verdict *out)
{
	const struct xfrm_policy_evidence *p, *nearest = NULL;
	struct xfrm_walk walk;

	verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, REASON_OUTBOUND_NO_POLICY));
	policies_begin(d, &walk);
	while ((p = xfrm_walk_policy(&walk)))
		if (policy_would_help(d, p) && (!nearest || p->priority <= nearest->priority))
			nearest = p;
	if (nearest)
		explain_mismatch(d, nearest, out);
}

/*
 * Packet-offloaded policies enter the kernel's lists at the head, whatever their priority, and hide from a lookup what
 * comes behind them (xfrm_policy_insert_list(), __xfrm_policy_eval_candidates()): where there is one, software finds
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

/* Visits the policies that the flow may hit: by rising priority value, until one takes the whole flow. */
struct course {
	const struct xfrm_direction *d;
	struct xfrm_walk walk;
	uint64_t from, to, next; /* the priorities that `walk` visits, and the first after them */
	bool covers;             /* a visited policy takes the whole flow */
};

static bool course_next_priority(struct course *course)
{
	const struct xfrm_direction *d = course->d;

	if (course->covers || !next_priority(d, course->next, &course->from))
		return false;
	course->to = priorities_are_kept(d) ? course->from : UINT32_MAX;
	course->next = course->to + 1;
	policies_begin(d, &course->walk);
	return true;
}

/* Returns the next policy; NULL: later ones are not hit. The zeroed course with `d` is its beginning. */
static const struct xfrm_policy_evidence *course_next(struct course *course)
{
	const struct xfrm_policy_evidence *p;

	do {
		while (course->next && (p = xfrm_walk_policy(&course->walk))) {
			enum selector_match match = policy_match_flow(course->d, p);

			if (p->priority < course->from || p->priority > course->to || match == SELECTS_NONE)
				continue;
			course->covers |= match == SELECTS_ALL;
			return p;
		}
	} while (course_next_priority(course));
	return NULL;
}

bool direction_has_policy(const struct xfrm_direction *d)
{
	struct course course = { .d = d };

	return course_next(&course);
}

static enum reason gap_reason(const struct xfrm_direction *d)
{
	if (d->path->scope != REMOTE_EVERY)
		return REASON_OUTBOUND_POLICY_GAP_PORTS;
	return d->outer ? REASON_OUTBOUND_POLICY_GAP_TUNNEL : REASON_OUTBOUND_POLICY_GAP;
}

enum direction_outcome direction_outcome(const struct xfrm_direction *d, struct verdict *out)
{
	enum direction_outcome worst = OUTCOME_PROTECTS;
	const struct xfrm_policy_evidence *p;
	struct course course = { .d = d };
	struct verdict later;
	bool any = false;

	while ((p = course_next(&course))) {
		enum direction_outcome outcome = policy_outcome(d, p, worst == OUTCOME_PROTECTS ? out : &later);

		any = true;
		if (outcome == OUTCOME_LEAKS)
			return outcome;
		if (outcome < worst)
			worst = outcome;
	}
	if (course.covers)
		return worst;
	if (!any)
		explain_no_policy(d, out);
	else if (worst == OUTCOME_PROTECTS)
		verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, gap_reason(d)));
	return OUTCOME_LEAKS;
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

const struct xfrm_policy_evidence *direction_tunnel(const struct xfrm_direction *outbound)
{
	const struct xfrm_policy_evidence *p;
	struct course course = { .d = outbound };

	while ((p = course_next(&course)) && !may_change_route(p))
		continue;
	return p;
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
