// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Links and IPv6 routes. Sources: net/core/rtnetlink.c (rtnl_fill_ifinfo), net/ipv6/route.c (rt6_fill_node). */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence/private.h"
#include "netlink/attributes.h"
#include "util/array.h"
#include "util/text.h"

/* ---- links ---- */

void evidence_free_links(struct evidence *ev)
{
	free(ev->links);
	ev->links = NULL;
	ev->link_count = 0;
}

static void restart_links(void *context)
{
	evidence_free_links(((struct evidence_reading *)context)->ev);
}

static void take_tunnel_end(const struct nlattr *v4, const struct nlattr *v6, union ip_address *end, uint8_t *family)
{
	const struct nlattr *attr = v4 ? v4 : v6;

	if (!attr)
		return;
	memcpy(end->bytes, nla_data(attr), (size_t)nla_len(attr));
	*family = v4 ? AF_INET : AF_INET6;
}

/* vxlan_fill_info() in drivers/net/vxlan/vxlan_core.c. What is not understood leaves tunnel_family 0. */
static void parse_vxlan(const struct nlattr *data, struct link_evidence *link)
{
	static const struct nla_policy policy[IFLA_VXLAN_MAX + 1] = {
		[IFLA_VXLAN_GROUP] = NETLINK_EXACTLY(4),   [IFLA_VXLAN_LOCAL] = NETLINK_EXACTLY(4),
		[IFLA_VXLAN_GROUP6] = NETLINK_EXACTLY(16), [IFLA_VXLAN_LOCAL6] = NETLINK_EXACTLY(16),
		[IFLA_VXLAN_PORT] = NETLINK_EXACTLY(2),    [IFLA_VXLAN_COLLECT_METADATA] = NETLINK_EXACTLY(1),
	};
	struct nlattr *attrs[IFLA_VXLAN_MAX + 1];

	link->tunnel_external = true;
	if (!data || netlink_nested(data, IFLA_VXLAN_MAX, policy, attrs) || !attrs[IFLA_VXLAN_PORT])
		return;
	if ((attrs[IFLA_VXLAN_GROUP] || attrs[IFLA_VXLAN_LOCAL]) &&
	    (attrs[IFLA_VXLAN_GROUP6] || attrs[IFLA_VXLAN_LOCAL6]))
		return;
	link->tunnel_external = attrs[IFLA_VXLAN_COLLECT_METADATA] && nla_get_u8(attrs[IFLA_VXLAN_COLLECT_METADATA]);
	link->tunnel_port = ntohs(nla_get_u16(attrs[IFLA_VXLAN_PORT]));
	take_tunnel_end(attrs[IFLA_VXLAN_GROUP], attrs[IFLA_VXLAN_GROUP6], &link->tunnel_remote, &link->tunnel_family);
	take_tunnel_end(attrs[IFLA_VXLAN_LOCAL], attrs[IFLA_VXLAN_LOCAL6], &link->tunnel_local, &link->tunnel_family);
}

static int parse_kind(const struct nlattr *info, struct link_evidence *link)
{
	static const struct nla_policy policy[IFLA_INFO_MAX + 1] = { [IFLA_INFO_KIND] = { .type = NLA_STRING } };
	struct nlattr *attrs[IFLA_INFO_MAX + 1];

	if (!info)
		return 0;
	if (netlink_nested(info, IFLA_INFO_MAX, policy, attrs))
		return -EPROTO;
	if (attrs[IFLA_INFO_KIND])
		text_copy(link->kind, sizeof(link->kind), nla_get_string(attrs[IFLA_INFO_KIND]));
	if (!strcmp(link->kind, "vxlan"))
		parse_vxlan(attrs[IFLA_INFO_DATA], link);
	return 0;
}

/*
 * Returns a setting of a netdev (sysctl net.ipv4.conf.DEVICE...), false if it is absent. Sources: inet_fill_link_af(),
 * inet6_fill_ifla6_attrs().
 */
static bool link_setting(const struct nlattr *spec, int family, int array, size_t index)
{
	const struct nlattr *of_family = spec ? nla_find(nla_data(spec), nla_len(spec), family) : NULL;
	const struct nlattr *settings = of_family ? nla_find(nla_data(of_family), nla_len(of_family), array) : NULL;
	uint32_t value;

	if (!settings || (size_t)nla_len(settings) < (index + 1) * sizeof(value))
		return false;
	memcpy(&value, (const char *)nla_data(settings) + index * sizeof(value), sizeof(value));
	return value;
}

