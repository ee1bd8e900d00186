// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* path_resolve() in a small world: the netdevs below, and a port with one GID on each, for every driver. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"
#include "judge/words.h"
#include "util/address.h"
#include "util/text.h"

enum {
	LO = 1,
	ETH0,
	MACSEC0, /* on eth0 */
	ETH0_5,  /* VLAN on eth0 */
	MACSEC0_7,
	MACSEC0_7_8, /* VLAN in VLAN */
	MV0,         /* macvlan on macsec0 */
	VRF0,
	ETH1, /* in vrf0 */
	XFRM0,
	ETH2,
	AWAY0, /* its lower device is in another network namespace */
	LOOP0, /* on loop1, which is on loop0: no kernel creates that */
	LOOP1,
	ETH3, /* its master is not visible */
	BOND0,
	MACSEC1, /* its port */
	BOND0_3,
	VXLAN0,
	VXLAN0_3,
	MACSEC2, /* on macsec0 */
};

static struct link_evidence links[] = {
	{ .ifindex = LO, .name = "lo" },
	{ .ifindex = ETH0, .name = "eth0" },
	{ .ifindex = MACSEC0, .name = "macsec0", .kind = "macsec", .lower_ifindex = ETH0 },
	{ .ifindex = ETH0_5, .name = "eth0.5", .kind = "vlan", .lower_ifindex = ETH0 },
	{ .ifindex = MACSEC0_7, .name = "macsec0.7", .kind = "vlan", .lower_ifindex = MACSEC0 },
	{ .ifindex = MACSEC0_7_8, .name = "macsec0.7.8", .kind = "vlan", .lower_ifindex = MACSEC0_7 },
	{ .ifindex = MV0, .name = "mv0", .kind = "macvlan", .lower_ifindex = MACSEC0 },
	{ .ifindex = VRF0, .name = "vrf0", .kind = "vrf" },
	{ .ifindex = ETH1, .name = "eth1", .master_ifindex = VRF0 },
	{ .ifindex = XFRM0, .name = "xfrm0", .kind = "xfrm", .lower_ifindex = ETH0 },
	{ .ifindex = ETH2, .name = "eth2" },
	{ .ifindex = AWAY0, .name = "away0", .kind = "macsec", .lower_ifindex = ETH0, .lower_in_other_netns = true },
	{ .ifindex = LOOP0, .name = "loop0", .kind = "vlan", .lower_ifindex = LOOP1 },
	{ .ifindex = LOOP1, .name = "loop1", .kind = "vlan", .lower_ifindex = LOOP0 },
	{ .ifindex = ETH3, .name = "eth3", .master_ifindex = 99 },
	{ .ifindex = BOND0, .name = "bond0", .kind = "bond" },
	{ .ifindex = MACSEC1, .name = "macsec1", .kind = "macsec", .lower_ifindex = ETH0, .master_ifindex = BOND0 },
	{ .ifindex = BOND0_3, .name = "bond0.3", .kind = "vlan", .lower_ifindex = BOND0 },
	{ .ifindex = VXLAN0, .name = "vxlan0", .kind = "vxlan" },
	{ .ifindex = VXLAN0_3, .name = "vxlan0.3", .kind = "vlan", .lower_ifindex = VXLAN0 },
	{ .ifindex = MACSEC2, .name = "macsec2", .kind = "macsec", .lower_ifindex = MACSEC0 },
};

static const struct {
	const char *address, *netdev;
	enum gid_type type;
} gid_table[] = {
	[0] = { "::ffff:10.0.0.1", "eth0", GID_TYPE_ROCE_V2 },
	[1] = { "::ffff:10.0.0.1", "eth0", GID_TYPE_ROCE_V1 },
	[2] = { "::ffff:10.2.0.1", "macsec0", GID_TYPE_ROCE_V2 },
	[3] = { "2001:db8::1", "macsec0", GID_TYPE_ROCE_V2 },
	[4] = { "fe80::1", "macsec0", GID_TYPE_ROCE_V2 },
	[5] = { "2001:db8:7::1", "macsec0.7", GID_TYPE_ROCE_V2 },
	[6] = { "::ffff:10.6.0.1", "mv0", GID_TYPE_ROCE_V2 },
	[7] = { "::ffff:10.7.0.1", "eth1", GID_TYPE_ROCE_V2 },
	[8] = { "::ffff:10.8.0.1", "xfrm0", GID_TYPE_ROCE_V2 },
	[9] = { "::ffff:10.9.0.1", "", GID_TYPE_ROCE_V2 },
	[10] = { "::ffff:10.10.0.1", "eth2", GID_TYPE_ROCE_V2 },
	[11] = { "::ffff:10.11.0.1", "away0", GID_TYPE_ROCE_V2 },
	[12] = { "::ffff:10.12.0.1", "gone0", GID_TYPE_ROCE_V2 },
	[13] = { "::ffff:10.13.0.1", "eth0.5", GID_TYPE_ROCE_V2 },
	[14] = { "::ffff:10.14.0.1", "eth0", GID_TYPE_UNKNOWN },
	[15] = { "::ffff:10.2.0.2", "macsec0", GID_TYPE_ROCE_V2 },
	[16] = { "2001:db8::2", "macsec0", GID_TYPE_ROCE_V2 },
	[17] = { "::ffff:10.17.0.1", "loop0", GID_TYPE_ROCE_V2 },
	[18] = { "::ffff:10.18.0.1", "macsec0.7.8", GID_TYPE_ROCE_V2 },
	[19] = { "::", "macsec0", GID_TYPE_ROCE_V2 },
	[20] = { "::ffff:10.20.0.1", "eth3", GID_TYPE_ROCE_V2 },
	[21] = { "::ffff:10.2.0.3", "macsec0", GID_TYPE_ROCE_V1 },
	[22] = { "2001:db8:e::1", "eth0", GID_TYPE_ROCE_V2 },
	[23] = { "::ffff:10.23.0.1", "bond0", GID_TYPE_ROCE_V2 },
	[24] = { "::ffff:10.24.0.1", "bond0.3", GID_TYPE_ROCE_V2 },
	[25] = { "::ffff:10.25.0.1", "vxlan0", GID_TYPE_ROCE_V2 },
	[26] = { "::ffff:10.26.0.1", "vxlan0.3", GID_TYPE_ROCE_V2 },
	[27] = { "::ffff:10.27.0.1", "macsec2", GID_TYPE_ROCE_V2 },
};

