// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Does IPsec protect this path? In both directions: the policies that the packets would really hit, by priority, ask
 * for ESP, and live SAs with an allowed AEAD answer them (decide_sa.c).
 *
 * Where the kernel would choose among several policies of one priority all of them must do: then its order of choice
 * need not be known. Source: net/xfrm/xfrm_policy.c (xfrm_policy_match, xfrm_policy_lookup_bytype,
 * xfrm_tmpl_resolve_one, __xfrm_policy_check).
 */
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>

#include "decide_internal.h"
#include "text.h"

/* A RoCE packet carries no mark. */
static bool mark_takes_unmarked(const struct xfrm_mark_evidence *mark)
{
	return mark->value == 0;
}

/*
 * The first required ESP. NULL: there is none, or before it stands a template that changes the addresses (tunnel): the
 * SA's addresses are then not those of the flow (xfrm_tmpl_resolve_one()).
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
 * Who would apply this policy? A NIC only what is packet-offloaded to it. Software that hits a packet-offloaded one
 * hands the packet over in clear, and what the NIC's own tables then make of it is not known for its driver.
 */
static bool policy_is_applied(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
			      struct verdict *out)
{
	if (nic_applies_xfrm(d->path)) {
		if (is_packet_offloaded(d->path, &policy->offload))
			return true;
		verdict_set(out, VERDICT_UNPROTECTED, 4,
			    "%s policy %u is not packet-offloaded to %s: the NIC would not apply it", d->name,
			    policy->index, d->path->egress);
		return false;
	}
	if (!policy->offload.ifindex || !policy->offload.packet)
		return true;
	verdict_set(out, VERDICT_UNKNOWN, 4,
		    "%s policy %u is packet-offloaded to a NIC, which software RoCE cannot check", d->name,
		    policy->index);
	return false;
}

/* Does one policy that the packets hit (or may hit) protect them? */
static bool policy_protects(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
			    struct verdict *out)
{
	const struct xfrm_template_evidence *tmpl = required_esp(policy);

	if (!policy_is_applied(d, policy, out))
		return false;
	if (policy->action == XFRM_POLICY_BLOCK && d->path->scope == REMOTE_EVERY)
		return true;
	if (policy->action != XFRM_POLICY_ALLOW)
		verdict_set(out, VERDICT_UNPROTECTED, 2, "%s policy %u (priority %u) blocks these packets", d->name,
			    policy->index, policy->priority);
	else if (!policy->tmpl_count)
		verdict_set(out, VERDICT_UNPROTECTED, 3, "%s policy %u (priority %u) lets these packets pass in clear",
			    d->name, policy->index, policy->priority);
	else if (!tmpl)
		verdict_set(out, VERDICT_UNPROTECTED, 3,
			    "%s policy %u (priority %u) has no required ESP template, or one behind a tunnel", d->name,
			    policy->index, policy->priority);
	else
		return template_is_answered(d, policy, tmpl, out);
	return false;
}

static enum selector_match policy_match_flow(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy)
{
	enum selector_match match = selector_match(&policy->sel, &d->flow);

	if (policy->dir != d->dir || policy->type != XFRM_POLICY_TYPE_MAIN)
		return SELECTS_NONE;
	if (mark_takes_unmarked(&policy->mark) && !policy->if_id)
		return match;
	/* a NIC's tables know neither marks nor xfrm interfaces: whether it applies what has one is not known */
	if (nic_applies_xfrm(d->path) && is_packet_offloaded(d->path, &policy->offload))
		return match == SELECTS_ALL ? SELECTS_PART : match;
	return SELECTS_NONE;
}

/*
 * The software lookup of rxe's egress carries no ports: a policy with ports is not hit (facts: 1148 packets in clear).
 * Tell the operator about it, or about another thing that keeps a policy which was surely meant from matching.
 */
static void explain_no_policy(const struct xfrm_direction *d, struct verdict *out)
{
	verdict_set(out, VERDICT_UNPROTECTED, 0, "no %s xfrm policy covers it", d->name);
	for (size_t i = 0; i < d->ev->policy_count; i++) {
		const struct xfrm_policy_evidence *p = &d->ev->policies[i];

		if (p->dir != d->dir || selector_match_addresses(&p->sel, &d->flow) == SELECTS_NONE)
			continue;
		if (!selector_ports_match(&p->sel, &d->flow))
			verdict_set(out, VERDICT_UNPROTECTED, 2,
				    "%s policy %u selects UDP ports, but %s: use a selector without ports", d->name,
				    p->index,
				    d->flow.has_ports ? "not those of RoCE"
						      : "the lookup for software RoCE carries none, so it is not hit");
		else if (!mark_takes_unmarked(&p->mark))
			verdict_set(out, VERDICT_UNPROTECTED, 2,
				    "%s policy %u wants mark 0x%x, which RoCE packets lack", d->name, p->index,
				    p->mark.value);
		else if (p->if_id)
			verdict_set(out, VERDICT_UNPROTECTED, 2, "%s policy %u belongs to xfrm interface id %u",
				    d->name, p->index, p->if_id);
		else if (selector_match(&p->sel, &d->flow) == SELECTS_NONE)
			verdict_set(out, VERDICT_UNPROTECTED, 2, "%s policy %u is for another interface", d->name,
				    p->index);
	}
}

