// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The inventory, read from a sysfs tree and RDMA netlink messages that the test writes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "rdma/inventory.h"
#include "rdma/inventory_internal.h"
#include "sysfs_fixture.h"

/* ---- fake RDMA netlink ---- */

static int fake_driver_id(void *context, const char *device, dev_t uverbs_rdev, uint32_t *out_driver_id)
{
	(void)context;
	if (strcmp(device, "rxe0") || uverbs_rdev != makedev(231, 192))
		return -ENODEV;
	*out_driver_id = 14;
	return 0;
}

static int fake_port_netdev(void *context, const char *device, uint32_t port, int *out_ifindex)
{
	(void)context;
	if (strcmp(device, "rxe0") || port != 1)
		return -ENODEV;
	*out_ifindex = 7;
	return 0;
}

static int generous_driver_id(void *context, const char *device, dev_t uverbs_rdev, uint32_t *out_driver_id)
{
	(void)context;
	(void)device;
	(void)uverbs_rdev;
	*out_driver_id = 14;
	return 0;
}

static int fail_driver_id(void *context, const char *device, dev_t uverbs_rdev, uint32_t *out_driver_id)
{
	(void)context;
	(void)device;
	(void)uverbs_rdev;
	*out_driver_id = 14;
	return -EPROTO;
}

static int fail_port_netdev(void *context, const char *device, uint32_t port, int *out_ifindex)
{
	(void)context;
	(void)device;
	(void)port;
	*out_ifindex = 7;
	return -EPROTO;
}

static const struct inventory_netlink fake = { .driver_id = fake_driver_id, .port_netdev = fake_port_netdev };
static const struct inventory_netlink generous = { .driver_id = generous_driver_id, .port_netdev = fake_port_netdev };
static const struct inventory_netlink failing = { .driver_id = fail_driver_id, .port_netdev = fail_port_netdev };

static struct rdma_inventory read_all(const struct inventory_netlink *netlink)
{
	struct rdma_inventory inventory;
	char error[160] = "";
	int err = inventory_read_with(sysfs, 0, netlink, &inventory, error, sizeof(error));

	cr_assert_eq(err, 0, "%d %s", err, error);
	return inventory;
}

/* ---- sysfs ---- */

Test(inventory, reads_one_device, .init = tree_make, .fini = tree_remove)
{
	static const uint8_t gid_1[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 };
	static const uint8_t gid_2[16] = { 0xfe, 0x80, [8] = 2, 2, 0xc9, 0xff, 0xfe, 0, 0xab, 0xcd };
	struct rdma_inventory inventory = read_all(&fake);
	const struct rdma_device *device;
	const struct rdma_port *port;

	cr_assert_eq(inventory.device_count, 1);
	device = &inventory.devices[0];
	cr_expect_str_eq(device->name, "rxe0");
	cr_expect_str_eq(device->uverbs_name, "uverbs0");
	cr_expect_eq(device->uverbs_rdev, makedev(231, 192));
	cr_expect(device->driver_known);
	cr_expect_eq(device->driver_id, 14);
	cr_assert_eq(device->port_count, 1);
	port = device_port(device, 1);
	cr_assert_not_null(port);
	cr_expect_null(device_port(device, 2));
	cr_expect_eq(port->link_layer, LINK_LAYER_ETHERNET);
	cr_expect(port->active);
	cr_expect_eq(port->netdev_ifindex, 7);
	cr_assert_eq(port->gid_count, 2);
	cr_expect_null(port_gid(port, 1), "an empty entry");
	cr_assert_not_null(port_gid(port, 0));
	cr_expect_arr_eq(port_gid(port, 0)->raw, gid_1, sizeof(gid_1));
	cr_expect_eq(port_gid(port, 0)->type, GID_TYPE_ROCE_V2);
	cr_expect_str_eq(port_gid(port, 0)->netdev, "eth0");
	cr_assert_not_null(port_gid(port, 2));
	cr_expect_arr_eq(port_gid(port, 2)->raw, gid_2, sizeof(gid_2));
	cr_expect_eq(port_gid(port, 2)->type, GID_TYPE_ROCE_V1);
	cr_expect_str_eq(port_gid(port, 2)->netdev, "macsec0");
	inventory_free(&inventory);
	cr_expect_eq(inventory.device_count, 0);
	expect_no_leak();
}

