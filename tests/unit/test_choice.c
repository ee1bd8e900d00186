// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The paths that `check` and `wait` are asked about: by GID, by netdev, and those that do not exist. */
#include "tools/choice.h"

#include <errno.h>

#include "decide_fixture.h"
#include "tools/table.h"
#include "util/address.h"

/* Two rxe devices: rxe0 on macsec0 with GIDs of 10.0.0.1 and 10.0.1.1, rxe1 on eth0 with a GID of 10.0.2.1. */
static struct rdma_gid on_macsec[2], on_eth[1];
static struct rdma_port ports[2] = {
	{ .number = 1, .link_layer = LINK_LAYER_ETHERNET, .active = true, .gids = on_macsec, .gid_count = 2 },
	{ .number = 1, .link_layer = LINK_LAYER_ETHERNET, .active = true, .gids = on_eth, .gid_count = 1 },
};
static struct rdma_device devices[2];
static const struct rdma_inventory inventory = { devices, 2 };
static struct world world;
static struct wire_records found;

static void set_gid(struct rdma_gid *gid, uint8_t index, const char *address, const char *netdev)
{
	union ip_address ip = { .bytes = { 0 } };

	cr_assert_eq(inet_pton(AF_INET, address, ip.bytes), 1);
	*gid = (struct rdma_gid){ .valid = true, .index = index, .type = GID_TYPE_ROCE_V2 };
	gid_from_address(AF_INET, &ip, gid->raw);
	text_copy(gid->netdev, sizeof(gid->netdev), netdev);
}

static void enter(void)
{
	world_init(&world, RDMA_DRIVER_RXE, AF_INET, MACSEC0);
	world_add_macsec(&world);
	set_gid(&on_macsec[0], 0, "10.0.0.1", "macsec0");
	set_gid(&on_macsec[1], 3, "10.0.1.1", "macsec0");
	set_gid(&on_eth[0], 0, "10.0.2.1", "eth0");
	for (int i = 0; i < 2; i++) {
		ports[i].netdev_ifindex = i ? ETH0 : MACSEC0;
		devices[i] = (struct rdma_device){
			.driver_known = true, .driver_id = RDMA_DRIVER_RXE, .ports = &ports[i], .port_count = 1
		};
		text_format(devices[i].name, sizeof(devices[i].name), "rxe%d", i);
	}
}

static void leave(void)
{
	wire_records_free(&found);
}

TestSuite(choice, .init = enter, .fini = leave);

/* Options as pairs of a letter and a value. Returns the exit status of what they choose. */
static int judged(const char *const (*options)[2], size_t count)
{
	struct evidence ev = world.ev;
	struct path_choice choice = { 0 };

	for (size_t i = 0; i < count; i++)
		cr_assert_eq(choice_option(&choice, options[i][0][0], options[i][1]), 0, "-%s %s", options[i][0],
			     options[i][1]);
	cr_assert(choice_is_complete(&choice));
	ev.links = world.links;
	world.secy.rxsc = world.rxsc;
	ev.secys = &world.secy;
	ev.xfrm = world_table(&world);
	wire_records_free(&found);
	cr_assert_eq(choice_judge_among(&choice, policy_builtin(), &ev, &inventory, NULL, &found), 0);
	xfrm_table_free(ev.xfrm);
	cr_assert_gt(found.count, 0);
	return status_exit(&found);
}

#define JUDGED(...)                                     \
	judged((const char *const[][2]){ __VA_ARGS__ }, \
	       sizeof((const char *const[][2]){ __VA_ARGS__ }) / sizeof(const char *[2]))

Test(choice, judges_one_gid)
{
	cr_expect_eq(JUDGED({ "d", "rxe0" }, { "g", "3" }, { "r", "10.0.1.2" }), EXIT_PROTECTED, "%s",
		     found.rows[0].text);
	cr_expect(found.count == 1 && found.rows[0].gid_index == 3 && found.rows[0].port == 1);
	cr_expect_str_eq(found.rows[0].remote, "10.0.1.2");
	cr_expect_eq(JUDGED({ "d", "rxe1" }, { "g", "0" }), EXIT_UNPROTECTED);
	cr_expect_str_eq(found.rows[0].remote, "any");
}

