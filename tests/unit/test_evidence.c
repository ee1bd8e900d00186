// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Links, IPv6 routes, single routes and MACsec as the kernel reports them. */
#include <arpa/inet.h>
#include <limits.h>
#include <linux/genetlink.h>
#include <linux/if_macsec.h>

#include "evidence_fixture.h"
#include "skip.h"
#include "xfrm/table.h"

TestSuite(evidence, .fini = forget_and_check_leaks, .timeout = 60);

enum { MACSEC_FAMILY = 33 };

/* ---- links ---- */

Test(evidence, links_are_read)
{
	const struct link_evidence *macsec0;

	say_links();
	read_part(EVIDENCE_PART_LINKS);
	expect_links("two links");
	macsec0 = evidence_link(&ev, 5);
	cr_assert(macsec0);
	cr_expect_str_eq(macsec0->name, "macsec0");
	cr_expect_str_eq(macsec0->kind, "macsec");
	cr_expect_eq(macsec0->lower_ifindex, 4);
	cr_expect_eq(macsec0->master_ifindex, 9);
	cr_expect(macsec0->up && !macsec0->lower_in_other_netns);
	cr_expect_str_empty(evidence_link(&ev, 1)->kind);
	cr_expect_eq(evidence_link_by_name(&ev, "lo")->ifindex, 1);
	cr_expect_null(evidence_link_by_name(&ev, "l"));
	cr_expect_null(evidence_link(&ev, 2));
}

/* A mirror compares links octet by octet, and re-evaluates every queue pair when one differs. */
Test(evidence, carrier_flap_is_no_change)
{
	const uint32_t lower_up = 1U << 16; /* IFF_LOWER_UP of linux/if.h, which net/if.h excludes */
	struct link_evidence without;
	struct ifinfomsg *info;
	struct nl_msg *message;

	fake_say(&kernel, link_message(1, "eth0"));
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_LINKS);
	cr_assert_eq(ev.link_count, 1);
	without = ev.links[0];
	forget();
	message = link_message(1, "eth0");
	info = nlmsg_data(nlmsg_hdr(message));
	info->ifi_flags |= IFF_RUNNING | lower_up;
	fake_say(&kernel, message);
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_LINKS);
	cr_assert_eq(ev.link_count, 1);
	cr_expect(!memcmp(&ev.links[0], &without, sizeof(without)), "no verdict depends on the carrier");
}

/* With IFLA_LINK_NETNSID, IFLA_LINK is a number of another namespace, where 1 may be any device. */
Test(evidence, marks_lower_device_of_other_namespace)
{
	struct nl_msg *message = link_message(5, "eth0");

	nla_put_u32(message, IFLA_LINK, 1);
	nla_put_u32(message, IFLA_LINK_NETNSID, 0);
	fake_say(&kernel, message);
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_LINKS);
	cr_assert_eq(ev.link_count, 1);
	cr_expect(ev.links[0].lower_in_other_netns);
	cr_expect_eq(ev.links[0].lower_ifindex, 0);
}

/* A VXLAN netdev with attributes of these lengths. `put` adds the ones of a row. */
static void read_vxlan(void (*put)(struct nl_msg *message))
{
	struct nl_msg *message = link_message(6, "vxlan0");
	struct nlattr *info = nla_nest_start(message, IFLA_LINKINFO), *data;

	cr_assert(info && !nla_put_string(message, IFLA_INFO_KIND, "vxlan"));
	data = nla_nest_start(message, IFLA_INFO_DATA);
	put(message);
	nla_nest_end(message, data);
	nla_nest_end(message, info);
	fake_say(&kernel, message);
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_LINKS);
	cr_assert_eq(ev.link_count, 1, "%s", ev.links_error);
}

static void put_v4(struct nl_msg *message)
{
	nla_put_u32(message, IFLA_VXLAN_LOCAL, htonl(0x0a000001));
	nla_put_u32(message, IFLA_VXLAN_GROUP, htonl(0x0a000002));
	nla_put_u16(message, IFLA_VXLAN_PORT, htons(4789));
	nla_put_u8(message, IFLA_VXLAN_COLLECT_METADATA, 0);
}

static void put_v6(struct nl_msg *message)
{
	nla_put(message, IFLA_VXLAN_LOCAL6, 16, &in6addr_loopback);
	nla_put_u16(message, IFLA_VXLAN_PORT, htons(8472));
}

static void put_external(struct nl_msg *message)
{
	nla_put_u16(message, IFLA_VXLAN_PORT, htons(4789));
	nla_put_u8(message, IFLA_VXLAN_COLLECT_METADATA, 1);
}