enum { GID_COUNT = sizeof(gid_table) / sizeof(gid_table[0]), NO_GID = 200 };

struct world {
	struct evidence ev;
	struct rdma_gid gids[GID_COUNT];
	struct rdma_port port;
	struct rdma_device device;
};

static void world_make(struct world *world, uint32_t driver_id, int port_netdev)
{
	*world = (struct world){ 0 };
	world->ev.links_state = EVIDENCE_READ;
	world->ev.links = links;
	world->ev.link_count = sizeof(links) / sizeof(links[0]);
	world->ev.routes6_state = EVIDENCE_READ;
	for (size_t i = 0; i < GID_COUNT; i++) {
		struct rdma_gid *gid = &world->gids[i];

		*gid = (struct rdma_gid){ .valid = true, .index = (uint8_t)i, .type = gid_table[i].type };
		cr_assert_eq(inet_pton(AF_INET6, gid_table[i].address, gid->raw), 1);
		snprintf(gid->netdev, sizeof(gid->netdev), "%s", gid_table[i].netdev);
	}
	world->port = (struct rdma_port){
		.number = 1,
		.link_layer = LINK_LAYER_ETHERNET,
		.active = true,
		.netdev_ifindex = port_netdev,
		.gids = world->gids,
		.gid_count = GID_COUNT,
	};
	world->device = (struct rdma_device){
		.name = "dev0",
		.driver_known = true,
		.driver_id = driver_id,
		.ports = &world->port,
		.port_count = 1,
	};
}

/* The kernel's answer to a route query, and the last query. */
static int route_answer;
static int route_asked_oif;
static void *route_asked_with;

static int fake_route_get(void *context, int family, const union ip_address *src, const union ip_address *dst, int oif,
			  int *out)
{
	cr_assert((family == AF_INET || family == AF_INET6) && src->bytes[0] && dst->bytes[0]);
	route_asked_oif = oif;
	route_asked_with = context;
	if (route_answer < 0)
		return route_answer;
	*out = route_answer;
	return 0;
}

/* ---- one remote ---- */

enum { RXE = RDMA_DRIVER_RXE, MLX5 = RDMA_DRIVER_MLX5 };

