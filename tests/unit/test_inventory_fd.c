// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* GIDs by ioctl: from a table and links that the test provides, with a sysfs tree that agrees or disagrees. */
#include <criterion/criterion.h>
#include <errno.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "evidence/facts.h"
#include "rdma/inventory.h"
#include "rdma/inventory_internal.h"
#include "rdma/uverbs_call_internal.h"
#include "sysfs_fixture.h"
#include "util/text.h"

enum { FD = 77, DRIVER = 14, ETH0 = 2, MACSEC0 = 7, ELSEWHERE = 9 };

static const uint8_t gid_1[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 };
static const uint8_t gid_2[16] = { 0xfe, 0x80, [8] = 2, 2, 0xc9, 0xff, 0xfe, 0, 0xab, 0xcd };

/* ---- fake kernel ---- */

static struct ib_uverbs_gid_entry table[4];
static uint64_t table_count;
static int table_err, asked;

static void table_add(const uint8_t raw[16], uint32_t port, uint32_t index, uint32_t type, uint32_t ifindex)
{
	struct ib_uverbs_gid_entry *entry = &table[table_count++];

	*entry = (struct ib_uverbs_gid_entry){
		.gid_index = index, .port_num = port, .gid_type = type, .netdev_ifindex = ifindex
	};
	memcpy(entry->gid, raw, 16);
}

static int answer_table(int fd, struct ib_uverbs_ioctl_hdr *request)
{
	asked++;
	cr_assert_eq(fd, FD);
	cr_assert_eq(request->driver_id, DRIVER);
	if (table_err)
		return table_err;
	memcpy((void *)(uintptr_t)request->attrs[2].data, table, sizeof(table));
	memcpy((void *)(uintptr_t)request->attrs[3].data, &table_count, sizeof(table_count));
	for (int i = 0; i < request->num_attrs; i++)
		request->attrs[i].flags |= UVERBS_ATTR_F_VALID_OUTPUT;
	return 0;
}

static int driver_is_14(void *context, const char *device, dev_t uverbs_rdev, uint32_t *out_driver_id)
{
	(void)context;
	(void)device;
	(void)uverbs_rdev;
	*out_driver_id = DRIVER;
	return 0;
}

static int driver_unknown(void *context, const char *device, dev_t uverbs_rdev, uint32_t *out_driver_id)
{
	(void)context;
	(void)device;
	(void)uverbs_rdev;
	(void)out_driver_id;
	return -ENODATA;
}

static int netdev_is_eth0(void *context, const char *device, uint32_t port, int *out_ifindex)
{
	(void)context;
	(void)device;
	(void)port;
	*out_ifindex = ETH0;
	return 0;
}

/* As tree_make(): GID 0 on eth0, GID 2 of v1 on macsec0. */
static void make(void)
{
	tree_make();
	uverbs_call_kernel = answer_table;
	table_count = 0;
	table_err = asked = 0;
	table_add(gid_1, 1, 0, IB_UVERBS_GID_TYPE_ROCE_V2, ETH0);
	table_add(gid_2, 1, 2, IB_UVERBS_GID_TYPE_ROCE_V1, MACSEC0);
}

TestSuite(inventory_fd, .init = make, .fini = tree_remove);

static struct link_evidence links[] = { { .ifindex = ETH0, .name = "eth0" },
					{ .ifindex = MACSEC0, .name = "macsec0" } };
static const struct evidence evidence = { .links_state = EVIDENCE_READ, .links = links, .link_count = 2 };

static struct rdma_inventory read_stable(const struct inventory_netlink *netlink)
{
	struct rdma_inventory inventory;
	char error[160] = "";

	cr_assert_eq(inventory_read_with(sysfs, makedev(231, 192), netlink, &inventory, error, sizeof(error)), 0, "%s",
		     error);
	cr_assert_eq(inventory.device_count, 1);
	return inventory;
}

static struct rdma_inventory stable(void)
{
	static const struct inventory_netlink netlink = { .driver_id = driver_is_14, .port_netdev = netdev_is_eth0 };

	return read_stable(&netlink);
}