static void put_both(struct nl_msg *message)
{
	put_v4(message);
	nla_put(message, IFLA_VXLAN_GROUP6, 16, &in6addr_loopback);
}

static void put_short(struct nl_msg *message)
{
	nla_put_u16(message, IFLA_VXLAN_LOCAL, 1);
	nla_put_u16(message, IFLA_VXLAN_PORT, htons(4789));
}

static void put_no_port(struct nl_msg *message)
{
	nla_put_u32(message, IFLA_VXLAN_LOCAL, htonl(0x0a000001));
}

Test(evidence, ends_of_vxlan_are_read)
{
	read_vxlan(put_v4);
	cr_expect(ev.links[0].tunnel_family == AF_INET && ev.links[0].tunnel_port == 4789);
	cr_expect_eq(ev.links[0].tunnel_local.v4.s_addr, htonl(0x0a000001));
	cr_expect_eq(ev.links[0].tunnel_remote.v4.s_addr, htonl(0x0a000002));
	cr_expect_not(ev.links[0].tunnel_external);
	forget();
	read_vxlan(put_v6);
	cr_expect(ev.links[0].tunnel_family == AF_INET6 && ev.links[0].tunnel_port == 8472);
	cr_expect(!memcmp(&ev.links[0].tunnel_local, &in6addr_loopback, 16));
	cr_expect(address_is_zero(AF_INET6, &ev.links[0].tunnel_remote));
	forget();
	read_vxlan(put_external);
	cr_expect(ev.links[0].tunnel_external && ev.links[0].tunnel_family == AF_UNSPEC);
}

/* The link stays, and its tunnel is not judged. */
Test(evidence, strange_vxlan_is_external)
{
	static void (*const puts[])(struct nl_msg * message) = { put_both, put_short, put_no_port };

	for (size_t i = 0; i < sizeof(puts) / sizeof(puts[0]); i++) {
		read_vxlan(puts[i]);
		cr_expect(ev.links[0].tunnel_external, "row %zu", i);
		cr_expect_eq(ev.links[0].tunnel_family, AF_UNSPEC, "row %zu", i);
		cr_expect_str_eq(ev.links[0].kind, "vxlan");
		forget();
	}
}

Test(evidence, many_links_all_stay)
{
	for (int i = 1; i <= 50; i++)
		fake_say(&kernel, link_message(i, "x"));
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_LINKS);
	cr_assert_eq(ev.link_count, 50);
	for (int i = 0; i < 50; i++)
		cr_expect_eq(ev.links[i].ifindex, i + 1);
}

/* ---- IPv6 routes ---- */

static struct nl_msg *route_message(unsigned char type, const char *dst, unsigned char prefix, int oif)
{
	const struct rtmsg route = { .rtm_family = AF_INET6, .rtm_type = type, .rtm_dst_len = prefix };
	struct nl_msg *message = fake_message(RTM_NEWROUTE, &route, sizeof(route));
	struct in6_addr address;

	cr_assert_eq(inet_pton(AF_INET6, dst, &address), 1);
	if (prefix)
		nla_put(message, RTA_DST, sizeof(address), &address);
	if (oif)
		nla_put_u32(message, RTA_OIF, (uint32_t)oif);
	return message;
}

static void put_hops(struct nl_msg *message, const int *ifindexes, size_t count)
{
	struct rtnexthop hops[4] = { 0 };

	for (size_t i = 0; i < count; i++)
		hops[i] = (struct rtnexthop){ .rtnh_len = sizeof(hops[i]), .rtnh_ifindex = ifindexes[i] };
	nla_put(message, RTA_MULTIPATH, (int)(count * sizeof(hops[0])), hops);
}

static void read_route(struct nl_msg *message)
{
	fake_say(&kernel, message);
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_ROUTES6);
}