static const struct one_case {
	const char *name;
	uint32_t driver;
	int port_netdev;
	uint32_t gid;
	const char *remote;
	int route; /* the kernel's answer; 0: a query is an error */
	enum path_state state;
	const char *egress, *reason;
} one_cases[] = {
	{ "rxe, IPv4", RXE, ETH0, 0, "::ffff:10.0.0.9", ETH0, PATH_RESOLVED, "eth0", "" },
	{ "rxe on macsec0", RXE, MACSEC0, 2, "::ffff:10.2.0.9", MACSEC0, PATH_RESOLVED, "macsec0", "" },
	{ "rxe, IPv4 multicast", RXE, MACSEC0, 2, "::ffff:239.1.1.1", MACSEC0, PATH_RESOLVED, "macsec0", "" },
	{ "rxe, IPv4, a route that encapsulates", RXE, MACSEC0, 2, "::ffff:10.2.0.9", -EXDEV, PATH_UNKNOWN, "",
	  "route-netdev" },
	{ "rxe, IPv4 without a route: nothing is sent", RXE, MACSEC0, 2, "::ffff:10.2.0.9", -ENETUNREACH, PATH_RESOLVED,
	  "macsec0", "" },
	{ "rxe, IPv4, the kernel cannot be asked", RXE, MACSEC0, 2, "::ffff:10.2.0.9", -EMFILE, PATH_UNKNOWN, "",
	  "route-unknown" },
	{ "rxe, IPv6 routed by the GID's netdev", RXE, MACSEC0, 3, "2001:db8::9", MACSEC0, PATH_RESOLVED, "macsec0",
	  "" },
	{ "rxe, IPv6 multicast", RXE, MACSEC0, 3, "ff0e::1", MACSEC0, PATH_RESOLVED, "macsec0", "" },
	{ "rxe, IPv6 routed elsewhere", RXE, MACSEC0, 3, "2001:db8:99::9", ETH2, PATH_RESOLVED, "eth2", "" },
	{ "rxe, IPv6 routed to a VLAN of the same macsec", RXE, MACSEC0, 3, "2001:db8:7::9", MACSEC0_7, PATH_RESOLVED,
	  "macsec0", "" },
	{ "rxe, IPv6 routed into a tunnel", RXE, MACSEC0, 3, "2001:db8:99::9", XFRM0, PATH_UNKNOWN, "",
	  "route-netdev" },
	{ "rxe, IPv6 routed to an unlisted netdev", RXE, MACSEC0, 3, "2001:db8:99::9", 77, PATH_UNKNOWN, "",
	  "route-netdev" },
	{ "rxe, IPv6 routed into an encapsulation", RXE, MACSEC0, 3, "2001:db8:99::9", -EXDEV, PATH_UNKNOWN, "",
	  "route-netdev" },
	{ "rxe, IPv6 without a route", RXE, MACSEC0, 3, "2001:db8:99::9", -ENETUNREACH, PATH_UNKNOWN, "",
	  "route-unknown" },
	{ "rxe, link-local", RXE, MACSEC0, 4, "fe80::9", MACSEC0, PATH_RESOLVED, "macsec0", "" },
	{ "rxe, link-local source, route elsewhere", RXE, MACSEC0, 4, "2001:db8:99::9", ETH0, PATH_RESOLVED, "eth0",
	  "" },
	{ "rxe, VLAN upon its macsec", RXE, MACSEC0, 5, "2001:db8:7::9", MACSEC0_7, PATH_RESOLVED, "macsec0", "" },
	{ "rxe, VLAN in VLAN upon its macsec", RXE, MACSEC0, 18, "::ffff:10.18.0.9", ETH0, PATH_RESOLVED, "macsec0",
	  "" },
	{ "rxe, VLAN upon its eth0", RXE, ETH0, 13, "::ffff:10.13.0.9", ETH0, PATH_RESOLVED, "eth0.5", "" },
	{ "rxe on eth0 with macsec0's GID: sends, receives nothing", RXE, ETH0, 2, "::ffff:10.2.0.9", 0, PATH_CLEAR, "",
	  "rxe-receives-elsewhere" },
	{ "the same with a VLAN upon macsec0", RXE, ETH0, 18, "::ffff:10.18.0.9", 0, PATH_CLEAR, "",
	  "rxe-receives-elsewhere" },
	{ "the same with macvlan", RXE, MACSEC0, 6, "::ffff:10.6.0.9", 0, PATH_CLEAR, "", "rxe-receives-elsewhere" },
	{ "rxe on a bond", RXE, BOND0, 23, "::ffff:10.23.0.9", ETH0, PATH_RESOLVED, "bond0", "" },
	{ "rxe on a bond, VLAN", RXE, BOND0, 24, "::ffff:10.24.0.9", ETH0, PATH_RESOLVED, "bond0.3", "" },
	{ "rxe on a bond's port, GID of the bond", RXE, MACSEC1, 23, "::ffff:10.23.0.9", 0, PATH_CLEAR, "",
	  "rxe-receives-elsewhere" },
	{ "rxe on a bond's port, GID of a VLAN on the bond", RXE, MACSEC1, 24, "::ffff:10.24.0.9", 0, PATH_CLEAR, "",
	  "rxe-receives-elsewhere" },
	{ "mlx5 on a bond's port", MLX5, MACSEC1, 23, "::ffff:10.23.0.9", 0, PATH_UNKNOWN, "", "netdev-not-stacked" },
	{ "rxe on vxlan", RXE, VXLAN0, 25, "::ffff:10.25.0.9", ETH0, PATH_RESOLVED, "vxlan0", "" },
	{ "rxe on vxlan, VLAN", RXE, VXLAN0, 26, "::ffff:10.26.0.9", ETH0, PATH_RESOLVED, "vxlan0", "" },
	{ "rxe, itself", RXE, MACSEC0, 2, "::ffff:10.2.0.1", 0, PATH_LOOPBACK, "", "" },
	{ "rxe, its other address on that netdev", RXE, MACSEC0, 2, "::ffff:10.2.0.2", 0, PATH_LOOPBACK, "", "" },
	{ "rxe, its other IPv6 address", RXE, MACSEC0, 3, "2001:db8::2", 0, PATH_LOOPBACK, "", "" },
	{ "rxe, its address on another netdev", RXE, MACSEC0, 2, "::ffff:10.0.0.1", ETH0, PATH_RESOLVED, "macsec0",
	  "" },
	{ "rxe, an address of the port in RoCE v1 only", RXE, MACSEC0, 2, "::ffff:10.2.0.3", ETH0, PATH_RESOLVED,
	  "macsec0", "" },
	{ "rxe, the zero remote", RXE, MACSEC0, 3, "::", 0, PATH_UNKNOWN, "", "remote-empty" },
	{ "rxe, the zero IPv4 remote", RXE, MACSEC0, 2, "::ffff:0.0.0.0", 0, PATH_UNKNOWN, "", "remote-empty" },
	{ "rxe, IPv6 to an IPv4 remote", RXE, MACSEC0, 3, "::ffff:10.2.0.9", 0, PATH_UNKNOWN, "", "remote-family" },
	{ "rxe, IPv4 to an IPv6 remote", RXE, MACSEC0, 2, "2001:db8::9", 0, PATH_UNKNOWN, "", "remote-family" },
	{ "a VRF", RXE, ETH1, 7, "::ffff:10.7.0.9", 0, PATH_UNKNOWN, "", "netdev-vrf" },
	{ "a VRF under mlx5", MLX5, ETH1, 7, "::ffff:10.7.0.9", 0, PATH_UNKNOWN, "", "netdev-vrf" },
	{ "an invisible master", RXE, ETH3, 20, "::ffff:10.20.0.9", 0, PATH_UNKNOWN, "", "netdev-master-elsewhere" },
	{ "an xfrm interface", RXE, XFRM0, 8, "::ffff:10.8.0.9", 0, PATH_UNKNOWN, "", "netdev-kind" },
	{ "an xfrm interface under mlx5", MLX5, ETH0, 8, "::ffff:10.8.0.9", 0, PATH_UNKNOWN, "", "netdev-kind" },
	{ "RoCE v1", RXE, ETH0, 1, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "", "gid-roce-v1" },
	{ "RoCE v1 under mlx5", MLX5, ETH0, 1, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "", "gid-roce-v1" },
	{ "an unknown GID type", RXE, ETH0, 14, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "", "gid-type-unknown" },
	{ "an entry with an unreadable GID", RXE, MACSEC0, 19, "2001:db8::9", 0, PATH_UNKNOWN, "", "gid-type-unknown" },
	{ "an empty entry", RXE, ETH0, NO_GID, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "", "gid-empty" },
	{ "no netdev", RXE, ETH0, 9, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "", "gid-no-netdev" },
	{ "a netdev in another namespace", RXE, ETH0, 12, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "",
	  "gid-netdev-elsewhere" },
	{ "a netdev that is not on the port's netdev", RXE, ETH0, 10, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "",
	  "netdev-not-stacked" },
	{ "the port's netdev is on the GID's netdev", MLX5, MACSEC0, 0, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "",
	  "netdev-not-stacked" },
	{ "a lower device in another namespace", MLX5, ETH0, 11, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "",
	  "netdev-not-stacked" },
	{ "links in a circle", MLX5, ETH0, 17, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "", "netdev-not-stacked" },
	{ "a port without a netdev here", RXE, 0, 0, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "", "port-netdev-elsewhere" },
	{ "a port with an unlisted netdev", RXE, 77, 0, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "",
	  "port-netdev-elsewhere" },
	{ "mlx5, the port's own GID", MLX5, ETH0, 0, "::ffff:10.0.0.9", 0, PATH_RESOLVED, "eth0", "" },
	{ "mlx5, VLAN", MLX5, ETH0, 13, "::ffff:10.13.0.9", 0, PATH_RESOLVED, "eth0", "" },
	{ "mlx5, macsec", MLX5, ETH0, 2, "::ffff:10.2.0.9", 0, PATH_RESOLVED, "macsec0", "" },
	{ "mlx5, IPv6: the NIC routes nothing", MLX5, ETH0, 3, "2001:db8:99::9", 0, PATH_RESOLVED, "macsec0", "" },
	{ "mlx5, VLAN upon macsec", MLX5, ETH0, 5, "2001:db8:7::9", 0, PATH_CLEAR, "", "gid-above-macsec" },
	{ "mlx5, VLAN in VLAN upon macsec", MLX5, ETH0, 18, "::ffff:10.18.0.9", 0, PATH_CLEAR, "", "gid-above-macsec" },
	{ "mlx5, macvlan upon macsec", MLX5, ETH0, 6, "::ffff:10.6.0.9", 0, PATH_CLEAR, "", "gid-above-macsec" },
	{ "mlx5, itself", MLX5, ETH0, 2, "::ffff:10.2.0.2", 0, PATH_LOOPBACK, "", "" },
	{ "irdma", RDMA_DRIVER_IRDMA, ETH0, 0, "::ffff:10.0.0.9", 0, PATH_CLEAR, "", "driver-clear" },
	{ "irdma to itself: that path is unverified", RDMA_DRIVER_IRDMA, ETH0, 0, "::ffff:10.0.0.1", 0, PATH_CLEAR, "",
	  "driver-clear" },
	{ "siw", RDMA_DRIVER_SIW, ETH0, 0, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "", "driver-no-roce" },
	{ "an unknown driver", 4711, ETH0, 0, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "", "driver-unknown" },
	{ "driver id 0", RDMA_DRIVER_UNKNOWN, ETH0, 0, "::ffff:10.0.0.9", 0, PATH_UNKNOWN, "", "driver-unknown" },
};