Test(inventory, lists_device_without_netlink, .init = tree_make, .fini = tree_remove)
{
	const struct inventory_netlink *const sources[] = { NULL, &failing };

	for (size_t i = 0; i < 2; i++) {
		struct rdma_inventory inventory = read_all(sources[i]);

		cr_assert_eq(inventory.device_count, 1);
		cr_expect_not(inventory.devices[0].driver_known);
		cr_expect_eq(inventory.devices[0].ports[0].netdev_ifindex, 0);
		cr_expect_eq(inventory.devices[0].ports[0].gid_count, 2);
		inventory_free(&inventory);
	}
	expect_no_leak();
}

Test(inventory, sorts_by_number, .init = tree_make, .fini = tree_remove)
{
	struct rdma_inventory inventory;

	put("class/infiniband/rxe10/ports/10/link_layer", "InfiniBand\n");
	put("class/infiniband/rxe10/ports/2/state", "1: DOWN\n");
	put_gid("rxe10/ports/10", 0, GID_2, "IB/RoCE v1\n", NULL);
	put("class/infiniband/rxe2/ports/1/link_layer", "Unknown\n");
	put_gid("rxe2/ports/1", 0, GID_2, "IB/RoCE v1\n", "eth0\n");
	inventory = read_all(&fake);
	cr_assert_eq(inventory.device_count, 3);
	cr_expect_str_eq(inventory.devices[1].name, "rxe2");
	cr_expect_eq(inventory.devices[1].uverbs_rdev, 0);
	cr_expect_not(inventory.devices[1].driver_known, "without a uverbs device there is no driver query");
	cr_expect_eq(inventory.devices[1].ports[0].link_layer, LINK_LAYER_UNKNOWN);
	cr_expect_eq(inventory.devices[1].ports[0].gids[0].type, GID_TYPE_UNKNOWN);
	cr_expect_str_eq(inventory.devices[2].name, "rxe10");
	cr_assert_eq(inventory.devices[2].port_count, 2);
	cr_expect_eq(inventory.devices[2].ports[0].number, 2);
	cr_expect_not(inventory.devices[2].ports[0].active);
	cr_expect_eq(inventory.devices[2].ports[1].number, 10);
	cr_expect_eq(inventory.devices[2].ports[1].gids[0].type, GID_TYPE_IB);
	cr_expect_str_empty(inventory.devices[2].ports[1].gids[0].netdev);
	inventory_free(&inventory);
	expect_no_leak();
}