Test(choice, judges_all_gids_of_a_netdev)
{
	cr_expect_eq(JUDGED({ "n", "macsec0" }), EXIT_PROTECTED, "%s", found.rows[0].text);
	cr_expect_eq(found.count, 2);
	cr_expect(found.rows[0].gid_index == 0 && found.rows[1].gid_index == 3);
	cr_expect_eq(JUDGED({ "n", "eth0" }), EXIT_UNPROTECTED);
	cr_expect_eq(JUDGED({ "n", "macsec0" }, { "d", "rxe0" }, { "i", "1" }), EXIT_PROTECTED);
	world.secy.encrypt = false;
	cr_expect_eq(JUDGED({ "n", "macsec0" }), EXIT_UNPROTECTED);
}

/* One GID decides. */
Test(choice, exits_with_the_worst_gid_of_a_netdev)
{
	on_macsec[1].type = GID_TYPE_UNKNOWN;
	cr_expect_eq(JUDGED({ "n", "macsec0" }), EXIT_UNKNOWN);
	cr_expect_eq(found.rows[0].verdict, VERDICT_PROTECTED);
}

Test(choice, takes_gids_of_the_family_of_the_remote)
{
	union ip_address ip;

	cr_assert_eq(inet_pton(AF_INET6, "2001:db8::1", ip.bytes), 1);
	gid_from_address(AF_INET6, &ip, on_macsec[1].raw);
	cr_expect_eq(JUDGED({ "n", "macsec0" }, { "r", "10.0.0.2" }), EXIT_PROTECTED);
	cr_expect_eq(found.count, 1);
	cr_expect_eq(found.rows[0].gid_index, 0);
	on_macsec[0] = on_macsec[1];
	cr_expect_eq(JUDGED({ "n", "macsec0" }, { "r", "10.0.0.2" }), EXIT_UNKNOWN, "no GID of IPv4 is left");
}

/* None of them is an error of usage: a device may come later. */
Test(choice, what_does_not_exist_is_unknown)
{
	cr_expect_eq(JUDGED({ "d", "rxe9" }, { "g", "0" }), EXIT_UNKNOWN);
	cr_expect_eq(found.rows[0].reasons[0], REASON_DEVICE_UNKNOWN);
	cr_expect(choice_is_missing(&found.rows[0]));
	cr_expect_eq(JUDGED({ "d", "rxe0" }, { "g", "77" }), EXIT_UNKNOWN);
	cr_expect_eq(found.rows[0].reasons[0], REASON_GID_EMPTY);
	cr_expect(choice_is_missing(&found.rows[0]));
	cr_expect_eq(JUDGED({ "d", "rxe0" }, { "g", "0" }, { "i", "2" }), EXIT_UNKNOWN);
	cr_expect_eq(found.rows[0].reasons[0], REASON_PORT_UNKNOWN);
	cr_expect_eq(JUDGED({ "n", "macsec9" }), EXIT_UNKNOWN);
	cr_expect_eq(found.rows[0].reasons[0], REASON_NO_GID);
	cr_expect(choice_is_missing(&found.rows[0]));
	cr_expect_eq(JUDGED({ "n", "macsec0" }, { "d", "rxe1" }), EXIT_UNKNOWN);
	cr_expect_eq(JUDGED({ "n", "macsec0" }, { "d", "rxe9" }), EXIT_UNKNOWN);
	cr_expect_eq(JUDGED({ "n", "macsec0" }, { "i", "2" }), EXIT_UNKNOWN);
}

Test(choice, all_gids_of_a_host_without_any_are_unknown)
{
	const struct path_choice all = { .all = true };
	const struct rdma_inventory none = { NULL, 0 };

	cr_assert_eq(choice_judge_among(&all, policy_builtin(), &world.ev, &none, NULL, &found), 0);
	cr_expect(found.count == 1 && status_exit(&found) == EXIT_UNKNOWN);
}

Test(choice, rejects_values)
{
	static const char *const rows[][2] = {
		{ "i", "0" },           { "i", "256" }, { "i", "" }, { "g", "256" },  { "g", "-1" },
		{ "g", "1x" },          { "g", " 1" },  { "r", "" }, { "r", "10.0" }, { "r", "example" },
		{ "r", "10.0.0.1/24" }, { "d", "" },    { "n", "" }, { "x", "1" }
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct path_choice choice = { 0 };

		cr_expect_eq(choice_option(&choice, rows[i][0][0], rows[i][1]), -EINVAL, "-%s %s", rows[i][0],
			     rows[i][1]);
	}
}