static void expect_gids_of_the_tree(const struct rdma_device *device)
{
	const struct rdma_port *port = &device->ports[0];

	cr_assert_eq(port->gid_count, 2);
	cr_expect_arr_eq(port_gid(port, 0)->raw, gid_1, 16);
	cr_expect_eq(port_gid(port, 0)->type, GID_TYPE_ROCE_V2);
	cr_expect_str_eq(port_gid(port, 0)->netdev, "eth0");
	cr_expect_arr_eq(port_gid(port, 2)->raw, gid_2, 16);
	cr_expect_eq(port_gid(port, 2)->type, GID_TYPE_ROCE_V1);
	cr_expect_str_eq(port_gid(port, 2)->netdev, "macsec0");
}

/* ---- the parts ---- */

Test(inventory_fd, stable_part_has_no_gids)
{
	struct rdma_inventory inventory = stable();
	const struct rdma_device *device = &inventory.devices[0];

	cr_expect_str_eq(device->name, "rxe0");
	cr_expect(device->driver_known);
	cr_expect_eq(device->driver_id, DRIVER);
	cr_assert_eq(device->port_count, 1);
	cr_expect_eq(device->ports[0].link_layer, LINK_LAYER_ETHERNET);
	cr_expect(device->ports[0].active);
	cr_expect_eq(device->ports[0].netdev_ifindex, ETH0);
	cr_expect_eq(device->ports[0].gid_count, 0);
	inventory_free(&inventory);
	expect_no_leak();
}

Test(inventory_fd, reads_same_gids_from_both_sources)
{
	struct rdma_inventory inventory = stable();
	struct rdma_device *device = &inventory.devices[0];

	cr_assert_eq(inventory_gids_from_sysfs(sysfs, device), 0);
	expect_gids_of_the_tree(device);
	cr_assert_eq(inventory_gids_from_fd(sysfs, device, FD, &evidence), 0);
	expect_gids_of_the_tree(device);
	cr_expect_eq(asked, 1);
	cr_assert_eq(inventory_gids_from_fd(sysfs, device, FD, &evidence), 0, "and again");
	expect_gids_of_the_tree(device);
	cr_expect_eq(inventory_confirm_gid(sysfs, device, 1, 0), 0);
	cr_expect_eq(inventory_confirm_gid(sysfs, device, 1, 2), 0);
	expect_gids_of_the_tree(device);
	inventory_free(&inventory);
	expect_no_leak();
}

Test(inventory_fd, prefers_table_to_sysfs)
{
	struct rdma_inventory inventory = stable();
	struct rdma_device *device = &inventory.devices[0];

	table_count = 0;
	table_add(gid_2, 1, 5, IB_UVERBS_GID_TYPE_ROCE_V2, MACSEC0);
	cr_assert_eq(inventory_gids_from_fd(sysfs, device, FD, &evidence), 0);
	cr_assert_eq(device->ports[0].gid_count, 1);
	cr_expect_not_null(port_gid(&device->ports[0], 5));
	table_count = 0;
	cr_assert_eq(inventory_gids_from_fd(sysfs, device, FD, &evidence), 0);
	cr_expect_eq(device->ports[0].gid_count, 0);
	inventory_free(&inventory);
	expect_no_leak();
}

/* ---- without the ioctl ---- */

Test(inventory_fd, falls_back_to_sysfs_without_ioctl)
{
	static const int unsupported[] = { -EPROTONOSUPPORT, -EOPNOTSUPP, -ENOTTY };

	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++) {
		struct rdma_inventory inventory = stable();

		table_err = unsupported[i];
		cr_assert_eq(inventory_gids_from_fd(sysfs, &inventory.devices[0], FD, &evidence), 0);
		expect_gids_of_the_tree(&inventory.devices[0]);
		inventory_free(&inventory);
	}
	expect_no_leak();
}

Test(inventory_fd, keeps_sysfs_gids_when_driver_is_unknown)
{
	static const struct inventory_netlink netlink = { .driver_id = driver_unknown, .port_netdev = netdev_is_eth0 };
	struct rdma_inventory inventory = read_stable(&netlink);

	cr_assert_eq(inventory_gids_from_fd(sysfs, &inventory.devices[0], FD, &evidence), 0);
	cr_expect_eq(asked, 0);
	expect_gids_of_the_tree(&inventory.devices[0]);
	inventory_free(&inventory);
	expect_no_leak();
}