Test(evidence, routes_are_read)
{
	static const struct {
		unsigned char type;
		const char *dst;
		unsigned char prefix;
		int oif;
		struct route6_evidence expected;
	} rows[] = {
		{ RTN_UNICAST, "2001:db8::", 32, 4, { .dst_prefix = 32, .ifindex = 4 } },
		{ RTN_UNICAST, "::", 0, 4, { .ifindex = 4 } },
		{ RTN_LOCAL, "2001:db8::1", 128, 4, { .dst_prefix = 128, .ifindex = 4, .local = true } },
		{ RTN_ANYCAST, "2001:db8::", 128, 4, { .dst_prefix = 128, .ifindex = 4, .local = true } },
		{ RTN_MULTICAST, "ff00::", 8, 4, { .dst_prefix = 8, .ifindex = 4, .multicast = true } },
		{ RTN_UNICAST, "ff02::", 16, 4, { .dst_prefix = 16, .ifindex = 4, .multicast = true } },
		{ RTN_BLACKHOLE, "2001:db8::", 32, 1, { .dst_prefix = 32, .discards = true } },
		{ RTN_UNREACHABLE, "2001:db8::", 32, 1, { .dst_prefix = 32, .discards = true } },
		{ RTN_PROHIBIT, "2001:db8::", 32, 1, { .dst_prefix = 32, .discards = true } },
		{ RTN_NAT, "2001:db8::", 32, 4, { .dst_prefix = 32 } },     /* not understood */
		{ RTN_UNICAST, "2001:db8::", 32, 0, { .dst_prefix = 32 } }, /* only a next hop object */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route6_evidence expected = rows[i].expected;

		if (rows[i].prefix)
			inet_pton(AF_INET6, rows[i].dst, &expected.dst);
		read_route(route_message(rows[i].type, rows[i].dst, rows[i].prefix, rows[i].oif));
		cr_assert_eq(ev.routes6_state, EVIDENCE_READ, "row %zu: %s", i, ev.routes6_error);
		cr_assert_eq(ev.route6_count, 1, "row %zu", i);
		cr_expect(!memcmp(&ev.routes6[0].dst, &expected.dst, sizeof(expected.dst)), "row %zu: dst", i);
		cr_expect_eq(ev.routes6[0].dst_prefix, expected.dst_prefix, "row %zu: prefix", i);
		cr_expect_eq(ev.routes6[0].ifindex, expected.ifindex, "row %zu: ifindex", i);
		cr_expect_eq(ev.routes6[0].discards, expected.discards, "row %zu: discards", i);
		cr_expect_eq(ev.routes6[0].local, expected.local, "row %zu: local", i);
		cr_expect_eq(ev.routes6[0].multicast, expected.multicast, "row %zu: multicast", i);
		forget();
	}
}

Test(evidence, every_next_hop_is_a_route)
{
	struct nl_msg *message = route_message(RTN_UNICAST, "2001:db8::", 32, 0);

	put_hops(message, (const int[]){ 4, 7, 0 }, 3);
	read_route(message);
	cr_assert_eq(ev.route6_count, 3);
	cr_expect_eq(ev.routes6[0].ifindex, 4);
	cr_expect_eq(ev.routes6[1].ifindex, 7);
	cr_expect_eq(ev.routes6[2].ifindex, 0);
	cr_expect_eq(ev.routes6[2].dst_prefix, 32);
}

static struct nl_msg *route_with_lifetime(int ticks)
{
	const struct rta_cacheinfo info = { .rta_expires = ticks };
	struct nl_msg *message = route_message(RTN_UNICAST, "2001:db8::", 32, 4);

	nla_put(message, RTA_CACHEINFO, sizeof(info), &info);
	return message;
}

/* In USER_HZ, which is 100 on all of today's architectures. */
Test(evidence, first_end_of_a_lifetime_is_known)
{
	fake_say(&kernel, route_with_lifetime(0));
	fake_say(&kernel, route_with_lifetime(500));
	fake_say(&kernel, route_with_lifetime(7));
	fake_say(&kernel, route_with_lifetime(-3));
	read_route(route_with_lifetime(INT_MAX));
	cr_assert_eq(ev.routes6_state, EVIDENCE_READ, "%s", ev.routes6_error);
	cr_assert_eq(ev.route6_count, 5);
	cr_expect_eq(ev.routes6_expire_ms, 70);
	for (size_t i = 0; i < 5; i++)
		cr_expect_eq(ev.routes6[i].expired, i == 3, "route %zu", i);
	forget();
	read_route(route_with_lifetime(INT_MIN));
	cr_expect_eq(ev.routes6_expire_ms, 0);
	cr_expect(ev.routes6[0].expired);
}

Test(evidence, gateways_are_read)
{
	const struct {
		struct rtnexthop hop;
		struct nlattr header;
		uint8_t address[16];
	} hops[2] = { { { .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 4 }, { 20, RTA_GATEWAY }, { 0xfe, 1 } },
		      { { .rtnh_len = sizeof(hops[0].hop), .rtnh_ifindex = 5 }, { 0 }, { 0 } } };
	static const union ip_address first = { .bytes = { 0xfe, 1 } }, none;
	struct nl_msg *message = route_message(RTN_UNICAST, "2001:db8::", 32, 0);

	nla_put(message, RTA_MULTIPATH, sizeof(hops[0]) + sizeof(hops[0].hop), hops);
	fake_say(&kernel, message);
	message = route_message(RTN_UNICAST, "2001:db8::", 32, 4);
	nla_put(message, RTA_GATEWAY, sizeof(first), &first);
	read_route(message);
	cr_assert_eq(ev.routes6_state, EVIDENCE_READ, "%s", ev.routes6_error);
	cr_assert_eq(ev.route6_count, 3);
	cr_expect(!memcmp(&ev.routes6[0].gateway, &first, sizeof(first)));
	cr_expect(!memcmp(&ev.routes6[1].gateway, &none, sizeof(none)), "not that of the hop before");
	cr_expect(!memcmp(&ev.routes6[2].gateway, &first, sizeof(first)));
}

