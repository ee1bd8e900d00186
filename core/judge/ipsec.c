// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Whether IPsec protects a path: in both directions the policies that the packets hit, by priority, ask for ESP
 * (policies.c), and live SAs with an allowed AEAD answer them (sa.c).
 */
#include <linux/xfrm.h>

#include "judge/mechanisms.h"
#include "judge/policies.h"
#include "judge/traits.h"

/*
 * The device of the lookup. Inbound it is that of the packet's route, not the receiving one (__xfrm_decode_session());
 * for a local IPv4 address that is lo (ip_rt_get_dev() in net/ipv4/route.c), so a policy with the receiving device
 * takes nothing. A NIC's tables know no devices. 0: not known.
 */
static int flow_ifindex(const struct path *path, bool outbound)
{
	if (nic_applies_xfrm(path))
		return 0;
	if (outbound)
		return path->gid_ifindex;
	return path->family == AF_INET ? LOOPBACK_IFINDEX : 0;
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
		.flow = {
			.family = path->family,
			.saddr = outbound ? &path->local : remote,
			.daddr = outbound ? remote : &path->local,
			/* udp_queue_rcv_one_skb() checks with the ports decoded */
			.has_ports = outbound ? path->driver->flow_has_ports : true,
			.has_sport = outbound && path->has_sport,
			.sport = path->sport,
			.dport = ROCE_UDP_PORT,
			.ifindex = flow_ifindex(path, outbound),
		},
	};
}

static bool xfrm_is_readable(const struct evidence *ev, struct verdict *out)
{
	enum evidence_state state = xfrm_table_state(ev->xfrm);

	if (state == EVIDENCE_READ)
		return true;
	if (state == EVIDENCE_ABSENT)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_XFRM_ABSENT);
	else if (state == EVIDENCE_NO_PRIVILEGE)
		verdict_set(out, VERDICT_UNKNOWN, REASON_XFRM_NO_PRIVILEGE);
	else
		verdict_set_unread(out, REASON_XFRM_UNREADABLE, xfrm_table_error(ev->xfrm));
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
		verdict_set(out, VERDICT_UNKNOWN, REASON_NETDEV_XFRM_UNKNOWN);
	else if (ipv4 && link->xfrm_off)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_NETDEV_DISABLE_XFRM);
	else if (ipv4 ? link->policy_off : link->policy_off6)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_NETDEV_DISABLE_POLICY);
	else
		return true;
	return false;
}

/*
 * Both directions. While one lacks only a live SA, software drops the packets to send and refuses received clear ones;
 * the other direction must do at least as well. A NIC would send.
 */
static void decide_directions(const struct xfrm_direction *outbound, const struct xfrm_direction *inbound,
			      struct verdict *out)
{
	enum direction_outcome sent = direction_outcome(outbound, out), received;
	struct verdict back = { .could_be = out->could_be, .policy_out = out->policy_out };

	if (sent == OUTCOME_LEAKS)
		return;
	received = direction_outcome(inbound, &back);
	if (sent == OUTCOME_PROTECTS && received == OUTCOME_PROTECTS) {
		out->kind = VERDICT_PROTECTED;
		out->by = BY_IPSEC;
		out->spi_in = back.spi_in;
		return;
	}
	if (sent == OUTCOME_PROTECTS)
		*out = back;
	out->kernel_drops = outbound->path->driver->egress == EGRESS_HOST_STACK && received != OUTCOME_LEAKS;
	/* before the first negotiation libreswan has no inbound policy: it comes with the SA */
	out->missing_sa = outbound->path->scope == REMOTE_ONE &&
			  (received != OUTCOME_LEAKS || (sent == OUTCOME_LACKS_SA && !direction_has_policy(inbound)));
}

void decide_ipsec(const struct path *path, const struct evidence *ev, const struct requirement *req,
		  struct verdict *out)
{
	struct xfrm_direction outbound = direction(path, ev, req, XFRM_POLICY_OUT);
	struct xfrm_direction inbound = direction(path, ev, req, XFRM_POLICY_IN);

	if (!xfrm_is_readable(ev, out) || !netdev_has_policies(path, ev, out))
		return;
	if (sub_policy_takes(&outbound, out) || sub_policy_takes(&inbound, out))
		return;
	if (req->granularity == GRANULARITY_QP && !path->driver->flow_has_ports) {
		verdict_set(out, VERDICT_UNPROTECTED, REASON_GRANULARITY_NO_PORTS);
		return;
	}
	out->could_be = some_policy_wants_esp(&outbound);
	if (path->scope != REMOTE_SOME)
		decide_directions(&outbound, &inbound, out);
	else if (out->could_be)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_XFRM_SOME_REMOTES);
	else
		explain_no_policy(&outbound, out);
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
	struct why *why;

	if (nic_applies_xfrm(path) || path->scope == REMOTE_SOME || state == EVIDENCE_NO_PRIVILEGE ||
	    state == EVIDENCE_ABSENT)
		return false;
	if (state != EVIDENCE_READ) {
		verdict_set_unread(out, REASON_MACSEC_BYPASS_UNKNOWN, xfrm_table_error(ev->xfrm));
		return true;
	}
	if (sub_policy_takes(&outbound, out))
		return true;
	tunnel = direction_tunnel(&outbound);
	if (!tunnel)
		return false;
	why = verdict_set(out, VERDICT_UNPROTECTED, REASON_POLICY_TUNNEL);
	why->policy = tunnel->index;
	why->priority = tunnel->priority;
	return true;
}