Test(inventory_fd, keeps_gids_on_error)
{
	static const int errors[] = { -EIO, -EINVAL, -ENODEV };
	struct rdma_inventory inventory = stable();
	struct rdma_device *device = &inventory.devices[0];

	cr_assert_eq(inventory_gids_from_fd(sysfs, device, FD, &evidence), 0);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		table_err = errors[i];
		cr_expect_eq(inventory_gids_from_fd(sysfs, device, FD, &evidence), errors[i]);
		expect_gids_of_the_tree(device);
	}
	table_err = 0;
	table_add(gid_1, 2, 0, IB_UVERBS_GID_TYPE_ROCE_V2, ETH0);
	cr_expect_eq(inventory_gids_from_fd(sysfs, device, FD, &evidence), -ENODEV, "a port that the device lacks");
	expect_gids_of_the_tree(device);
	tree_remove();
	cr_expect_eq(inventory_gids_from_sysfs(sysfs, device), -ENOENT);
	expect_gids_of_the_tree(device);
	inventory_free(&inventory);
	expect_no_leak();
}

/* ---- netdevs and types ---- */

static const struct {
	uint32_t type, ifindex;
	enum evidence_state links_state;
	enum gid_type expected_type;
	const char *expected_netdev;
} entries[] = {
	{ 2, ETH0, EVIDENCE_READ, GID_TYPE_ROCE_V2, "eth0" },
	{ 2, MACSEC0, EVIDENCE_READ, GID_TYPE_ROCE_V2, "macsec0" },
	{ 2, ELSEWHERE, EVIDENCE_READ, GID_TYPE_ROCE_V2, "" },
	{ 2, 0, EVIDENCE_READ, GID_TYPE_ROCE_V2, "" },
	{ 2, ETH0, EVIDENCE_BROKEN, GID_TYPE_ROCE_V2, "" },
	{ 2, ETH0, EVIDENCE_UNREAD, GID_TYPE_ROCE_V2, "" },
	{ 1, ETH0, EVIDENCE_READ, GID_TYPE_ROCE_V1, "eth0" },
	{ 0, ETH0, EVIDENCE_READ, GID_TYPE_ROCE_V1, "eth0" }, /* sysfs has one name for both */
	{ 3, ETH0, EVIDENCE_READ, GID_TYPE_UNKNOWN, "eth0" },
};

Test(inventory_fd, decodes_table_entries)
{
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		struct rdma_inventory inventory = stable();
		struct evidence ev = evidence;
		const struct rdma_gid *gid;

		ev.links_state = entries[i].links_state;
		table_count = 0;
		table_add(gid_1, 1, 0, entries[i].type, entries[i].ifindex);
		cr_assert_eq(inventory_gids_from_fd(sysfs, &inventory.devices[0], FD, &ev), 0);
		gid = port_gid(&inventory.devices[0].ports[0], 0);
		cr_assert_not_null(gid, "case %zu", i);
		cr_expect_eq(gid->type, entries[i].expected_type, "case %zu", i);
		cr_expect_str_eq(gid->netdev, entries[i].expected_netdev, "case %zu", i);
		inventory_free(&inventory);
	}
	expect_no_leak();
}

Test(inventory_fd, treats_zero_gid_as_empty)
{
	static const uint8_t zeros[16];
	struct rdma_inventory inventory = stable();

	table_count = 0;
	table_add(zeros, 1, 0, IB_UVERBS_GID_TYPE_ROCE_V2, ETH0);
	cr_assert_eq(inventory_gids_from_fd(sysfs, &inventory.devices[0], FD, &evidence), 0);
	cr_expect_eq(inventory.devices[0].ports[0].gid_count, 0);
	inventory_free(&inventory);
	expect_no_leak();
}

/* ---- confirmation by sysfs ---- */