/* SRv6, MPLS...: other packets leave, by other routes. */
Test(evidence, routes_that_encapsulate_have_no_netdev)
{
	const struct {
		struct rtnexthop hop;
		struct nlattr header;
		uint16_t type[2];
	} hops[2] = { { { .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 4 }, { 6, RTA_ENCAP_TYPE }, { 5 } },
		      { { .rtnh_len = sizeof(hops[0].hop), .rtnh_ifindex = 5 }, { 0 }, { 0 } } };
	struct nl_msg *message = route_message(RTN_UNICAST, "2001:db8::", 32, 0);

	nla_put(message, RTA_MULTIPATH, sizeof(hops[0]) + sizeof(hops[0].hop), hops);
	fake_say(&kernel, message);
	message = route_message(RTN_UNICAST, "2001:db8::", 32, 4);
	nla_put_u16(message, RTA_ENCAP_TYPE, 5);
	nla_put(message, RTA_ENCAP, 4, "\1\2\3\4");
	read_route(message);
	cr_assert_eq(ev.routes6_state, EVIDENCE_READ, "%s", ev.routes6_error);
	cr_assert_eq(ev.route6_count, 3);
	cr_expect_eq(ev.routes6[0].ifindex, 0);
	cr_expect_eq(ev.routes6[1].ifindex, 5);
	cr_expect_eq(ev.routes6[2].ifindex, 0);
}

Test(evidence, ignores_clones_throws_and_other_families)
{
	const struct rtmsg inet = { .rtm_family = AF_INET, .rtm_type = RTN_UNICAST, .rtm_dst_len = 99 };
	struct nl_msg *clone = route_message(RTN_UNICAST, "2001:db8::1", 128, 4);

	((struct rtmsg *)nlmsg_data(nlmsg_hdr(clone)))->rtm_flags |= RTM_F_CLONED;
	fake_say(&kernel, clone);
	fake_say(&kernel, route_message(RTN_THROW, "2001:db8::", 32, 1));
	fake_say(&kernel, fake_message(RTM_NEWROUTE, &inet, sizeof(inet)));
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_ROUTES6);
	cr_expect_eq(ev.routes6_state, EVIDENCE_READ);
	cr_expect_eq(ev.route6_count, 0);
}

static struct nl_msg *hop_of(unsigned short len)
{
	struct nl_msg *message = route_message(RTN_UNICAST, "2001:db8::", 32, 0);
	const struct rtnexthop hops[2] = { { .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 4 },
					   { .rtnh_len = len, .rtnh_ifindex = 5 } };

	nla_put(message, RTA_MULTIPATH, sizeof(hops), hops);
	return message;
}

static struct nl_msg *half_a_hop(void)
{
	struct nl_msg *message = route_message(RTN_UNICAST, "2001:db8::", 32, 0);
	const struct rtnexthop hops[2] = { { .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 4 } };

	nla_put(message, RTA_MULTIPATH, sizeof(hops[0]) + 4, hops);
	return message;
}

static struct nl_msg *short_attribute(int type)
{
	struct nl_msg *message = route_message(RTN_UNICAST, "2001:db8::", 32, 4);

	nla_put(message, type, 4, "\1\2\3\4");
	return message;
}

static struct nl_msg *short_gateway_of_a_hop(void)
{
	struct nl_msg *message = route_message(RTN_UNICAST, "2001:db8::", 32, 0);
	const struct {
		struct rtnexthop hop;
		struct nlattr header;
		uint8_t address[4];
	} hop = { { .rtnh_len = sizeof(hop), .rtnh_ifindex = 4 }, { 8, RTA_GATEWAY }, { 1 } };

	nla_put(message, RTA_MULTIPATH, sizeof(hop), &hop);
	return message;
}

static struct nl_msg *prefix_without_address(void)
{
	struct nl_msg *message = route_message(RTN_UNICAST, "::", 0, 4);

	((struct rtmsg *)nlmsg_data(nlmsg_hdr(message)))->rtm_dst_len = 32;
	return message;
}