/* A sub-policy (XFRM_POLICY_TYPE_SUB) is looked up before the main ones and combined with them: not understood. */
static bool has_sub_policy(const struct evidence *ev)
{
	for (size_t i = 0; i < ev->policy_count; i++)
		if (ev->policies[i].type != XFRM_POLICY_TYPE_MAIN)
			return true;
	return false;
}

/*
 * Packet-offloaded policies enter the kernel's lists at the head, whatever their priority, and hide from a lookup what
 * stands behind them (xfrm_policy_insert_list(), __xfrm_policy_eval_candidates()): where there is one, software finds
 * any of those that match.
 */
static bool priorities_are_kept(const struct xfrm_direction *d)
{
	for (size_t i = 0; i < d->ev->policy_count && !nic_applies_xfrm(d->path); i++) {
		const struct xfrm_policy_evidence *p = &d->ev->policies[i];

		if (p->dir == d->dir && p->offload.ifindex && p->offload.packet)
			return false;
	}
	return true;
}

/* The smallest priority value of a matching policy that is at least `from`; false: none is left. */
static bool next_priority(const struct xfrm_direction *d, uint64_t from, uint64_t *out)
{
	bool found = false;

	for (size_t i = 0; i < d->ev->policy_count; i++) {
		const struct xfrm_policy_evidence *p = &d->ev->policies[i];

		if (p->priority < from || (found && p->priority >= *out) || policy_match_flow(d, p) == SELECTS_NONE)
			continue;
		*out = p->priority;
		found = true;
	}
	return found;
}

/* All matching policies from one priority to another protect; *covers: one of them takes the whole flow. */
static bool priorities_protect(const struct xfrm_direction *d, uint64_t from, uint64_t to, bool *covers,
			       struct verdict *out)
{
	for (size_t i = 0; i < d->ev->policy_count; i++) {
		const struct xfrm_policy_evidence *p = &d->ev->policies[i];
		enum selector_match match;

		if (p->priority < from || p->priority > to)
			continue;
		match = policy_match_flow(d, p);
		if (match == SELECTS_NONE)
			continue;
		*covers |= match == SELECTS_ALL;
		if (!policy_protects(d, p, out))
			return false;
	}
	return true;
}

static void explain_gap(const struct xfrm_direction *d, struct verdict *out)
{
	if (d->path->scope == REMOTE_EVERY)
		verdict_set(out, VERDICT_UNPROTECTED, 2,
			    "the %s policies cover only some remotes, and the application chooses addresses in its own "
			    "memory",
			    d->name);
	else
		verdict_set(out, VERDICT_UNPROTECTED, 2,
			    "the %s policies cover only some UDP source ports or interfaces", d->name);
}

/* By rising priority value, until one policy takes the whole flow: none behind it is hit. */
static bool direction_is_protected(const struct xfrm_direction *d, struct verdict *out)
{
	bool covers = false, any = false, ordered = priorities_are_kept(d);
	uint64_t priority = 0;

	while (!covers && next_priority(d, priority, &priority)) {
		uint64_t to = ordered ? priority : UINT32_MAX;

		any = true;
		if (!priorities_protect(d, priority, to, &covers, out))
			return false;
		priority = to + 1;
	}
	if (!any)
		explain_no_policy(d, out);
	else if (!covers)
		explain_gap(d, out);
	return covers;
}

/* REMOTE_SOME: is there an outbound policy that wants ESP for some remote? Then an SA may yet come. */
static bool some_policy_wants_esp(const struct xfrm_direction *outbound)
{
	struct verdict ignored;

	for (size_t i = 0; i < outbound->ev->policy_count; i++) {
		const struct xfrm_policy_evidence *p = &outbound->ev->policies[i];

		if (policy_match_flow(outbound, p) != SELECTS_NONE && p->action == XFRM_POLICY_ALLOW &&
		    required_esp(p) && policy_is_applied(outbound, p, &ignored))
			return true;
	}
	return false;
}

