// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Sources: drivers/infiniband/core/device.c (class infiniband), uverbs_main.c (class infiniband_verbs). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "rdma/inventory.h"
#include "rdma/inventory_internal.h"
#include "util/array.h"
#include "util/text.h"

struct uverbs {
	char name[sizeof(((struct rdma_device *)0)->uverbs_name)];
	char device[RDMA_DEVICE_NAME_MAX];
	dev_t rdev;
};

struct uverbs_list {
	struct uverbs *entries;
	size_t count;
};

static int dir_open(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool is_gone(int err)
{
	return err == -ENOENT || err == -ENODEV;
}

/* ---- uverbs character devices ---- */

/* "231:192" */
static int rdev_parse(const char *text, dev_t *out)
{
	uint32_t major_number, minor_number;
	const char *end;

	/* twelve and twenty bits: include/linux/kdev_t.h */
	if (sysfs_number(text, 0xfff, &end, &major_number) || *end != ':' ||
	    sysfs_number(end + 1, 0xfffff, &end, &minor_number) || *end)
		return -EPROTO;
	*out = makedev(major_number, minor_number);
	return 0;
}

/* Skips abi_version, which is no device, and a device that is being removed, which has no `ibdev` any more. */
static int uverbs_read(int class_dir, const char *name, struct uverbs *out)
{
	char value[SYSFS_VALUE_MAX];
	int dir = dir_open(class_dir, name);
	int err;

	if (dir < 0)
		return dir;
	err = sysfs_value(dir, "ibdev", value);
	if (!err && (strlen(value) >= sizeof(out->device) || strlen(name) >= sizeof(out->name)))
		err = -EPROTO;
	if (!err)
		text_copy(out->device, sizeof(out->device), value);
	if (!err)
		err = sysfs_value(dir, "dev", value);
	if (!err)
		err = rdev_parse(value, &out->rdev);
	close(dir);
	text_copy(out->name, sizeof(out->name), name);
	return err;
}

static int uverbs_list_fill(int class_dir, struct dirent *const *names, int count, struct uverbs_list *out)
{
	struct uverbs_list list = { .entries = calloc((size_t)count + 1, sizeof(*list.entries)) };

	if (!list.entries)
		return -ENOMEM;
	for (int i = 0; i < count; i++)
		if (!uverbs_read(class_dir, names[i]->d_name, &list.entries[list.count]))
			list.count++;
	*out = list;
	return 0;
}

/* Without the module ib_uverbs the class does not exist, and the list is empty. */
static int uverbs_list_read(int sysfs, struct uverbs_list *out)
{
	struct dirent **names;
	int class_dir = dir_open(sysfs, "class/infiniband_verbs");
	int count, err;

	if (class_dir == -ENOENT) {
		*out = (struct uverbs_list){ 0 };
		return 0;
	}
	if (class_dir < 0)
		return class_dir;
	count = scandirat(class_dir, ".", &names, sysfs_is_visible, versionsort);
	err = count < 0 ? -errno : uverbs_list_fill(class_dir, names, count, out);
	if (count >= 0)
		sysfs_names_free(names, count);
	close(class_dir);
	return err;
}

static void device_set_uverbs(struct rdma_device *device, const struct uverbs_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct uverbs *uverbs = &list->entries[i];

		if (strcmp(uverbs->device, device->name))
			continue;
		device->uverbs_rdev = uverbs->rdev;
		text_copy(device->uverbs_name, sizeof(device->uverbs_name), uverbs->name);
	}
}

int inventory_find_uverbs(const char *sysfs, const char *name, dev_t *out)
{
	struct rdma_device device = { 0 };
	struct uverbs_list list;
	int dir = dir_open(AT_FDCWD, sysfs), err;

	if (dir < 0)
		return dir;
	err = uverbs_list_read(dir, &list);
	close(dir);
	if (err)
		return err;
	text_copy(device.name, sizeof(device.name), name);
	device_set_uverbs(&device, &list);
	free(list.entries);
	if (!device.uverbs_rdev)
		return -ENOENT;
	*out = device.uverbs_rdev;
	return 0;
}

/* ---- devices ---- */

static void device_free(struct rdma_device *device)
{
	for (size_t i = 0; i < device->port_count; i++)
		free(device->ports[i].gids);
	free(device->ports);
}

/* hns and mthca report no id (uverbs_no_driver_id_binding in include/rdma/ib_verbs.h). */
static bool driver_by_sysfs(int class_dir, struct rdma_device *device)
{
	char path[RDMA_DEVICE_NAME_MAX + sizeof("/device/driver")], target[PATH_MAX];
	const char *name;
	ssize_t len;

	text_format(path, sizeof(path), "%s/device/driver", device->name);
	len = readlinkat(class_dir, path, target, sizeof(target) - 1);
	if (len <= 0)
		return false;
	target[len] = '\0';
	name = strrchr(target, '/');
	return driver_of_pci_driver(name ? name + 1 : target, &device->driver_id);
}