/* The sentence of each case is in tests/golden/path.txt. */
static void expect_sentence(const char *name, const struct path *path)
{
	const struct verdict verdict = { .why = { path->why } };
	char words[512], line[640];

	verdict_text(&verdict, path, words, sizeof(words));
	text_format(line, sizeof(line), "%s: %s", name, words);
	expect_golden("path.txt", line);
}

/* `reason`: its code, "" if the path is resolved. */
static void check(const char *name, const struct path *path, enum path_state state, const char *egress,
		  const char *reason)
{
	cr_expect_eq(path->state, state, "%s: state %d", name, path->state);
	cr_expect_str_eq(path->egress, egress, "%s: egress %s", name, path->egress);
	cr_expect_eq(path->egress_ifindex != 0, egress[0] != '\0', "%s", name);
	cr_expect_str_eq(reason_code(path->why.reason), reason, "%s: %s", name, reason_code(path->why.reason));
	if (path->why.reason)
		expect_sentence(name, path);
	cr_expect_not(path->has_sport);
}

Test(path, resolves_path_to_one_remote)
{
	for (size_t i = 0; i < sizeof(one_cases) / sizeof(one_cases[0]); i++) {
		const struct one_case *c = &one_cases[i];
		struct world world;
		struct path path;
		uint8_t remote[16];

		world_make(&world, c->driver, c->port_netdev);
		cr_assert_eq(inet_pton(AF_INET6, c->remote, remote), 1, "%s", c->name);
		route_answer = c->route;
		route_asked_oif = 0;
		route_asked_with = &world;
		path_resolve(&world.device, 1, c->gid, REMOTE_ONE, remote, &world.ev, fake_route_get, &world, &path);
		check(c->name, &path, c->state, c->egress, c->reason);
		cr_expect_eq(route_asked_oif, c->route ? path.gid_ifindex : 0, "%s: %d route queries", c->name,
			     route_asked_oif);
		cr_expect_eq(route_asked_with, &world, "%s: wrong context in the route query", c->name);
		cr_expect_eq(path.sgid_index, c->gid);
		cr_expect_str_eq(path.device, "dev0");
	}
}

