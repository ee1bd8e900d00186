// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The netdev by which a driver really sends. Sources: drivers/infiniband/sw/rxe/rxe_net.c, net/ipv6/route.c;
 * drivers/infiniband/hw/mlx5/macsec.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "judge/path_internal.h"
#include "judge/stack.h"
#include "judge/traits.h"
#include "util/address.h"
#include "util/text.h"

/*
 * Kinds that send the packet as it is, at most in another frame; and vxlan, see outer.c. Not among them: other tunnels
 * and xfrm interfaces, which look up routes and policies again for the outer packet; ipvlan, which does so in another
 * namespace; vrf.
 */
static bool kind_is_understood(const struct link_evidence *link)
{
	static const char *const kinds[] = { "",       "macsec", "vlan",  "bond",    "team",
					     "bridge", "veth",   "dummy", "macvlan", "vxlan" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (link_is(link, kinds[i]))
			return true;
	return false;
}

/* The netdev below VLANs, as vlan_dev_real_dev() in net/8021q/vlan_core.c. */
static const struct link_evidence *below_vlans(const struct evidence *ev, const struct link_evidence *link)
{
	for (int i = 0; i < STACK_DEPTH_MAX && link && link_is(link, "vlan"); i++)
		link = link_below(ev, link);
	return link;
}

/* ---- the stack from the GID's netdev down to the port's ---- */

/* A VRF makes the route lookup one by the VRF device (l3mdev_update_flow()), and the policy lookup twofold. */
static bool check_master(const struct path_search *search)
{
	const struct link_evidence *netdev = search->netdev, *master;

	if (!netdev->master_ifindex)
		return true;
	master = evidence_link(search->ev, netdev->master_ifindex);
	if (!master)
		return path_stop(search->out, PATH_UNKNOWN, REASON_NETDEV_MASTER_ELSEWHERE);
	if (!link_is(master, "vrf"))
		return true;
	text_copy(search->out->why.name, sizeof(search->out->why.name), master->name);
	return path_stop(search->out, PATH_UNKNOWN, REASON_NETDEV_VRF);
}

/* The GID of a bond or a bridge one of whose ports is the rxe's netdev: rxe_check_receive() has the reason. */
static bool rxe_port_is_enslaved(const struct path_search *search)
{
	const struct link_evidence *own = evidence_link(search->ev, search->port->netdev_ifindex);
	const struct link_evidence *link = below_vlans(search->ev, search->netdev);

	return search->out->driver->egress == EGRESS_HOST_STACK && own && link && own->master_ifindex == link->ifindex;
}

bool path_check_stack(struct path_search *search)
{
	const struct link_evidence *link = search->netdev;
	struct path *out = search->out;

	for (int i = 0; i < STACK_DEPTH_MAX && link; i++) {
		if (!kind_is_understood(link)) {
			text_copy(out->why.name, sizeof(out->why.name), link->name);
			text_copy(out->why.detail, sizeof(out->why.detail), link->kind);
			return path_stop(out, PATH_UNKNOWN, REASON_NETDEV_KIND);
		}
		if (link->ifindex == search->port->netdev_ifindex)
			return check_master(search);
		link = link_below(search->ev, link);
	}
	if (rxe_port_is_enslaved(search))
		return true;
	return path_stop(out, PATH_UNKNOWN, REASON_NETDEV_NOT_STACKED);
}

static void set_egress(struct path *out, const struct evidence *ev, const struct link_evidence *link)
{
	out->egress_ifindex = link->ifindex;
	text_copy(out->egress, sizeof(out->egress), link->name);
	out->stacked = link_is_stacked(ev, link);
	out->tunnelled = link_is(link, "vxlan");
}

/* ---- rxe ---- */

/* The netdev that must protect packets that leave by `link`: for a VLAN on MACsec or on VXLAN, the one below. */
static const struct link_evidence *protector(const struct evidence *ev, const struct link_evidence *link)
{
	const struct link_evidence *below = below_vlans(ev, link);

	return below && (link_is(below, "macsec") || link_is(below, "vxlan")) ? below : link;
}

/* rxe_udp_encap_recv() accepts packets of the rxe's own netdev and of VLANs on it only: replies would be lost. */
static bool rxe_check_receive(const struct path_search *search)
{
	const struct link_evidence *link = below_vlans(search->ev, search->netdev);
	const struct link_evidence *own = evidence_link(search->ev, search->port->netdev_ifindex);
	struct path *out = search->out;

	if (link && own && link->ifindex == own->ifindex)
		return true;
	text_copy(out->why.detail, sizeof(out->why.detail), own ? own->name : "its netdev");
	text_copy(out->why.name, sizeof(out->why.name), link ? link->name : out->netdev);
	return path_stop(out, PATH_CLEAR, REASON_RXE_RECEIVES_ELSEWHERE);
}

static bool stop_at_encapsulation(struct path *out)
{
	text_copy(out->why.detail, sizeof(out->why.detail), "an encapsulating route");
	return path_stop(out, PATH_UNKNOWN, REASON_ROUTE_NETDEV);
}

static bool stop_without_route(struct path *out, int err)
{
	out->why.err = -err;
	return path_stop(out, PATH_UNKNOWN, REASON_ROUTE_UNKNOWN);
}

/* Answers of the kernel's lookup, which fails for rxe as well: it sends nothing. */
static bool is_no_route(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES || err == -EINVAL || err == -ENODEV;
}

/*
 * rxe_find_route4(): in IPv4 the output interface binds (fib_table_lookup() passes over other next hops), but a route
 * of that interface may encapsulate.
 */
static bool rxe_route4(struct path_search *search)
{
	struct path *out = search->out;
	int ifindex, err;

	if (!search->route_get)
		return true;
	err = search->route_get(search->route_context, AF_INET, &out->local, &out->remote, out->gid_ifindex, &ifindex);
	if (err == -EXDEV)
		return stop_at_encapsulation(out);
	return !err || is_no_route(err) || stop_without_route(out, err);
}

/*
 * In IPv6 an output interface does not bind when the source address is set (RT6_LOOKUP_F_IFACE is left out in
 * ip6_route_output_flags_noref()): the kernel must be asked.
 */
static bool rxe_route6(struct path_search *search)
{
	struct path *out = search->out;
	const struct link_evidence *link;
	int ifindex, err = -EOPNOTSUPP;

	/* until when the route is valid is known by the list only: the answer of the kernel does not say */
	if (search->ev->routes6_state != EVIDENCE_READ) {
		text_copy(out->why.detail, sizeof(out->why.detail), search->ev->routes6_error);
		return path_stop(out, PATH_UNKNOWN, REASON_ROUTES_UNREADABLE);
	}
	if (search->route_get)
		err = search->route_get(search->route_context, AF_INET6, &out->local, &out->remote, out->gid_ifindex,
					&ifindex);
	if (err)
		return err == -EXDEV ? stop_at_encapsulation(out) : stop_without_route(out, err);
	if (ifindex == out->gid_ifindex)
		return true;
	link = evidence_link(search->ev, ifindex);
	if (!link || !kind_is_understood(link)) {
		text_copy(out->why.detail, sizeof(out->why.detail), link ? link->name : "an unknown netdev");
		return path_stop(out, PATH_UNKNOWN, REASON_ROUTE_NETDEV);
	}
	set_egress(out, search->ev, protector(search->ev, link));
	return true;
}

/* fe80::/10 and ff00::/8 are bound to the output interface: rt6_need_strict() in net/ipv6/route.c. */
static bool route6_is_bound(const struct route6_evidence *route)
{
	const uint8_t *dst = route->dst.bytes;

	return (route->dst_prefix >= 10 && dst[0] == 0xfe && (dst[1] & 0xc0) == 0x80) ||
	       (route->dst_prefix >= 8 && dst[0] == 0xff);
}

static bool route6_stays_here(const struct route6_evidence *route)
{
	return route->discards || route->local || route->multicast || route->ifindex == LOOPBACK_IFINDEX ||
	       route6_is_bound(route);
}

static void route_text(const struct route6_evidence *route, char *text, size_t size)
{
	char dst[INET6_ADDRSTRLEN];

	text_format(text, size, "%s/%u", ip_text(AF_INET6, &route->dst, dst), route->dst_prefix);
}

static void set_stray(struct path *out, const struct route6_evidence *route, const struct link_evidence *link)
{
	out->stray_ifindex = route->ifindex;
	text_copy(out->stray, sizeof(out->stray), link->name);
	route_text(route, out->stray_route, sizeof(out->stray_route));
}

static bool rxe_strays6(struct path_search *search)
{
	const struct evidence *ev = search->ev;
	struct path *out = search->out;

	if (ev->routes6_state != EVIDENCE_READ) {
		text_copy(out->why.detail, sizeof(out->why.detail), ev->routes6_error);
		return path_stop(out, PATH_UNKNOWN, REASON_ROUTES_UNREADABLE);
	}
	for (size_t i = 0; i < ev->route6_count; i++) {
		const struct route6_evidence *route = &ev->routes6[i];
		const struct link_evidence *link;

		if (route6_stays_here(route))
			continue;
		link = evidence_link(ev, route->ifindex);
		if (!link) {
			route_text(route, out->why.detail, sizeof(out->why.detail));
			return path_stop(out, PATH_UNKNOWN, REASON_ROUTE_LOST);
		}
		if (!out->stray_ifindex && protector(ev, link)->ifindex != out->egress_ifindex)
			set_stray(out, route, link);
	}
	return true;
}

static bool rxe_egress(struct path_search *search)
{
	struct path *out = search->out;

	/* rxe_find_route4() and 6 asked init_net, whatever the GID's namespace, until rxe_ns.c came in 7.2 */
	if (search->ev->child_netns && search->ev->kernel < KERNEL_RELEASE(7, 2))
		return path_stop(out, PATH_UNKNOWN, REASON_RXE_ROUTES_ELSEWHERE);
	if (!rxe_check_receive(search))
		return false;
	set_egress(out, search->ev, protector(search->ev, search->netdev));
	if (out->scope == REMOTE_SOME)
		return true;
	if (out->family == AF_INET)
		return out->scope == REMOTE_EVERY || rxe_route4(search);
	return out->scope == REMOTE_ONE ? rxe_route6(search) : rxe_strays6(search);
}

/* ---- mlx5 ---- */

/*
 * mlx5r_add_gid_macsec_operations() makes a rule only if the GID's netdev is a MACsec device itself. A netdev on top of
 * one gets GIDs as well, and its packets are sent in clear.
 */
static bool mlx5_egress(struct path_search *search)
{
	const struct link_evidence *link = search->netdev;
	struct path *out = search->out;

	if (link_is(link, "macsec")) {
		set_egress(out, search->ev, link);
		return true;
	}
	for (int i = 0; i < STACK_DEPTH_MAX && link && link->ifindex != search->port->netdev_ifindex; i++) {
		link = link_below(search->ev, link);
		if (link && link_is(link, "macsec")) {
			text_copy(out->why.name, sizeof(out->why.name), link->name);
			return path_stop(out, PATH_CLEAR, REASON_GID_ABOVE_MACSEC);
		}
	}
	set_egress(out, search->ev, evidence_link(search->ev, search->port->netdev_ifindex));
	return true;
}

bool path_find_egress(struct path_search *search)
{
	return search->out->driver->egress == EGRESS_HOST_STACK ? rxe_egress(search) : mlx5_egress(search);
}