static void device_ask(const struct inventory_netlink *netlink, int class_dir, struct rdma_device *device)
{
	int err = device->uverbs_rdev
			  ? netlink->driver_id(netlink->context, device->name, device->uverbs_rdev, &device->driver_id)
			  : -ENODEV;

	/* the answer was of the device with this node, or that it has no id */
	device->index_known = (!err || err == -ENODATA) && netlink->index &&
			      !netlink->index(netlink->context, device->name, &device->index);
	device->driver_known = !err || (err == -ENODATA && driver_by_sysfs(class_dir, device));
	for (size_t i = 0; i < device->port_count; i++) {
		struct rdma_port *port = &device->ports[i];

		if (netlink->port_netdev(netlink->context, device->name, port->number, &port->netdev_ifindex))
			port->netdev_ifindex = 0;
	}
}

/* -ENODEV: it was removed while it was read. */
static int device_read(int class_dir, bool with_gids, struct rdma_device *device)
{
	int dir = dir_open(class_dir, device->name);
	int err;

	if (dir < 0)
		return is_gone(dir) ? -ENODEV : dir;
	err = inventory_read_ports(dir, device);
	if (!err && with_gids)
		err = inventory_read_gids(dir, device);
	close(dir);
	/* a GID table that ends early may be that of a device being removed */
	if (is_gone(err) || (!err && faccessat(class_dir, device->name, F_OK, 0)))
		return -ENODEV;
	return err;
}

static int inventory_add(struct rdma_inventory *inventory, const struct rdma_device *device)
{
	return array_append(&inventory->devices, &inventory->device_count, device, sizeof(*device));
}

/* ---- the whole ---- */

struct reading {
	int class_dir;
	dev_t only; /* 0: all */
	bool with_gids;
	struct uverbs_list uverbs;
	const struct inventory_netlink *netlink; /* NULL: not available */
};

static bool is_here(const struct inventory_netlink *netlink, const char *name)
{
	return !netlink || !netlink->is_here || netlink->is_here(netlink->context, name);
}

static int read_device(const struct reading *reading, const char *name, struct rdma_inventory *inventory)
{
	struct rdma_device device = { 0 };
	int err;

	if (strlen(name) >= sizeof(device.name))
		return 0;
	text_copy(device.name, sizeof(device.name), name);
	device_set_uverbs(&device, &reading->uverbs);
	if (reading->only && reading->only != device.uverbs_rdev)
		return 0;
	if (!reading->only && !is_here(reading->netlink, name))
		return 0;
	err = device_read(reading->class_dir, reading->with_gids, &device);
	if (!err && reading->netlink)
		device_ask(reading->netlink, reading->class_dir, &device);
	if (!err)
		err = inventory_add(inventory, &device);
	if (err)
		device_free(&device);
	return err == -ENODEV ? 0 : err;
}

static int read_devices(const struct reading *reading, struct rdma_inventory *inventory)
{
	struct dirent **names;
	int count = scandirat(reading->class_dir, ".", &names, sysfs_is_visible, versionsort);
	int err = 0;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count && !err; i++)
		err = read_device(reading, names[i]->d_name, inventory);
	sysfs_names_free(names, count);
	return err;
}

static int read_sysfs(int sysfs, struct reading *reading, struct rdma_inventory *inventory)
{
	int err = uverbs_list_read(sysfs, &reading->uverbs);

	if (err)
		return err;
	reading->class_dir = dir_open(sysfs, "class/infiniband");
	err = reading->class_dir;
	if (err >= 0) {
		err = read_devices(reading, inventory);
		close(reading->class_dir);
	}
	free(reading->uverbs.entries);
	return err == -ENOENT ? -ENODEV : err;
}

static int read_all(const char *sysfs, struct reading *reading, struct rdma_inventory *out, char *error,
		    size_t error_size)
{
	struct rdma_inventory inventory = { 0 };
	dev_t only = reading->only;
	int dir = dir_open(AT_FDCWD, sysfs);
	int err = dir < 0 ? dir : read_sysfs(dir, reading, &inventory);

	if (dir >= 0)
		close(dir);
	if (!err && only && !inventory.device_count) {
		text_format(error, error_size, "no RDMA device has the character device %u:%u", major(only),
			    minor(only));
		return -ENODEV;
	}
	if (err) {
		inventory_free(&inventory);
		if (err == -ENODEV)
			text_format(error, error_size, "%s/class/infiniband is not there: no RDMA", sysfs);
		else
			text_format(error, error_size, "cannot read %s/class/infiniband: %s", sysfs, strerror(-err));
		return err;
	}
	*out = inventory;
	return 0;
}

int inventory_read_with(const char *sysfs, dev_t only, const struct inventory_netlink *netlink,
			struct rdma_inventory *out, char *error, size_t error_size)
{
	struct reading reading = { .only = only, .with_gids = !only, .netlink = netlink };

	return read_all(sysfs, &reading, out, error, error_size);
}

void inventory_free(struct rdma_inventory *inventory)
{
	for (size_t i = 0; i < inventory->device_count; i++)
		device_free(&inventory->devices[i]);
	free(inventory->devices);
	*inventory = (struct rdma_inventory){ 0 };
}