static struct nl_msg *short_address(void)
{
	struct nl_msg *message = prefix_without_address();

	nla_put(message, RTA_DST, 4, "\x20\x01\x0d\xb8");
	return message;
}

Test(evidence, malformed_routes_are_broken)
{
	struct nl_msg *const messages[] = { hop_of(0),
					    hop_of(7),
					    hop_of(9),
					    half_a_hop(),
					    prefix_without_address(),
					    short_address(),
					    short_attribute(RTA_GATEWAY),
					    short_attribute(RTA_CACHEINFO),
					    short_gateway_of_a_hop(),
					    route_message(RTN_UNICAST, "2001:db8::", 129, 4),
					    fake_message(RTM_NEWROUTE, "1234567", 8),
					    link_message(1, "lo") };

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		read_route(messages[i]);
		cr_expect_eq(ev.routes6_state, EVIDENCE_BROKEN, "row %zu", i);
		cr_expect_str_not_empty(ev.routes6_error, "row %zu", i);
		cr_expect(!ev.routes6 && !ev.route6_count, "row %zu", i);
		forget();
	}
}

/* ---- MACsec ---- */

static struct nl_msg *genl_message(int type, uint8_t cmd)
{
	const struct genlmsghdr header = { .cmd = cmd, .version = 1 };

	return fake_message(type, &header, sizeof(header));
}

static void say_family(uint16_t number)
{
	struct nl_msg *message = genl_message(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);

	nla_put_string(message, CTRL_ATTR_FAMILY_NAME, "macsec");
	nla_put_u16(message, CTRL_ATTR_FAMILY_ID, number);
	fake_say(&kernel, message);
}

/* The output of dump_secy() with variations. `without` is an attribute of the SecY to leave out. */
struct secy_shape {
	int without;
	bool no_offload, no_txsa_list, no_rxsc_list, no_secy, no_ifindex;
	bool rxsc_without_sci, rxsc_without_active, rxsc_without_list, sa_without_active, same_an_twice;
	bool list_overrun;
	uint8_t encoding_sa, an, validate, offload;
	uint8_t cmd;
};

static const uint8_t sci_octets[8] = { 0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x00, 0x01 };

static void put_sa(struct nl_msg *message, int n, uint8_t an, const struct secy_shape *shape)
{
	struct nlattr *sa = nla_nest_start(message, n);

	nla_put_u8(message, MACSEC_SA_ATTR_AN, an);
	nla_put_u32(message, MACSEC_SA_ATTR_PN, 1);
	if (!shape->sa_without_active)
		nla_put_u8(message, MACSEC_SA_ATTR_ACTIVE, 1);
	nla_nest_end(message, sa);
}

static void put_sa_list(struct nl_msg *message, int type, const struct secy_shape *shape)
{
	struct nlattr *list = nla_nest_start(message, type);

	put_sa(message, 1, shape->an, shape);
	if (shape->same_an_twice)
		put_sa(message, 2, shape->an, shape);
	nla_nest_end(message, list);
}

static void put_rxsc_list(struct nl_msg *message, const struct secy_shape *shape)
{
	struct nlattr *list = nla_nest_start(message, MACSEC_ATTR_RXSC_LIST);

	for (int i = 1; i <= 3; i++) {
		struct nlattr *rxsc = nla_nest_start(message, i);

		if (!shape->rxsc_without_active)
			nla_put_u8(message, MACSEC_RXSC_ATTR_ACTIVE, i != 2);
		if (!shape->rxsc_without_sci)
			nla_put(message, MACSEC_RXSC_ATTR_SCI, sizeof(sci_octets), sci_octets);
		/* Only the last one is malformed: the data read before it must be freed. */
		if (!shape->rxsc_without_list || i < 3)
			put_sa_list(message, MACSEC_RXSC_ATTR_SA_LIST, shape);
		nla_nest_end(message, rxsc);
	}
	if (shape->list_overrun)
		nla_reserve(message, 4, 4)->nla_len = 99;
	nla_nest_end(message, list);
}