static void parse_settings(const struct nlattr *spec, struct link_evidence *link)
{
	/* IPV4_DEVCONF_* count from 1, DEVCONF_* from 0 */
	link->xfrm_off = link_setting(spec, AF_INET, IFLA_INET_CONF, IPV4_DEVCONF_NOXFRM - 1);
	link->policy_off = link_setting(spec, AF_INET, IFLA_INET_CONF, IPV4_DEVCONF_NOPOLICY - 1);
	link->policy_off6 = link_setting(spec, AF_INET6, IFLA_INET6_CONF, DEVCONF_DISABLE_POLICY);
}

enum { LINK_ATTR_MAX = IFLA_LINK_NETNSID };

static int parse_link(const struct nlmsghdr *message, struct link_evidence *link)
{
	static const struct nla_policy policy[LINK_ATTR_MAX + 1] = {
		[IFLA_IFNAME] = { .type = NLA_STRING, .maxlen = IF_NAMESIZE },
		[IFLA_LINK] = NETLINK_EXACTLY(4),
		[IFLA_MASTER] = NETLINK_EXACTLY(4),
		[IFLA_LINK_NETNSID] = NETLINK_EXACTLY(4),
		[IFLA_LINKINFO] = { .type = NLA_NESTED },
		[IFLA_AF_SPEC] = { .type = NLA_NESTED },
	};
	const struct ifinfomsg *info = NLMSG_DATA(message);
	struct nlattr *attrs[LINK_ATTR_MAX + 1];
	int lower;

	if (message->nlmsg_type != RTM_NEWLINK ||
	    netlink_attributes(message, sizeof(*info), LINK_ATTR_MAX, policy, attrs) || info->ifi_index <= 0 ||
	    !attrs[IFLA_IFNAME] || parse_kind(attrs[IFLA_LINKINFO], link))
		return -EPROTO;
	text_copy(link->name, sizeof(link->name), nla_get_string(attrs[IFLA_IFNAME]));
	link->ifindex = info->ifi_index;
	link->up = info->ifi_flags & IFF_UP;
	link->loopback = info->ifi_flags & IFF_LOOPBACK;
	link->lower_in_other_netns = attrs[IFLA_LINK_NETNSID];
	link->master_ifindex = attrs[IFLA_MASTER] ? nla_get_s32(attrs[IFLA_MASTER]) : 0;
	/* In another namespace the number belongs to another device. A device is not its own lower device. */
	lower = attrs[IFLA_LINK] && !link->lower_in_other_netns ? nla_get_s32(attrs[IFLA_LINK]) : 0;
	link->lower_ifindex = lower == link->ifindex ? 0 : lower;
	parse_settings(attrs[IFLA_AF_SPEC], link);
	return 0;
}

static int take_link(const struct nlmsghdr *message, void *context)
{
	struct evidence_reading *reading = context;
	struct evidence *ev = reading->ev;
	struct link_evidence link = { 0 };

	if (ev->list_max && ev->link_count >= ev->list_max)
		return netlink_fail(reading->channel, -E2BIG, "more than %zu links", ev->list_max);
	if (parse_link(message, &link))
		return netlink_fail(reading->channel, -EPROTO, "a link of the kernel's list is not understood");
	if (array_append(&ev->links, &ev->link_count, &link, sizeof(link)))
		return netlink_fail(reading->channel, -ENOMEM, "no memory for %zu links", ev->link_count + 1);
	return 0;
}

static int dump(struct evidence_reading *reading, int type, const void *header, size_t header_size,
		const struct netlink_reader *reader)
{
	struct nl_msg *request = netlink_request(type, header, header_size);
	int err = netlink_dump(reading->channel, request, reader);

	nlmsg_free(request);
	return err;
}

int evidence_read_links(struct netlink_channel *channel, struct evidence *ev)
{
	struct evidence_reading reading = { .channel = channel, .ev = ev };
	const struct netlink_reader reader = { restart_links, take_link, &reading };
	const struct ifinfomsg every = { .ifi_family = AF_UNSPEC };

	return dump(&reading, RTM_GETLINK, &every, sizeof(every), &reader);
}