/* Changes of SecYs below the egress, and of policies for VXLAN packets, concern such a path. */
Test(path, marks_stacked_and_tunnelled_egress)
{
	static const struct {
		const char *remote;
		int port_netdev;
		uint32_t gid;
		bool stacked, tunnelled;
	} rows[] = {
		{ "::ffff:10.0.0.9", ETH0, 0, false, false },      { "::ffff:10.2.0.9", MACSEC0, 2, false, false },
		{ "::ffff:10.18.0.9", MACSEC0, 18, false, false }, { "::ffff:10.23.0.9", BOND0, 23, true, false },
		{ "::ffff:10.24.0.9", BOND0, 24, true, false },    { "::ffff:10.25.0.9", VXLAN0, 25, true, true },
		{ "::ffff:10.26.0.9", VXLAN0, 26, true, true },    { "::ffff:10.27.0.9", MACSEC2, 27, true, false },
		{ "::ffff:10.23.0.9", MACSEC1, 23, false, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world world;
		struct path path;
		uint8_t remote[16];

		world_make(&world, RXE, rows[i].port_netdev);
		inet_pton(AF_INET6, rows[i].remote, remote);
		path_resolve(&world.device, 1, rows[i].gid, REMOTE_ONE, remote, &world.ev, NULL, NULL, &path);
		cr_expect_eq(path.stacked, rows[i].stacked, "GID %u", rows[i].gid);
		cr_expect_eq(path.tunnelled, rows[i].tunnelled, "GID %u", rows[i].gid);
	}
}

Test(path, fills_in_what_decide_needs)
{
	char text[INET6_ADDRSTRLEN];
	struct world world;
	struct path path;
	uint8_t remote[16];

	world_make(&world, RXE, MACSEC0);
	inet_pton(AF_INET6, "::ffff:10.18.0.9", remote);
	path_resolve(&world.device, 1, 18, REMOTE_ONE, remote, &world.ev, NULL, NULL, &path);
	cr_assert_eq(path.state, PATH_RESOLVED);
	cr_expect_eq(path.driver->egress, EGRESS_HOST_STACK);
	cr_expect_eq(path.family, AF_INET);
	cr_expect_str_eq(ip_text(path.family, &path.local, text), "10.18.0.1");
	cr_expect_str_eq(ip_text(path.family, &path.remote, text), "10.18.0.9");
	cr_expect_eq(path.gid_ifindex, MACSEC0_7_8);
	cr_expect_str_eq(path.netdev, "macsec0.7.8");
	cr_expect_eq(path.egress_ifindex, MACSEC0);
}

Test(path, refuses_zeroed_scope)
{
	static const enum remote_scope zero;
	struct world world;
	struct path path;

	world_make(&world, RXE, MACSEC0);
	path_resolve(&world.device, 1, 2, zero, NULL, &world.ev, NULL, NULL, &path);
	check("no scope", &path, PATH_UNKNOWN, "", "remote-unknown");
}

/* Each function breaks one part of a path that would resolve otherwise. */
static void spoil_port(struct world *world)
{
	world->port.number = 2;
}

static void spoil_infiniband(struct world *world)
{
	world->port.link_layer = LINK_LAYER_INFINIBAND;
}

static void spoil_link_layer(struct world *world)
{
	world->port.link_layer = LINK_LAYER_UNKNOWN;
}

static void spoil_driver(struct world *world)
{
	world->device.driver_known = false;
}

static void spoil_links(struct world *world)
{
	world->ev.links_state = EVIDENCE_BROKEN;
	snprintf(world->ev.links_error, sizeof(world->ev.links_error), "truncated");
}

static void spoil_validity(struct world *world)
{
	world->gids[3].valid = false;
}

static void spoil_nothing(struct world *world)
{
	(void)world;
}

static const struct {
	void (*spoil)(struct world *world);
	enum path_state state;
	const char *reason;
} spoilt[] = {
	{ spoil_port, PATH_UNKNOWN, "port-unknown" },
	{ spoil_infiniband, PATH_CLEAR, "port-infiniband" },
	{ spoil_link_layer, PATH_UNKNOWN, "link-layer-unknown" },
	{ spoil_driver, PATH_UNKNOWN, "driver-unknown" },
	{ spoil_links, PATH_UNKNOWN, "links-unreadable" },
	{ spoil_validity, PATH_UNKNOWN, "gid-empty" },
	{ spoil_nothing, PATH_UNKNOWN, "route-unknown" }, /* without a route query */
};

Test(path, is_unknown_when_one_part_is_unknown)
{
	uint8_t remote[16];

	inet_pton(AF_INET6, "2001:db8::9", remote);
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
		struct world world;
		struct path path;

		world_make(&world, RXE, MACSEC0);
		spoilt[i].spoil(&world);
		path_resolve(&world.device, 1, 3, REMOTE_ONE, remote, &world.ev, NULL, NULL, &path);
		check(spoilt[i].reason, &path, spoilt[i].state, "", spoilt[i].reason);
	}
}

Test(path, refuses_missing_remote)
{
	struct route6_evidence elsewhere = { .ifindex = ETH0 };
	struct world world;
	struct path path;

	world_make(&world, RXE, MACSEC0);
	path_resolve(&world.device, 1, 2, REMOTE_ONE, NULL, &world.ev, NULL, NULL, &path);
	check("no remote", &path, PATH_UNKNOWN, "", "remote-empty");
	world.ev.routes6 = &elsewhere;
	world.ev.route6_count = 1;
	path_resolve(&world.device, 1, 3, REMOTE_SOME, NULL, &world.ev, NULL, NULL, &path);
	check("some remote", &path, PATH_RESOLVED, "macsec0", "");
	cr_expect_eq(path.stray_ifindex, 0);
}

/* ---- every remote ---- */