static const struct {
	const char *gid, *type, *netdev; /* the files' content */
	bool gid_understood;
	enum gid_type expected_type;
	const char *expected_netdev;
} strange[] = {
	{ GID_1, "RoCE v3\n", "eth0\n", true, GID_TYPE_UNKNOWN, "eth0" },
	{ GID_1, "RoCE v2 \n", "eth0\n", true, GID_TYPE_UNKNOWN, "eth0" },
	{ GID_1, "RoCE v2\nRoCE v2\n", "eth0\n", true, GID_TYPE_UNKNOWN, "eth0" },
	{ GID_1, "RoCE v2\n", "eth0\nmacsec0\n", true, GID_TYPE_ROCE_V2, "" },
	{ GID_1, LONG, LONG, true, GID_TYPE_UNKNOWN, "" },
	{ GID_1, "", "", true, GID_TYPE_UNKNOWN, "" },
	{ GID_1, NULL, NULL, true, GID_TYPE_UNKNOWN, "" },
	{ GID_1, "RoCE v2\n", "abcdefghijklmno\n", true, GID_TYPE_ROCE_V2, "abcdefghijklmno" },
	{ GID_1, "RoCE v2\n", "abcdefghijklmnop\n", true, GID_TYPE_ROCE_V2, "" },
	{ "0000:0000:0000:0000:0000:ffff:0a00:0001", "RoCE v2\n", "eth0", true, GID_TYPE_ROCE_V2, "eth0" },
	{ "::ffff:10.0.0.1\n", "RoCE v2\n", "eth0\n", false, GID_TYPE_UNKNOWN, "" },
	{ "0000:0000:0000:0000:0000:FFFF:0a00:0001\n", "RoCE v2\n", "eth0\n", false, GID_TYPE_UNKNOWN, "" },
	{ "0000:0000:0000:0000:0000:ffff:0a00:00010\n", "RoCE v2\n", "eth0\n", false, GID_TYPE_UNKNOWN, "" },
	{ "0000:0000:0000:0000:0000:ffff:0a00-0001\n", "RoCE v2\n", "eth0\n", false, GID_TYPE_UNKNOWN, "" },
	{ "0000:0000:0000:0000:0000:ffff:0a00:000g\n", "RoCE v2\n", "eth0\n", false, GID_TYPE_UNKNOWN, "" },
	{ "0000:0000:0000:0000:0000:ffff:0a00:000\n", "RoCE v2\n", "eth0\n", false, GID_TYPE_UNKNOWN, "" },
	{ "", "RoCE v2\n", "eth0\n", false, GID_TYPE_UNKNOWN, "" },
};

Test(inventory, keeps_entry_with_invalid_fields, .init = tree_make, .fini = tree_remove)
{
	static const uint8_t zeros[16];

	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		struct rdma_inventory inventory;
		const struct rdma_gid *gid;

		tree_remove();
		tree_make();
		put_gid("rxe0/ports/1", 3, strange[i].gid, strange[i].type, strange[i].netdev);
		inventory = read_all(&fake);
		gid = port_gid(&inventory.devices[0].ports[0], 3);
		cr_assert_not_null(gid, "case %zu", i);
		cr_expect(gid->valid);
		cr_expect_eq(memcmp(gid->raw, zeros, sizeof(zeros)) != 0, strange[i].gid_understood, "case %zu", i);
		cr_expect_eq(gid->type, strange[i].expected_type, "case %zu", i);
		cr_expect_str_eq(gid->netdev, strange[i].expected_netdev, "case %zu", i);
		inventory_free(&inventory);
	}
	expect_no_leak();
}

Test(inventory, distinguishes_unreadable_from_empty_gid, .init = tree_make, .fini = tree_remove)
{
	struct rdma_inventory inventory;

	put("class/infiniband/rxe0/ports/1/gids/3/", NULL); /* EISDIR */
	put_gid("rxe0/ports/1", 4, GID_1, "RoCE v2\n", "eth0\n");
	inventory = read_all(&fake);
	cr_assert_not_null(port_gid(&inventory.devices[0].ports[0], 3));
	cr_expect_eq(port_gid(&inventory.devices[0].ports[0], 3)->type, GID_TYPE_UNKNOWN);
	cr_expect_not_null(port_gid(&inventory.devices[0].ports[0], 4), "the entries after it are read");
	inventory_free(&inventory);
	expect_no_leak();
}

Test(inventory, reads_256_gids, .init = tree_make, .fini = tree_remove)
{
	struct rdma_inventory inventory;

	for (unsigned int i = 0; i < 260; i++)
		put_gid("rxe0/ports/1", i, GID_1, "RoCE v2\n", "eth0\n");
	inventory = read_all(&fake);
	cr_expect_eq(inventory.devices[0].ports[0].gid_count, 256);
	cr_expect_not_null(port_gid(&inventory.devices[0].ports[0], 255));
	cr_expect_null(port_gid(&inventory.devices[0].ports[0], 256));
	inventory_free(&inventory);
	expect_no_leak();
}