/* ---- routes ---- */

void evidence_free_routes6(struct evidence *ev)
{
	free(ev->routes6);
	ev->routes6 = NULL;
	ev->route6_count = 0;
	ev->routes6_expire_ms = 0;
}

static void restart_routes6(void *context)
{
	evidence_free_routes6(((struct evidence_reading *)context)->ev);
}

static int add_route6(struct evidence_reading *reading, const struct route6_evidence *route, int ifindex)
{
	struct evidence *ev = reading->ev;
	struct route6_evidence added = *route;

	added.ifindex = ifindex > 0 ? ifindex : 0;
	if (ev->list_max && ev->route6_count >= ev->list_max)
		return netlink_fail(reading->channel, -E2BIG, "more than %zu IPv6 routes", ev->list_max);
	if (array_append(&ev->routes6, &ev->route6_count, &added, sizeof(added)))
		return netlink_fail(reading->channel, -ENOMEM, "no memory for %zu routes", ev->route6_count + 1);
	return 0;
}

/* Of a next hop, which the kernel has checked; the length of the attributes is checked here. */
static int take_gateway(const struct rtnexthop *hop, struct route6_evidence *route)
{
	size_t len = hop->rtnh_len - RTNH_LENGTH(0);
	const struct nlattr *gateway = nla_find((const struct nlattr *)RTNH_DATA(hop), (int)len, RTA_GATEWAY);

	memset(&route->gateway, 0, sizeof(route->gateway));
	if (!gateway)
		return 0;
	if (nla_len(gateway) != sizeof(route->gateway))
		return -EPROTO;
	memcpy(&route->gateway, nla_data(gateway), sizeof(route->gateway));
	return 0;
}

/* fib_nexthop_info() in net/ipv4/fib_semantics.c, which IPv6 uses as well */
static bool hop_encapsulates(const struct rtnexthop *hop)
{
	const struct nlattr *attrs = (const struct nlattr *)RTNH_DATA(hop);
	int len = hop->rtnh_len - (int)RTNH_LENGTH(0);

	return nla_find(attrs, len, RTA_ENCAP) || nla_find(attrs, len, RTA_ENCAP_TYPE);
}

/* RTA_MULTIPATH is a list of struct rtnexthop, each followed by its attributes. */
static int add_next_hops(struct evidence_reading *reading, const struct route6_evidence *route,
			 const struct nlattr *multipath)
{
	const char *at = nla_data(multipath);
	size_t left = (size_t)nla_len(multipath);
	struct route6_evidence by_hop = *route;

	while (left > 0) {
		const struct rtnexthop *hop = (const struct rtnexthop *)at;
		size_t step;
		int err;

		if (left < sizeof(*hop) || hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > left)
			return -EPROTO;
		err = take_gateway(hop, &by_hop);
		if (!err)
			err = add_route6(reading, &by_hop, hop_encapsulates(hop) ? 0 : hop->rtnh_ifindex);
		if (err)
			return err;
		step = RTNH_ALIGN(hop->rtnh_len);
		step = step < left ? step : left;
		at += step;
		left -= step;
	}
	return 0;
}

enum { ROUTE_ATTR_MAX = RTA_ENCAP };

/*
 * rtnl_put_cacheinfo(): the time left in USER_HZ, rounded towards zero, negative after the end. 0: no lifetime, or in
 * this tick. Lifetimes of routes by router advertisements change without an event (ndisc_router_discovery()).
 */
static void take_lifetime(const struct nlattr *cacheinfo, struct evidence *ev, struct route6_evidence *route)
{
	struct rta_cacheinfo info;
	int64_t left_ms;

	if (!cacheinfo)
		return;
	memcpy(&info, nla_data(cacheinfo), sizeof(info));
	route->expired = info.rta_expires < 0;
	if (info.rta_expires <= 0)
		return;
	left_ms = (int64_t)info.rta_expires * 1000 / sysconf(_SC_CLK_TCK);
	if (!ev->routes6_expire_ms || left_ms < ev->routes6_expire_ms)
		ev->routes6_expire_ms = left_ms;
}