static const struct every_case {
	const char *name;
	uint32_t driver;
	uint32_t gid;
	struct {
		const char *dst;
		struct route6_evidence is;
	} route[3];
	const char *stray, *stray_route; /* stray NULL: the path is unknown, for the reason of this code */
} every_cases[] = {
	{ "no routes", RXE, 3, { { 0 } }, "", "" },
	{ "its own subnet", RXE, 3, { { "2001:db8::", { .dst_prefix = 64, .ifindex = MACSEC0 } } }, "", "" },
	{ "a subnet on eth0",
	  RXE,
	  3,
	  { { "2001:db8::", { .dst_prefix = 64, .ifindex = MACSEC0 } },
	    { "2001:db8:e::", { .dst_prefix = 48, .ifindex = ETH0 } } },
	  "eth0",
	  "2001:db8:e::/48" },
	{ "a default route by eth2", RXE, 3, { { "::", { .ifindex = ETH2 } } }, "eth2", "::/0" },
	{ "a default route by its own netdev", RXE, 3, { { "::", { .ifindex = MACSEC0 } } }, "", "" },
	{ "a link-local GID can still reach other addresses",
	  RXE,
	  4,
	  { { "2001:db8:e::", { .dst_prefix = 48, .ifindex = ETH0 } } },
	  "eth0",
	  "2001:db8:e::/48" },
	{ "the first of two",
	  RXE,
	  3,
	  { { "2001:db8:e::", { .dst_prefix = 48, .ifindex = ETH0 } }, { "::", { .ifindex = ETH2 } } },
	  "eth0",
	  "2001:db8:e::/48" },
	{ "link-local and multicast are bound to the netdev",
	  RXE,
	  3,
	  { { "fe80::", { .dst_prefix = 64, .ifindex = ETH0 } },
	    { "ff00::", { .dst_prefix = 8, .ifindex = ETH0 } },
	    { "febf::", { .dst_prefix = 16, .ifindex = ETH0 } } },
	  "",
	  "" },
	{ "a prefix wider than link-local is not bound",
	  RXE,
	  3,
	  { { "fe00::", { .dst_prefix = 9, .ifindex = ETH0 } } },
	  "eth0",
	  "fe00::/9" },
	{ "a prefix twice as wide as link-local",
	  RXE,
	  3,
	  { { "fe80::", { .dst_prefix = 9, .ifindex = ETH0 } } },
	  "eth0",
	  "fe80::/9" },
	{ "beside link-local", RXE, 3, { { "fec0::", { .dst_prefix = 10, .ifindex = ETH0 } } }, "eth0", "fec0::/10" },
	{ "a prefix wider than multicast",
	  RXE,
	  3,
	  { { "fe00::", { .dst_prefix = 7, .ifindex = ETH0 } } },
	  "eth0",
	  "fe00::/7" },
	{ "a route of type multicast",
	  RXE,
	  3,
	  { { "2001:db8:e::", { .dst_prefix = 48, .ifindex = ETH0, .multicast = true } } },
	  "",
	  "" },
	{ "local routes",
	  RXE,
	  3,
	  { { "2001:db8:e::1", { .dst_prefix = 128, .ifindex = ETH0, .local = true } },
	    { "::1", { .dst_prefix = 128, .ifindex = LO } },
	    { "2001:db8:dead::", { .dst_prefix = 48, .discards = true } } },
	  "",
	  "" },
	{ "a VLAN upon the same macsec",
	  RXE,
	  3,
	  { { "2001:db8:7::", { .dst_prefix = 64, .ifindex = MACSEC0_7 } } },
	  "",
	  "" },
	{ "from that VLAN, a route by the macsec below",
	  RXE,
	  5,
	  { { "2001:db8::", { .dst_prefix = 64, .ifindex = MACSEC0 } } },
	  "",
	  "" },
	{ "a macvlan on the macsec does not count as the macsec",
	  RXE,
	  3,
	  { { "2001:db8:6::", { .dst_prefix = 64, .ifindex = MV0 } } },
	  "mv0",
	  "2001:db8:6::/64" },
	{ "an unsupported route",
	  RXE,
	  3,
	  { { "2001:db8:e::", { .dst_prefix = 48, .ifindex = ETH0 } }, { "2001:db8:f::", { .dst_prefix = 48 } } },
	  NULL,
	  "route-netdev" },
	{ "a route by an unlisted netdev", RXE, 3, { { "::", { .ifindex = 77 } } }, NULL, "route-netdev" },
	{ "IPv4 has no stray routes", RXE, 2, { { "::", { .ifindex = ETH0 } } }, "", "" },
};

static void routes_make(const struct every_case *c, struct route6_evidence *routes, struct evidence *ev)
{
	for (size_t i = 0; i < 3 && c->route[i].dst; i++) {
		routes[i] = c->route[i].is;
		cr_assert_eq(inet_pton(AF_INET6, c->route[i].dst, &routes[i].dst), 1, "%s", c->name);
		ev->route6_count = i + 1;
	}
	ev->routes6 = routes;
}

Test(path, resolves_path_to_every_remote)
{
	for (size_t i = 0; i < sizeof(every_cases) / sizeof(every_cases[0]); i++) {
		const struct every_case *c = &every_cases[i];
		struct route6_evidence routes[3];
		struct world world;
		struct path path;

		world_make(&world, c->driver, MACSEC0);
		routes_make(c, routes, &world.ev);
		path_resolve(&world.device, 1, c->gid, REMOTE_EVERY, NULL, &world.ev, fake_route_get, &world, &path);
		if (!c->stray) {
			cr_expect_eq(path.state, PATH_UNKNOWN, "%s: state %d", c->name, path.state);
			cr_expect_str_eq(reason_code(path.why.reason), c->stray_route, "%s", c->name);
			expect_sentence(c->name, &path);
			cr_expect_eq(path.stray_ifindex, 0, "%s", c->name);
			continue;
		}
		cr_expect_eq(path.state, PATH_RESOLVED, "%s", c->name);
		cr_expect_str_eq(path.egress, "macsec0", "%s: %s", c->name, path.egress);
		cr_expect_str_eq(path.stray, c->stray, "%s: %s", c->name, path.stray);
		cr_expect_str_eq(path.stray_route, c->stray_route, "%s: %s", c->name, path.stray_route);
		cr_expect_eq(path.stray_ifindex != 0, c->stray[0] != '\0', "%s", c->name);
	}
}

