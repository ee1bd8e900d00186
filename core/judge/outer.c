// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Whether IPsec protects the packets that a VXLAN netdev sends and receives. Source: drivers/net/vxlan/vxlan_core.c:
 * vxlan_xmit_one() looks up route and policies for UDP with both ports, and without the mark of the packet inside. The
 * forwarding database chooses the remote, and learns from packets that arrive; vxlan_rcv() accepts any source. So the
 * policies must take the packets to and from every address, as of unreliable datagrams.
 */
#include <linux/xfrm.h>
#include <netinet/in.h>

#include "judge/mechanisms.h"
#include "judge/policies.h"
#include "judge/traits.h"
#include "util/address.h"
#include "util/text.h"

/* A path of the outer packets. It has no egress: ESP protects by whichever netdev they leave. */
static struct path outer_path(const struct path *path, const struct link_evidence *link, enum remote_scope scope)
{
	struct path outer = {
		.state = PATH_RESOLVED,
		.driver = path->driver,
		.scope = scope,
		.family = link->tunnel_family,
		.local = link->tunnel_local,
		.remote = link->tunnel_remote,
	};

	text_copy(outer.netdev, sizeof(outer.netdev), link->name);
	text_copy(outer.egress, sizeof(outer.egress), link->name);
	return outer;
}

static struct xfrm_direction outer_direction(const struct path *outer, const struct evidence *ev,
					     const struct requirement *req, uint8_t dir, uint16_t port)
{
	const union ip_address *local = address_is_zero(outer->family, &outer->local) ? NULL : &outer->local;
	const union ip_address *remote = outer->scope == REMOTE_ONE ? &outer->remote : NULL;
	bool outbound = dir == XFRM_POLICY_OUT;

	return (struct xfrm_direction){
		.path = outer,
		.ev = ev,
		.req = req,
		.dir = dir,
		.outer = true,
		.flow = {
			.family = outer->family,
			.saddr = outbound ? local : remote,
			.daddr = outbound ? remote : local,
			.has_ports = true,
			.dport = port,
			.ifindex = !outbound && outer->family == AF_INET ? LOOPBACK_IFINDEX : 0,
		},
	};
}

/* The netdev of the outer packets depends on their route, and lo bypasses xfrm by default. */
static bool netdevs_have_policies(const struct evidence *ev, int family, struct verdict *out)
{
	bool ipv4 = family == AF_INET;

	for (size_t i = 0; i < ev->link_count; i++) {
		const struct link_evidence *link = &ev->links[i];
		bool off = ipv4 ? link->xfrm_off || link->policy_off : link->policy_off6;

		if (link->ifindex == LOOPBACK_IFINDEX || !off)
			continue;
		verdict_set(out, VERDICT_UNPROTECTED,
			    ipv4 && link->xfrm_off ? REASON_NETDEV_DISABLE_XFRM : REASON_NETDEV_DISABLE_POLICY);
		text_copy(out->why[0].at, sizeof(out->why[0].at), link->name);
		return false;
	}
	return true;
}

static bool both_directions(const struct path *outer, const struct link_evidence *link, const struct evidence *ev,
			    const struct requirement *req, struct verdict *out)
{
	static const uint8_t dirs[] = { XFRM_POLICY_OUT, XFRM_POLICY_IN };

	for (size_t i = 0; i < sizeof(dirs); i++) {
		struct xfrm_direction d = outer_direction(outer, ev, req, dirs[i], link->tunnel_port);

		if (sub_policy_takes(&d, out))
			return false;
		switch (direction_outcome(&d, out)) {
		case OUTCOME_PROTECTS:
			continue;
		case OUTCOME_LACKS_SA:
			out->kernel_drops = true;
			return false;
		default:
			return false;
		}
	}
	return true;
}

/* Whether the tunnel has one peer, whose SAs must be live. */
static bool has_peer(const struct path *one)
{
	const union ip_address *remote = &one->remote;
	bool multicast = one->family == AF_INET ? remote->bytes[0] >= 224 : remote->bytes[0] == 0xff;

	return !multicast && !address_is_zero(one->family, remote) && !address_is_zero(one->family, &one->local);
}

static bool tunnel_is_judged(const struct link_evidence *link, struct verdict *out)
{
	const char *why = NULL;

	if (link->lower_in_other_netns)
		why = "it sends in another network namespace";
	else if (link->tunnel_external)
		why = "others choose its remotes (external)";
	else if (!link->tunnel_family || !link->tunnel_port)
		why = "it has no local address (local ADDRESS)";
	if (why)
		text_copy(verdict_set(out, VERDICT_UNKNOWN, REASON_TUNNEL_NOT_JUDGED)->detail,
			  sizeof(out->why[0].detail), why);
	return !why;
}

static void decide_tunnel(const struct path *path, const struct link_evidence *link, const struct evidence *ev,
			  const struct requirement *req, struct verdict *out)
{
	struct path every = outer_path(path, link, REMOTE_EVERY), one = outer_path(path, link, REMOTE_ONE);

	if (!tunnel_is_judged(link, out))
		return;
	if (netdevs_have_policies(ev, every.family, out) && both_directions(&every, link, ev, req, out) &&
	    (!has_peer(&one) || both_directions(&one, link, ev, req, out))) {
		out->kind = VERDICT_PROTECTED;
		out->by = BY_IPSEC;
		out->outer = true;
	} else {
		out->why[0].outer = true;
	}
}

void decide_outer(const struct path *path, const struct evidence *ev, const struct requirement *req,
		  struct verdict *out)
{
	const struct link_evidence *link = evidence_link(ev, path->egress_ifindex);
	struct verdict found = { 0 };

	if (out->kind == VERDICT_PROTECTED || req->granularity == GRANULARITY_QP || !link || !path->tunnelled ||
	    nic_applies_xfrm(path) || xfrm_table_state(ev->xfrm) != EVIDENCE_READ)
		return;
	decide_tunnel(path, link, ev, req, &found);
	if (found.kind == VERDICT_PROTECTED || found.kernel_drops)
		(void)path_leaves_egress(path, ev, req, &found);
	found.could_be = out->could_be;
	if (found.kind != VERDICT_UNPROTECTED || found.nearness > out->nearness)
		*out = found;
}