static void put_secy(struct nl_msg *message, const struct secy_shape *shape)
{
	const struct {
		int type, len;
		const void *value;
	} attributes[] = {
		{ MACSEC_SECY_ATTR_SCI, 8, sci_octets },
		{ MACSEC_SECY_ATTR_CIPHER_SUITE, 8, &(const uint64_t){ MACSEC_DEFAULT_CIPHER_ID } },
		{ MACSEC_SECY_ATTR_ICV_LEN, 1, "\x10" },
		{ MACSEC_SECY_ATTR_OPER, 1, "\1" },
		{ MACSEC_SECY_ATTR_PROTECT, 1, "\1" },
		{ MACSEC_SECY_ATTR_REPLAY, 1, "\0" },
		{ MACSEC_SECY_ATTR_VALIDATE, 1, &shape->validate },
		{ MACSEC_SECY_ATTR_ENCRYPT, 1, "\1" },
		{ MACSEC_SECY_ATTR_INC_SCI, 1, "\1" },
		{ MACSEC_SECY_ATTR_ENCODING_SA, 1, &shape->encoding_sa },
	};
	struct nlattr *secy = nla_nest_start(message, MACSEC_ATTR_SECY);

	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (attributes[i].type != shape->without)
			nla_put(message, attributes[i].type, attributes[i].len, attributes[i].value);
	nla_nest_end(message, secy);
}

static void say_secy(const struct secy_shape *shape)
{
	struct nl_msg *message = genl_message(MACSEC_FAMILY, shape->cmd);

	if (!shape->no_ifindex)
		nla_put_u32(message, MACSEC_ATTR_IFINDEX, 5);
	if (!shape->no_offload) {
		struct nlattr *offload = nla_nest_start(message, MACSEC_ATTR_OFFLOAD);

		nla_put_u8(message, MACSEC_OFFLOAD_ATTR_TYPE, shape->offload);
		nla_nest_end(message, offload);
	}
	if (!shape->no_secy)
		put_secy(message, shape);
	if (!shape->no_txsa_list)
		put_sa_list(message, MACSEC_ATTR_TXSA_LIST, shape);
	if (!shape->no_rxsc_list)
		put_rxsc_list(message, shape);
	fake_say(&kernel, message);
}

static void read_secy(const struct secy_shape *shape)
{
	say_family(MACSEC_FAMILY);
	say_secy(shape);
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_MACSEC);
}

Test(evidence, secy_is_read)
{
	const struct secy_shape shape = { .encoding_sa = 3, .an = 3, .validate = MACSEC_VALIDATE_STRICT, .offload = 2 };
	const struct macsec_evidence *secy;

	read_secy(&shape);
	cr_assert_eq(ev.macsec_state, EVIDENCE_READ, "%s", ev.macsec_error);
	secy = evidence_secy(&ev, 5);
	cr_assert(secy);
	cr_expect_null(evidence_secy(&ev, 4));
	cr_expect(!memcmp(&secy->sci, sci_octets, sizeof(sci_octets)), "the SCI is not in wire order");
	cr_expect_eq(secy->cipher_suite, MACSEC_DEFAULT_CIPHER_ID);
	cr_expect_eq(secy->icv_len, 16);
	cr_expect_eq(secy->encoding_an, 3);
	cr_expect(secy->protect && secy->encrypt && secy->operational);
	cr_expect_eq(secy->validate, MACSEC_VALIDATE_STRICT);
	cr_expect_eq(secy->offload, MACSEC_OFFLOAD_MAC);
	cr_expect(secy->tx_sa[3].present && secy->tx_sa[3].active && !secy->tx_sa[0].present);
	cr_assert_eq(secy->rxsc_count, 3);
	cr_expect(secy->rxsc[0].active && !secy->rxsc[1].active && secy->rxsc[2].active);
	cr_expect(secy->rxsc[2].sa[3].present && secy->rxsc[2].sa[3].active && !secy->rxsc[2].sa[2].present);
	cr_expect(!memcmp(&secy->rxsc[2].sci, sci_octets, sizeof(sci_octets)));
}

Test(evidence, secy_of_other_kernels)
{
	const struct secy_shape older = { .no_offload = true }, newer = { .validate = 200, .offload = 77 };

	read_secy(&older);
	cr_assert_eq(ev.macsec_state, EVIDENCE_READ, "%s", ev.macsec_error);
	cr_expect_eq(ev.secys[0].offload, MACSEC_OFFLOAD_OFF);
	forget();
	read_secy(&newer);
	cr_assert_eq(ev.macsec_state, EVIDENCE_READ, "%s", ev.macsec_error);
	cr_expect_eq(ev.secys[0].validate, 200);
	cr_expect_eq(ev.secys[0].offload, 77);
}

