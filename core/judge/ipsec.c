// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Whether IPsec protects a path: in both directions the policies that the packets hit, by priority, ask for ESP
 * (policies.c), and live SAs with an allowed AEAD answer them (sa.c).
 */
#include <linux/xfrm.h>

#include "judge/mechanisms.h"
#include "judge/policies.h"
#include "judge/traits.h"
#include "util/text.h"

/* A sub-policy (XFRM_POLICY_TYPE_SUB) is looked up before the main ones and combined with them: not understood. */
static bool has_sub_policy(const struct evidence *ev)
{
	return xfrm_table_has_sub_policy(ev->xfrm);
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
			/* the inbound lookup has the device of its route, not the receiving one
			 * (__xfrm_decode_session()); a NIC's tables know no devices */
			.ifindex = outbound && !nic_applies_xfrm(path) ? path->gid_ifindex : 0,
		},
	};
}

static const char *xfrm_error(const struct evidence *ev)
{
	const char *error = xfrm_table_error(ev->xfrm);

	return error[0] ? error : "not asked";
}

static bool xfrm_is_readable(const struct evidence *ev, struct verdict *out)
{
	enum evidence_state state = xfrm_table_state(ev->xfrm);

	if (state == EVIDENCE_READ)
		return true;
	if (state == EVIDENCE_ABSENT)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_XFRM_ABSENT, "this kernel has no IPsec (xfrm)");
	else if (state == EVIDENCE_NO_PRIVILEGE)
		verdict_set(out, VERDICT_UNKNOWN, REASON_XFRM_NO_PRIVILEGE,
			    "xfrm state cannot be read without CAP_NET_ADMIN: run as root, or through rdmasecd, which "
			    "has it");
	else
		verdict_set(out, VERDICT_UNKNOWN, REASON_XFRM_UNREADABLE, "xfrm state cannot be read (%s)",
			    xfrm_error(ev));
	return false;
}

/*
 * Settings of a netdev that make software skip the policy lookup: DST_NOXFRM (net/ipv4/route.c, __mkroute_output()),
 * and IPSKB_NOPOLICY or DST_NOPOLICY for received packets.
 */
static bool netdev_has_policies(const struct path *path, const struct evidence *ev, struct verdict *out)
{
	const struct link_evidence *link = evidence_link(ev, path->gid_ifindex);
	bool ipv4 = path->family == AF_INET;

	if (nic_applies_xfrm(path))
		return true;
	if (!link)
		verdict_set(out, VERDICT_UNKNOWN, REASON_NETDEV_XFRM_UNKNOWN,
			    "it is not known whether %s heeds xfrm policies", path->netdev);
	else if (ipv4 && link->xfrm_off)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_NETDEV_DISABLE_XFRM,
			    "%s sends past all xfrm policies (net.ipv4.conf.%s.disable_xfrm, or that of all, is on)",
			    path->netdev, path->netdev);
	else if (ipv4 ? link->policy_off : link->policy_off6)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_NETDEV_DISABLE_POLICY,
			    "%s takes what comes in clear (net.ipv%d.conf.%s.disable_policy, or that of all, is on)",
			    path->netdev, ipv4 ? 4 : 6, path->netdev);
	else
		return true;
	return false;
}

/*
 * Both directions. While one lacks only a live SA, software drops the packets to send and refuses received clear ones;
 * the other direction must do at least as well. A NIC would send.
 */
static bool both_protect(const struct xfrm_direction *outbound, const struct xfrm_direction *inbound,
			 struct verdict *out)
{
	enum direction_outcome sent = direction_outcome(outbound, out), received;
	uint32_t policy_out = out->policy_out;
	struct verdict ignored = { 0 };

	if (sent == OUTCOME_LEAKS)
		return false;
	received = direction_outcome(inbound, sent == OUTCOME_PROTECTS ? out : &ignored);
	if (sent == OUTCOME_PROTECTS && received == OUTCOME_PROTECTS)
		return true;
	out->kernel_drops = outbound->path->driver->egress == EGRESS_HOST_STACK && received != OUTCOME_LEAKS;
	/* before the first negotiation libreswan has no inbound policy: it comes with the SA */
	out->missing_sa = outbound->path->scope == REMOTE_ONE &&
			  (received != OUTCOME_LEAKS || (sent == OUTCOME_LACKS_SA && !direction_has_policy(inbound)));
	out->policy_out = policy_out;
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
		verdict_set(out, VERDICT_UNKNOWN, REASON_XFRM_SUB_POLICY,
			    "there are xfrm sub-policies, which are not understood");
		return;
	}
	if (req->granularity == GRANULARITY_QP && !path->driver->flow_has_ports) {
		verdict_set(
			out, VERDICT_UNPROTECTED, REASON_GRANULARITY_NO_PORTS,
			"granularity = qp wants an SA for this QP alone, and the lookup for software RoCE carries no "
			"ports to tell QPs apart by");
		return;
	}
	out->could_be = some_policy_wants_esp(&outbound);
	if (path->scope == REMOTE_SOME) {
		if (out->could_be)
			verdict_set(out, VERDICT_UNPROTECTED, REASON_XFRM_SOME_REMOTES,
				    "an xfrm policy asks for ESP, for some remotes");
		else
			explain_no_policy(&outbound, out);
		return;
	}
	if (!both_protect(&outbound, &inbound, out))
		return;
	out->kind = VERDICT_PROTECTED;
	out->by = BY_IPSEC;
	if (!out->details[0])
		text_copy(out->details, sizeof(out->details), "ESP by policy for every remote, no SA yet");
}

/*
 * Reading MACsec needs no privilege, reading policies does. An engine without it cannot see a tunnel, and ignores them.
 * An engine that has it, but cannot read them at the moment, does not know. A path whose remote is not known yet is
 * judged later. A netdev that skips policies is no exception, since unknown settings count as that.
 */
bool ipsec_leads_elsewhere(const struct path *path, const struct evidence *ev, const struct requirement *req,
			   struct verdict *out)
{
	struct xfrm_direction outbound = direction(path, ev, req, XFRM_POLICY_OUT);
	enum evidence_state state = xfrm_table_state(ev->xfrm);
	const struct xfrm_policy_evidence *tunnel;

	if (nic_applies_xfrm(path) || path->scope == REMOTE_SOME || state == EVIDENCE_NO_PRIVILEGE ||
	    state == EVIDENCE_ABSENT)
		return false;
	if (state != EVIDENCE_READ) {
		verdict_set(out, VERDICT_UNKNOWN, REASON_MACSEC_BYPASS_UNKNOWN,
			    "whether an xfrm policy leads past %s is not known (%s)", path->egress, xfrm_error(ev));
		return true;
	}
	if (has_sub_policy(ev)) {
		verdict_set(out, VERDICT_UNKNOWN, REASON_XFRM_SUB_POLICY,
			    "there are xfrm sub-policies, which are not understood: one may lead past %s",
			    path->egress);
		return true;
	}
	tunnel = direction_tunnel(&outbound);
	if (tunnel)
		verdict_set(
			out, VERDICT_UNPROTECTED, REASON_POLICY_TUNNEL,
			"%s policy %u (priority %u) takes these packets into a tunnel: they leave by its route, which "
			"need not be %s",
			outbound.name, tunnel->index, tunnel->priority, path->egress);
	return tunnel;
}