static struct xfrm_direction direction(const struct path *path, const struct evidence *ev,
				       const struct requirement *req, uint8_t dir)
{
	const union ip_address *remote = path->scope == REMOTE_ONE ? &path->remote : NULL;
	bool outbound = dir == XFRM_POLICY_OUT;

	return (struct xfrm_direction){
		.path = path,
		.ev = ev,
		.req = req,
		.dir = dir,
		.name = outbound ? "outbound" : "inbound",
		.flow = {
			.family = path->family,
			.saddr = outbound ? &path->local : remote,
			.daddr = outbound ? remote : &path->local,
			/* udp_queue_rcv_one_skb() checks with the ports decoded */
			.has_ports = outbound ? path->driver->flow_has_ports : true,
			.has_sport = outbound && path->has_sport,
			.sport = path->sport,
			.dport = ROCE_UDP_PORT,
			/* the way in is looked up with the device of its route, not the one it came by
			 * (__xfrm_decode_session()); a NIC's tables know no devices */
			.ifindex = outbound && !nic_applies_xfrm(path) ? path->gid_ifindex : 0,
		},
	};
}

static bool xfrm_is_readable(const struct evidence *ev, struct verdict *out)
{
	if (ev->xfrm_state == EVIDENCE_READ)
		return true;
	if (ev->xfrm_state == EVIDENCE_ABSENT)
		verdict_set(out, VERDICT_UNPROTECTED, 0, "this kernel has no IPsec (xfrm)");
	else if (ev->xfrm_state == EVIDENCE_NO_PRIVILEGE)
		verdict_set(out, VERDICT_UNKNOWN, 0,
			    "xfrm state cannot be read without CAP_NET_ADMIN: run as root, or through rdmasecd, which "
			    "has it");
	else
		verdict_set(out, VERDICT_UNKNOWN, 0, "xfrm state cannot be read (%s)",
			    ev->xfrm_error[0] ? ev->xfrm_error : "not asked");
	return false;
}

/*
 * Settings of a netdev by which software looks up no policy for it at all: DST_NOXFRM (net/ipv4/route.c,
 * __mkroute_output()), and IPSKB_NOPOLICY or DST_NOPOLICY for what comes in.
 */
static bool netdev_has_policies(const struct path *path, const struct evidence *ev, struct verdict *out)
{
	const struct link_evidence *link = evidence_link(ev, path->gid_ifindex);
	bool ipv4 = path->family == AF_INET;

	if (nic_applies_xfrm(path))
		return true;
	if (!link)
		verdict_set(out, VERDICT_UNKNOWN, 0, "it is not known whether %s heeds xfrm policies", path->netdev);
	else if (ipv4 && link->xfrm_off)
		verdict_set(out, VERDICT_UNPROTECTED, 4,
			    "%s sends past all xfrm policies (net.ipv4.conf.%s.disable_xfrm, or that of all, is on)",
			    path->netdev, path->netdev);
	else if (ipv4 ? link->policy_off : link->policy_off6)
		verdict_set(out, VERDICT_UNPROTECTED, 4,
			    "%s takes what comes in clear (net.ipv%d.conf.%s.disable_policy, or that of all, is on)",
			    path->netdev, ipv4 ? 4 : 6, path->netdev);
	else
		return true;
	return false;
}

void decide_ipsec(const struct path *path, const struct evidence *ev, const struct requirement *req,
		  struct verdict *out)
{
	struct xfrm_direction outbound = direction(path, ev, req, XFRM_POLICY_OUT);
	struct xfrm_direction inbound = direction(path, ev, req, XFRM_POLICY_IN);

	if (!xfrm_is_readable(ev, out) || !netdev_has_policies(path, ev, out))
		return;
	if (has_sub_policy(ev)) {
		verdict_set(out, VERDICT_UNKNOWN, 1, "there are xfrm sub-policies, which are not understood");
		return;
	}
	out->could_be = some_policy_wants_esp(&outbound);
	if (path->scope == REMOTE_SOME) {
		if (out->could_be)
			verdict_set(out, VERDICT_UNPROTECTED, 1, "an xfrm policy asks for ESP, for some remotes");
		else
			explain_no_policy(&outbound, out);
		return;
	}
	if (!direction_is_protected(&outbound, out) || !direction_is_protected(&inbound, out))
		return;
	out->kind = VERDICT_PROTECTED;
	out->by = BY_IPSEC;
	if (!out->details[0])
		text_copy(out->details, sizeof(out->details), "ESP by policy for every remote, no SA yet");
}