static int parse_route6(const struct nlmsghdr *message, struct route6_evidence *route, struct nlattr **attrs)
{
	static const struct nla_policy policy[ROUTE_ATTR_MAX + 1] = {
		[RTA_DST] = NETLINK_EXACTLY(16),
		[RTA_OIF] = NETLINK_EXACTLY(4),
		[RTA_GATEWAY] = NETLINK_EXACTLY(16),
		[RTA_MULTIPATH] = NETLINK_AT_LEAST(sizeof(struct rtnexthop)),
		[RTA_CACHEINFO] = NETLINK_AT_LEAST(sizeof(struct rta_cacheinfo)),
	};
	const struct rtmsg *header = NLMSG_DATA(message);

	if (netlink_attributes(message, sizeof(*header), ROUTE_ATTR_MAX, policy, attrs) || header->rtm_dst_len > 128 ||
	    (header->rtm_dst_len && !attrs[RTA_DST]))
		return -EPROTO;
	if (attrs[RTA_DST])
		memcpy(&route->dst, nla_data(attrs[RTA_DST]), sizeof(route->dst));
	if (attrs[RTA_GATEWAY])
		memcpy(&route->gateway, nla_data(attrs[RTA_GATEWAY]), sizeof(route->gateway));
	route->dst_prefix = header->rtm_dst_len;
	route->discards = header->rtm_type == RTN_BLACKHOLE || header->rtm_type == RTN_UNREACHABLE ||
			  header->rtm_type == RTN_PROHIBIT;
	route->local = header->rtm_type == RTN_LOCAL || header->rtm_type == RTN_ANYCAST;
	/* Older kernels call ff00::/8 a unicast route. */
	route->multicast = header->rtm_type == RTN_MULTICAST || (route->dst_prefix >= 8 && route->dst.bytes[0] == 0xff);
	return 0;
}

/*
 * A next hop object alone (RTA_NH_ID, where net.ipv4.nexthop_compat_mode is off) leaves the netdev unknown: 0. So does
 * an encapsulation, whose packets are routed again.
 */
static int add_route6_by_hops(struct evidence_reading *reading, const struct route6_evidence *route, unsigned char type,
			      struct nlattr **attrs)
{
	bool known = type == RTN_UNICAST || route->local || route->multicast;

	if (route->discards || !known || (!attrs[RTA_OIF] && !attrs[RTA_MULTIPATH]) || attrs[RTA_ENCAP] ||
	    attrs[RTA_ENCAP_TYPE])
		return add_route6(reading, route, 0);
	if (attrs[RTA_OIF]) {
		int err = add_route6(reading, route, nla_get_s32(attrs[RTA_OIF]));

		if (err)
			return err;
	}
	return attrs[RTA_MULTIPATH] ? add_next_hops(reading, route, attrs[RTA_MULTIPATH]) : 0;
}

/* No packet leaves by these: RTN_THROW continues in the next table, and a clone's parent is in the dump. */
static bool is_route_unused(const struct rtmsg *header)
{
	return header->rtm_type == RTN_THROW || header->rtm_flags & RTM_F_CLONED;
}

static int take_route6(const struct nlmsghdr *message, void *context)
{
	struct evidence_reading *reading = context;
	const struct rtmsg *header = NLMSG_DATA(message);
	struct route6_evidence route = { 0 };
	struct nlattr *attrs[ROUTE_ATTR_MAX + 1];
	int err = -EPROTO;

	if (message->nlmsg_type == RTM_NEWROUTE && message->nlmsg_len >= NLMSG_LENGTH(sizeof(*header))) {
		/* A kernel without IPv6 answers with every family's routes (rtnl_dump_all()). */
		if (header->rtm_family != AF_INET6 || is_route_unused(header))
			return 0;
		err = parse_route6(message, &route, attrs);
		if (!err)
			take_lifetime(attrs[RTA_CACHEINFO], reading->ev, &route);
		if (!err)
			err = add_route6_by_hops(reading, &route, header->rtm_type, attrs);
	}
	return err == -EPROTO ? netlink_fail(reading->channel, err, "an IPv6 route is not understood") : err;
}

int evidence_read_routes6(struct netlink_channel *channel, struct evidence *ev)
{
	struct evidence_reading reading = { .channel = channel, .ev = ev };
	const struct netlink_reader reader = { restart_routes6, take_route6, &reading };
	const struct rtmsg every = { .rtm_family = AF_INET6 };

	return dump(&reading, RTM_GETROUTE, &every, sizeof(every), &reader);
}