Test(path, needs_routes_for_every_remote)
{
	static const enum evidence_state states[] = { EVIDENCE_UNREAD, EVIDENCE_ABSENT, EVIDENCE_NO_PRIVILEGE,
						      EVIDENCE_BROKEN };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct world world;
		struct path path;

		world_make(&world, RXE, MACSEC0);
		world.ev.routes6_state = states[i];
		path_resolve(&world.device, 1, 3, REMOTE_EVERY, NULL, &world.ev, NULL, NULL, &path);
		cr_expect_eq(path.state, PATH_UNKNOWN);
		cr_expect_str_eq(reason_code(path.why.reason), "routes-unreadable");
		path_resolve(&world.device, 1, 2, REMOTE_EVERY, NULL, &world.ev, NULL, NULL, &path);
		cr_expect_eq(path.state, PATH_RESOLVED, "IPv4 needs no routes");
	}
}

/* The kernel's answer does not say how long it holds. */
Test(path, needs_lifetimes_of_routes_for_one_remote)
{
	struct world world;
	struct path path;
	uint8_t remote[16];

	world_make(&world, RXE, MACSEC0);
	world.ev.routes6_state = EVIDENCE_BROKEN;
	text_copy(world.ev.routes6_error, sizeof(world.ev.routes6_error), "more than 4 IPv6 routes");
	cr_assert_eq(inet_pton(AF_INET6, "2001:db8::99", remote), 1);
	path_resolve(&world.device, 1, 3, REMOTE_ONE, remote, &world.ev, fake_route_get, &world, &path);
	cr_expect_eq(path.state, PATH_UNKNOWN);
	cr_expect_str_eq(reason_code(path.why.reason), "routes-unreadable");
	cr_expect_str_eq(path.why.detail, "more than 4 IPv6 routes");
}

Test(path, mlx5_has_no_stray_routes)
{
	struct route6_evidence route = { .ifindex = ETH2 };
	struct world world;
	struct path path;

	world_make(&world, MLX5, ETH0);
	world.ev.routes6 = &route;
	world.ev.route6_count = 1;
	path_resolve(&world.device, 1, 3, REMOTE_EVERY, NULL, &world.ev, NULL, NULL, &path);
	check("mlx5", &path, PATH_RESOLVED, "macsec0", "");
	cr_expect_eq(path.stray_ifindex, 0);
}

/* ---- helpers ---- */