Test(inventory, skips_names_that_are_not_ports, .init = tree_make, .fini = tree_remove)
{
	static const char *const names[] = { "0", "01", "-1", "1x", "4294967296", "power" };
	struct rdma_inventory inventory;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), "class/infiniband/rxe0/ports/%s/link_layer", names[i]);
		put(path, "Ethernet\n");
	}
	inventory = read_all(&fake);
	cr_expect_eq(inventory.devices[0].port_count, 1);
	inventory_free(&inventory);
	expect_no_leak();
}

Test(inventory, skips_device_removed_during_read, .init = tree_make, .fini = tree_remove)
{
	struct rdma_inventory inventory;
	char link[128];

	snprintf(link, sizeof(link), "%s/class/infiniband/gone0", sysfs);
	cr_assert_eq(symlink("../../devices/gone0", link), 0);
	put("class/infiniband/half0/node_type", "1: CA\n"); /* without ports */
	put("class/infiniband_verbs/uverbs7/ibdev", NULL);  /* without a name */
	inventory = read_all(&fake);
	cr_expect_eq(inventory.device_count, 1);
	cr_expect_str_eq(inventory.devices[0].name, "rxe0");
	inventory_free(&inventory);
	expect_no_leak();
}

Test(inventory, parses_device_numbers_strictly, .init = tree_make, .fini = tree_remove)
{
	static const char *const numbers[] = { "231\n",  "231:\n",     "231:192x\n", "231.192\n",
					       ":192\n", " 231:192\n", "4096:1\n",   "231:1048576\n" };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct rdma_inventory inventory;

		put("class/infiniband_verbs/uverbs0/dev", numbers[i]);
		inventory = read_all(&fake);
		cr_expect_eq(inventory.devices[0].uverbs_rdev, 0, "%s", numbers[i]);
		inventory_free(&inventory);
	}
	expect_no_leak();
}

Test(inventory, reads_device_of_one_uverbs_number, .init = tree_make, .fini = tree_remove)
{
	struct rdma_inventory inventory;
	char error[160];

	put("class/infiniband/rxe1/ports/1/link_layer", "Ethernet\n");
	put("class/infiniband_verbs/uverbs1/ibdev", "rxe1\n");
	put("class/infiniband_verbs/uverbs1/dev", "231:193\n");
	cr_assert_eq(inventory_read_with(sysfs, makedev(231, 193), &fake, &inventory, error, sizeof(error)), 0);
	cr_assert_eq(inventory.device_count, 1);
	cr_expect_str_eq(inventory.devices[0].name, "rxe1");
	inventory_free(&inventory);
	cr_expect_eq(inventory_read_with(sysfs, makedev(231, 200), &fake, &inventory, error, sizeof(error)), -ENODEV);
	cr_expect_str_eq(error, "no RDMA device has the character device 231:200");
	cr_expect_eq(inventory_read_stable(sysfs, &netlink_kernel, 0, &inventory, error, sizeof(error)), -ENODEV);
	expect_no_leak();
}

Test(inventory, finds_uverbs_number_of_device, .init = tree_make, .fini = tree_remove)
{
	dev_t rdev = 0;

	cr_expect_eq(inventory_find_uverbs(sysfs, "rxe0", &rdev), 0);
	cr_expect_eq(rdev, makedev(231, 192));
	cr_expect_eq(inventory_find_uverbs(sysfs, "rxe", &rdev), -ENOENT);
	cr_expect_eq(inventory_find_uverbs(sysfs, "", &rdev), -ENOENT);
	put("class/infiniband_verbs/uverbs0/ibdev", "rxe7\n"); /* renamed */
	cr_expect_eq(inventory_find_uverbs(sysfs, "rxe7", &rdev), 0);
	cr_expect_eq(inventory_find_uverbs(sysfs, "rxe0", &rdev), -ENOENT);
	cr_expect_eq(inventory_find_uverbs("/no/such/sysfs", "rxe0", &rdev), -ENOENT);
	expect_no_leak();
}