Test(evidence, incomplete_secy_is_broken)
{
	static const struct secy_shape shapes[] = {
		{ .without = MACSEC_SECY_ATTR_SCI },
		{ .without = MACSEC_SECY_ATTR_CIPHER_SUITE },
		{ .without = MACSEC_SECY_ATTR_ICV_LEN },
		{ .without = MACSEC_SECY_ATTR_OPER },
		{ .without = MACSEC_SECY_ATTR_PROTECT },
		{ .without = MACSEC_SECY_ATTR_VALIDATE },
		{ .without = MACSEC_SECY_ATTR_ENCRYPT },
		{ .without = MACSEC_SECY_ATTR_ENCODING_SA },
		{ .no_txsa_list = true },
		{ .no_rxsc_list = true },
		{ .no_secy = true },
		{ .no_ifindex = true },
		{ .rxsc_without_sci = true },
		{ .rxsc_without_active = true },
		{ .rxsc_without_list = true },
		{ .sa_without_active = true },
		{ .same_an_twice = true },
		{ .list_overrun = true },
		{ .encoding_sa = MACSEC_AN_COUNT },
		{ .an = MACSEC_AN_COUNT },
		{ .cmd = MACSEC_CMD_ADD_RXSC },
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct secy_shape good = { .an = 0 };

		say_family(MACSEC_FAMILY);
		say_secy(&good);
		say_secy(&shapes[i]);
		fake_done(&kernel, 0);
		read_part(EVIDENCE_PART_MACSEC);
		cr_expect_eq(ev.macsec_state, EVIDENCE_BROKEN, "row %zu", i);
		cr_expect_str_not_empty(ev.macsec_error, "row %zu", i);
		cr_expect(!ev.secys && !ev.secy_count, "row %zu", i);
		forget();
	}
}

Test(evidence, macsec_module_missing_is_absent)
{
	fake_error(&kernel, -ENOENT);
	read_part(EVIDENCE_PART_MACSEC);
	cr_expect_eq(ev.macsec_state, EVIDENCE_ABSENT);
	cr_expect_str_empty(ev.macsec_error);
	cr_expect_eq(kernel.sends, 1);
}

/* ENOENT means "no module" only in the answer to the request for the family, not at the end of a dump. */
Test(evidence, macsec_dump_failing_with_enoent_is_broken)
{
	say_family(MACSEC_FAMILY);
	fake_done(&kernel, -ENOENT);
	read_part(EVIDENCE_PART_MACSEC);
	cr_expect_eq(ev.macsec_state, EVIDENCE_BROKEN);
}

Test(evidence, strange_family_number_is_broken)
{
	say_family(GENL_MIN_ID - 1);
	read_part(EVIDENCE_PART_MACSEC);
	cr_expect_eq(ev.macsec_state, EVIDENCE_BROKEN);
	forget();
	fake_say(&kernel, genl_message(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY));
	read_part(EVIDENCE_PART_MACSEC);
	cr_expect_eq(ev.macsec_state, EVIDENCE_BROKEN);
}

/* ---- one route ---- */

static int route_get(int family, int *oif)
{
	const struct netlink_transport transport = fake_transport(&kernel);
	union ip_address src = { .bytes = { 1 } }, dst = { .bytes = { 2 } };
	int rc = evidence_route_get_over(&transport, family, &src, &dst, 4, oif);

	cr_expect_eq(kernel.opens, kernel.closes);
	return rc;
}

static void say_route(unsigned char family, unsigned char type, int oif)
{
	const struct rtmsg route = { .rtm_family = family, .rtm_type = type };
	struct nl_msg *message = fake_message(RTM_NEWROUTE, &route, sizeof(route));

	if (oif)
		nla_put_u32(message, RTA_OIF, (uint32_t)oif);
	fake_say(&kernel, message);
}

Test(evidence, route_get_asks_as_rxe_does)
{
	const struct nlmsghdr *request = (const struct nlmsghdr *)kernel.request;
	const struct rtmsg *route = NLMSG_DATA(request);
	struct nlattr *attrs[RTA_MAX + 1];
	int oif = 0;

	say_route(AF_INET6, RTN_UNICAST, 7);
	cr_assert_eq(route_get(AF_INET6, &oif), 0);
	cr_expect_eq(oif, 7);
	cr_expect_eq(request->nlmsg_type, RTM_GETROUTE);
	cr_expect_eq(request->nlmsg_flags & NLM_F_DUMP, 0);
	cr_expect(route->rtm_family == AF_INET6 && route->rtm_dst_len == 128 && route->rtm_src_len == 128);
	cr_assert_eq(nlmsg_parse((struct nlmsghdr *)request, sizeof(*route), attrs, RTA_MAX, NULL), 0);
	cr_expect_eq(nla_get_u32(attrs[RTA_OIF]), 4);
	cr_expect_eq(nla_get_u8(attrs[RTA_IP_PROTO]), IPPROTO_UDP);
	cr_assert(attrs[RTA_UID]);
	cr_expect_eq(nla_get_u32(attrs[RTA_UID]), 0, "the flow belongs to root, whichever user asks");
	cr_expect(nla_len(attrs[RTA_SRC]) == 16 && *(char *)nla_data(attrs[RTA_SRC]) == 1);
	cr_expect(nla_len(attrs[RTA_DST]) == 16 && *(char *)nla_data(attrs[RTA_DST]) == 2);
	forget();
	say_route(AF_INET, RTN_LOCAL, 1);
	cr_assert_eq(route_get(AF_INET, &oif), 0);
	cr_expect_eq(oif, 1);
	cr_assert_eq(nlmsg_parse((struct nlmsghdr *)request, sizeof(*route), attrs, RTA_MAX, NULL), 0);
	cr_expect_eq(nla_len(attrs[RTA_DST]), 4);
}