Test(gid, converts_to_address_and_text)
{
	static const struct {
		const char *gid, *text;
		int family;
	} cases[] = {
		{ "::ffff:10.0.0.1", "10.0.0.1", AF_INET },
		{ "::fffe:10.0.0.1", "::fffe:a00:1", AF_INET6 },
		{ "1::ffff:10.0.0.1", "1::ffff:a00:1", AF_INET6 },
		{ "::", "::", AF_INET6 },
		{ "fe80::1", "fe80::1", AF_INET6 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[INET6_ADDRSTRLEN];
		union ip_address address;
		uint8_t raw[16], back[16];

		inet_pton(AF_INET6, cases[i].gid, raw);
		cr_expect_eq(gid_address(raw, &address), cases[i].family, "%s", cases[i].gid);
		gid_from_address(cases[i].family, &address, back);
		cr_expect_arr_eq(back, raw, sizeof(raw), "%s", cases[i].gid);
		cr_expect_str_eq(gid_text(raw, text), cases[i].text);
		cr_expect_str_eq(ip_text(cases[i].family, &address, text), cases[i].text);
	}
}

Test(gid, writes_empty_text_without_address)
{
	const union ip_address address = { 0 };
	char text[INET6_ADDRSTRLEN];

	cr_expect_str_eq(ip_text(AF_UNSPEC, &address, text), "no address");
}

Test(gid, loopback_needs_netdev_and_type)
{
	struct world world;
	struct rdma_gid stranger;

	world_make(&world, RXE, MACSEC0);
	cr_expect(gid_is_loopback(&world.port, &world.gids[2], world.gids[15].raw));
	cr_expect_not(gid_is_loopback(&world.port, &world.gids[2], world.gids[0].raw));
	cr_expect_not(gid_is_loopback(&world.port, &world.gids[2], world.gids[21].raw));
	cr_expect_not(gid_is_loopback(&world.port, &world.gids[3], world.gids[19].raw), "zero is not an address");
	stranger = world.gids[9];
	cr_expect_not(gid_is_loopback(&world.port, &stranger, stranger.raw), "no netdev");
	world.gids[15].valid = false;
	cr_expect_not(gid_is_loopback(&world.port, &world.gids[2], world.gids[15].raw));
}

/* enum rdma_driver_id in include/uapi/rdma/ib_user_ioctl_verbs.h, kernel 7.2: every id. */
Test(driver_traits, cover_every_driver_id)
{
	static const struct {
		const char *name;
		enum driver_egress egress;
		bool ud_address_in_wqe, driver_qp_needs_no_address;
	} rows[] = {
		{ "unknown", EGRESS_UNKNOWN, true, true },       { "mlx5", EGRESS_NIC_MACSEC_IPSEC, true, true },
		{ "mlx4", EGRESS_NIC_CLEAR, true, false },       { "cxgb3", EGRESS_UNKNOWN, true, true },
		{ "cxgb4", EGRESS_UNKNOWN, true, true },         { "mthca", EGRESS_UNKNOWN, true, true },
		{ "bnxt_re", EGRESS_NIC_CLEAR, false, false },   { "ocrdma", EGRESS_NIC_CLEAR, true, false },
		{ "nes", EGRESS_UNKNOWN, true, true },           { "irdma", EGRESS_NIC_CLEAR, false, false },
		{ "vmw_pvrdma", EGRESS_NIC_CLEAR, true, false }, { "qedr", EGRESS_NIC_CLEAR, true, false },
		{ "hns", EGRESS_NIC_CLEAR, true, false },        { "usnic", EGRESS_UNKNOWN, true, true },
		{ "rxe", EGRESS_HOST_STACK, true, false },       { "hfi1", EGRESS_UNKNOWN, true, true },
		{ "qib", EGRESS_UNKNOWN, true, true },           { "efa", EGRESS_UNKNOWN, false, true },
		{ "siw", EGRESS_UNKNOWN, true, true },           { "erdma", EGRESS_NIC_CLEAR, false, false },
		{ "mana", EGRESS_NIC_CLEAR, true, false },       { "ionic", EGRESS_NIC_CLEAR, false, false },
	};
	const size_t known = sizeof(rows) / sizeof(rows[0]);

	for (uint32_t id = 0; id < 64; id++) {
		const struct driver_traits *traits = driver_traits(id);
		size_t row = id < known ? id : 0;

		cr_assert_not_null(traits);
		cr_expect_eq(traits->driver_id, row, "id %u", id);
		cr_expect_str_eq(traits->name, rows[row].name, "id %u: %s", id, traits->name);
		cr_expect_eq(traits->egress, rows[row].egress, "%s", traits->name);
		cr_expect_eq(traits->ud_address_in_wqe, rows[row].ud_address_in_wqe, "%s", traits->name);
		cr_expect_eq(traits->driver_qp_needs_no_address, rows[row].driver_qp_needs_no_address, "%s",
			     traits->name);
		cr_expect_eq(traits->flow_has_ports, traits->egress == EGRESS_NIC_MACSEC_IPSEC, "%s", traits->name);
	}
	cr_expect_eq(RXE, 14);
	cr_expect_eq(MLX5, 1);
	cr_expect_str_eq(driver_traits(UINT32_MAX)->name, "unknown");
}

/* Except for the two drivers that can protect, no path is ever protected, and neither is one of an unused id. */
Test(driver_traits, refuse_drivers_without_protection)
{
	for (uint32_t id = 0; id < 64; id++) {
		struct world world;
		struct path path;
		uint8_t remote[16];

		if (id == RXE || id == MLX5)
			continue;
		world_make(&world, id, MACSEC0);
		cr_assert_eq(inet_pton(AF_INET6, "::ffff:10.2.0.9", remote), 1);
		path_resolve(&world.device, 1, 2, REMOTE_ONE, remote, &world.ev, fake_route_get, NULL, &path);
		cr_expect_eq(path.state, driver_traits(id)->egress == EGRESS_NIC_CLEAR ? PATH_CLEAR : PATH_UNKNOWN,
			     "id %u", id);
		cr_expect_eq(path.egress_ifindex, 0, "id %u", id);
	}
}

/* Writes to `text` the only paragraph of the manual page's section that begins with these words. */
static void manual_paragraph(const char *begins, char *text, size_t size)
{
	FILE *page = fopen("../../man/rdmasec.1.scd", "r");
	char line[256];
	bool inside = false;

	cr_assert_not_null(page);
	*text = '\0';
	while (fgets(line, sizeof(line), page)) {
		inside = inside ? *line != '\n' : !strncmp(line, begins, strlen(begins));
		if (inside)
			text_append(text, size, "%s", line);
	}
	fclose(page);
}

/* rdmasec(1) describes each driver as the table does. */
Test(driver_traits, agree_with_the_manual)
{
	static const char *const begins[] = {
		[EGRESS_UNKNOWN] = "Not checked, because their packets",
		[EGRESS_HOST_STACK] = "Through the host's own IP stack",
		[EGRESS_NIC_MACSEC_IPSEC] = "Through the NIC's own MACsec",
		[EGRESS_NIC_CLEAR] = "By the NIC, past MACsec and IPsec of the host",
	};

	for (size_t egress = 0; egress < sizeof(begins) / sizeof(begins[0]); egress++) {
		char text[1024], name[32];

		manual_paragraph(begins[egress], text, sizeof(text));
		for (uint32_t id = 1; id < 22; id++) {
			snprintf(name, sizeof(name), "*%s*", driver_traits(id)->name);
			cr_expect_eq(strstr(text, name) != NULL, driver_traits(id)->egress == egress, "%s in '%s'",
				     name, text);
		}
	}
}

/* hns and mthca do not report their id; their PCI device's driver identifies them. */
Test(driver_traits, identify_driver_by_pci_driver)
{
	uint32_t id = 77;

	cr_expect(driver_of_pci_driver("hns3", &id) && id == RDMA_DRIVER_HNS);
	cr_expect(driver_of_pci_driver("ib_mthca", &id) && id == RDMA_DRIVER_MTHCA);
	cr_expect_not(driver_of_pci_driver("mlx5_core", &id), "the driver reports its id");
	cr_expect_not(driver_of_pci_driver("", &id));
	cr_expect_not(driver_of_pci_driver("hns", &id));
	cr_expect_eq(id, RDMA_DRIVER_MTHCA, "left alone");
}