static const struct {
	const char *gid, *type, *netdev; /* the content of the files of GID 0; NULL: no such file */
	int err;
} said[] = {
	{ GID_1, "RoCE v2\n", "eth0\n", 0 },
	{ GID_1, "RoCE v2\n", "eth1\n", -ESTALE }, /* eth0 of another namespace */
	{ GID_1, "RoCE v2\n", "eth00\n", -ESTALE },
	{ GID_1, "RoCE v2\n", "\n", -ESTALE },
	{ GID_1, "RoCE v2\n", NULL, -ESTALE },
	{ GID_1, "IB/RoCE v1\n", "eth0\n", -ESTALE },
	{ GID_2, "RoCE v2\n", "eth0\n", -ESTALE },
	{ NO_GID, "RoCE v2\n", "eth0\n", -ESTALE },
	{ NULL, NULL, NULL, -ESTALE },
};

static void take_away(const char *path)
{
	char full[256];

	text_format(full, sizeof(full), "%s/%s", sysfs, path);
	cr_assert(!remove(full) || errno == ENOENT);
}

static void say(size_t i)
{
	static const char *const files[] = { "gids", "gid_attrs/types", "gid_attrs/ndevs" };
	const char *const values[] = { said[i].gid, said[i].type, said[i].netdev };

	for (size_t f = 0; f < 3; f++) {
		char path[128];

		text_format(path, sizeof(path), "class/infiniband/rxe0/ports/1/%s/0", files[f]);
		if (values[f])
			put(path, values[f]);
		else
			take_away(path);
	}
}

Test(inventory_fd, clears_netdev_of_unconfirmed_gid)
{
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct rdma_inventory inventory = stable();
		struct rdma_device *device = &inventory.devices[0];

		cr_assert_eq(inventory_gids_from_fd(sysfs, device, FD, &evidence), 0);
		say(i);
		cr_expect_eq(inventory_confirm_gid(sysfs, device, 1, 0), said[i].err, "case %zu", i);
		cr_expect_str_eq(port_gid(&device->ports[0], 0)->netdev, said[i].err ? "" : "eth0", "case %zu", i);
		cr_expect_str_eq(port_gid(&device->ports[0], 2)->netdev, "macsec0", "the other GID does not change");
		inventory_free(&inventory);
	}
	expect_no_leak();
}

Test(inventory_fd, fails_to_confirm_missing_gid)
{
	struct rdma_inventory inventory = stable();
	struct rdma_device *device = &inventory.devices[0];

	cr_assert_eq(inventory_gids_from_fd(sysfs, device, FD, &evidence), 0);
	cr_expect_eq(inventory_confirm_gid(sysfs, device, 1, 1), -ENOENT);
	cr_expect_eq(inventory_confirm_gid(sysfs, device, 2, 0), -ENOENT);
	tree_remove();
	cr_expect_eq(inventory_confirm_gid(sysfs, device, 1, 0), -ESTALE);
	cr_expect_str_empty(port_gid(&device->ports[0], 0)->netdev);
	inventory_free(&inventory);
	expect_no_leak();
}

Test(inventory_fd, does_not_treat_remote_in_other_namespace_as_loopback)
{
	struct rdma_inventory inventory = stable();
	struct rdma_device *device = &inventory.devices[0];
	const struct rdma_port *port = &device->ports[0];

	/* index 3 has the remote's GID; its netdev has eth0's index, but another name in its own namespace */
	table_add(gid_2, 1, 3, IB_UVERBS_GID_TYPE_ROCE_V2, ETH0);
	put_gid("rxe0/ports/1", 3, GID_2, "RoCE v2\n", "eth1\n");
	cr_assert_eq(inventory_gids_from_fd(sysfs, device, FD, &evidence), 0);
	cr_expect(gid_is_loopback(port, port_gid(port, 0), gid_2));
	cr_expect_eq(inventory_confirm_gid(sysfs, device, 1, 3), -ESTALE);
	cr_expect_not(gid_is_loopback(port, port_gid(port, 0), gid_2));
	cr_expect_str_eq(port_gid(port, 0)->netdev, "eth0", "other GIDs do not change");
	cr_expect_str_eq(port_gid(port, 2)->netdev, "macsec0", "confirmed GIDs do not change");
	inventory_free(&inventory);
	expect_no_leak();
}