Test(evidence, route_get_without_a_clear_answer)
{
	static const struct {
		unsigned char family, type;
		int oif, error, expected;
	} rows[] = {
		{ AF_INET, RTN_UNICAST, 0, 0, -EPROTO },
		{ AF_INET, RTN_UNICAST, -1, 0, -EPROTO },
		{ AF_INET6, RTN_UNICAST, 4, 0, -EPROTO },
		{ AF_INET, RTN_NAT, 4, 0, -EPROTO },
		{ AF_INET, RTN_BLACKHOLE, 4, 0, -ENETUNREACH },
		{ 0, 0, 0, -ENETUNREACH, -ENETUNREACH },
		{ 0, 0, 0, -EPERM, -EPERM },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int oif = 99;

		if (rows[i].error)
			fake_error(&kernel, rows[i].error);
		else
			say_route(rows[i].family, rows[i].type, rows[i].oif);
		cr_expect_eq(route_get(AF_INET, &oif), rows[i].expected, "row %zu", i);
		cr_expect_eq(oif, 99, "row %zu: written on failure", i);
		forget();
	}
	cr_expect_eq(route_get(AF_UNIX, &(int){ 0 }), -EAFNOSUPPORT);
}

Test(evidence, route_get_tells_of_an_encapsulation)
{
	const struct rtmsg route = { .rtm_family = AF_INET6, .rtm_type = RTN_UNICAST };
	struct nl_msg *message = fake_message(RTM_NEWROUTE, &route, sizeof(route));
	int oif = 99;

	nla_put_u32(message, RTA_OIF, 4);
	nla_put_u16(message, RTA_ENCAP_TYPE, 5);
	nla_put(message, RTA_ENCAP, 4, "\1\2\3\4");
	fake_say(&kernel, message);
	cr_expect_eq(route_get(AF_INET6, &oif), -EXDEV);
	cr_expect_eq(oif, 99);
}

/* The end of a dump is no answer to a request for one message. */
Test(evidence, route_get_answered_by_an_end)
{
	int oif = 99;

	fake_done(&kernel, 0);
	cr_expect_eq(route_get(AF_INET, &oif), -EPROTO);
}

/* ---- the running kernel ---- */

Test(evidence, this_kernel_has_a_loopback_device)
{
	const struct link_evidence *lo;

	evidence_read_part(EVIDENCE_PART_LINKS, &netlink_kernel, &ev);
	if (ev.links_state == EVIDENCE_NO_PRIVILEGE)
		skip_test("a sandbox forbids netlink here");
	cr_assert_eq(ev.links_state, EVIDENCE_READ, "%s", ev.links_error);
	lo = evidence_link_by_name(&ev, "lo");
	cr_assert(lo);
	cr_expect_eq(lo->ifindex, 1);
	cr_expect_eq(evidence_link(&ev, 1), lo);
}

Test(evidence, this_kernel_answers_every_part)
{
	evidence_read(&ev);
	if (ev.links_state == EVIDENCE_NO_PRIVILEGE)
		skip_test("a sandbox forbids netlink here");
	cr_expect_eq(ev.routes6_state, EVIDENCE_READ, "%s", ev.routes6_error);
	cr_expect(ev.macsec_state == EVIDENCE_READ || ev.macsec_state == EVIDENCE_ABSENT, "%s", ev.macsec_error);
	cr_expect(xfrm_table_state(ev.xfrm) != EVIDENCE_UNREAD && xfrm_table_state(ev.xfrm) != EVIDENCE_BROKEN, "%s",
		  xfrm_table_error(ev.xfrm));
}

Test(evidence, freeing_empties)
{
	static const struct evidence empty;

	say_links();
	read_part(EVIDENCE_PART_LINKS);
	evidence_free(&ev);
	cr_expect(!memcmp(&ev, &empty, sizeof(ev)));
	evidence_free(&ev);
}