Test(inventory, is_empty_on_kernel_without_rdma, .init = tree_make, .fini = tree_remove)
{
	struct rdma_inventory inventory;
	char empty[128], error[160] = "";

	put("empty/x", "\n");
	snprintf(empty, sizeof(empty), "%s/empty", sysfs);
	cr_expect_eq(inventory_read_with(empty, 0, &fake, &inventory, error, sizeof(error)), -ENODEV);
	cr_expect(strstr(error, "class/infiniband is not there"), "%s", error);
	cr_expect_eq(inventory_read(empty, &inventory, error, sizeof(error)), -ENODEV);
	expect_no_leak();
}

static bool is_not_rxe0(void *context, const char *device)
{
	(void)context;
	return strcmp(device, "rxe0");
}

/* In exclusive mode sysfs may show the devices of another network namespace, which programs here cannot open. */
Test(inventory, skips_device_of_other_namespace, .init = tree_make, .fini = tree_remove)
{
	const struct inventory_netlink elsewhere = { .is_here = is_not_rxe0,
						     .driver_id = fake_driver_id,
						     .port_netdev = fake_port_netdev };
	struct rdma_inventory all = read_all(&fake), here = read_all(&elsewhere);

	cr_expect_eq(here.device_count, all.device_count - 1);
	for (size_t i = 0; i < here.device_count; i++)
		cr_expect_str_neq(here.devices[i].name, "rxe0");
	inventory_free(&all);
	inventory_free(&here);
	expect_no_leak();
}

static int silent_driver_id(void *context, const char *device, dev_t uverbs_rdev, uint32_t *out_driver_id)
{
	(void)context;
	(void)device;
	(void)uverbs_rdev;
	(void)out_driver_id;
	return -ENODATA;
}

/* If the kernel's answer lacks the id, the PCI device's driver identifies it. After any other failure it does not. */
Test(inventory, identifies_driver_by_pci_when_id_is_missing, .init = tree_make, .fini = tree_remove)
{
	const struct inventory_netlink silent = { .driver_id = silent_driver_id, .port_netdev = fake_port_netdev };
	static const struct {
		const char *target;
		bool known;
	} rows[] = { { "../../../bus/pci/drivers/hns3", true },
		     { "hns3", true },
		     { "../../../bus/pci/drivers/hns3/", false },
		     { "../../../bus/pci/drivers/nvme", false } };
	struct rdma_inventory inventory;
	char link[128];

	inventory = read_all(&silent);
	cr_expect_not(inventory.devices[0].driver_known, "without a PCI device");
	inventory_free(&inventory);
	put("class/infiniband/rxe0/device/vendor", "0x19e5\n");
	snprintf(link, sizeof(link), "%s/class/infiniband/rxe0/device/driver", sysfs);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(symlink(rows[i].target, link), 0);
		inventory = read_all(&silent);
		cr_expect_eq(inventory.devices[0].driver_known, rows[i].known, "%s", rows[i].target);
		cr_expect(!rows[i].known || inventory.devices[0].driver_id == 12, "%s", rows[i].target);
		inventory_free(&inventory);
		inventory = read_all(&failing);
		cr_expect_not(inventory.devices[0].driver_known, "%s", rows[i].target);
		inventory_free(&inventory);
		cr_assert_eq(unlink(link), 0);
	}
	expect_no_leak();
}

Test(inventory, reads_devices_without_uverbs_module, .init = tree_make, .fini = tree_remove)
{
	struct rdma_inventory inventory;
	char from[128], to[128];

	snprintf(from, sizeof(from), "%s/class/infiniband_verbs", sysfs);
	snprintf(to, sizeof(to), "%s/class/other", sysfs);
	cr_assert_eq(rename(from, to), 0);
	inventory = read_all(&generous);
	cr_assert_eq(inventory.device_count, 1);
	cr_expect_eq(inventory.devices[0].uverbs_rdev, 0);
	cr_expect_str_empty(inventory.devices[0].uverbs_name);
	cr_expect_not(inventory.devices[0].driver_known, "without the uverbs device the driver stays unknown");
	inventory_free(&inventory);
	expect_no_leak();
}
