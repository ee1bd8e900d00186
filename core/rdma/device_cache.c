// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "rdma/device_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rdma/inventory.h"
#include "util/array.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/text.h"

/* How long name, driver and ports of a device are valid without an event that changes them. */
enum { KEPT_MS = 1000 };

/* sysfs confirmed that this GID's netdev is the one in this namespace that has its index. */
struct confirmed {
	uint32_t port;
	uint8_t index;
	uint8_t raw[16];
	char netdev[IF_NAMESIZE];
};

struct device {
	dev_t rdev;
	struct rdma_inventory inventory; /* holds this one device */
	int64_t read_ms;
	uint64_t generation;
	struct confirmed *confirmed;
	size_t confirmed_count;
	UT_hash_handle hh;
};

struct device_cache {
	const struct netlink_transport *transport;
	struct device *table;
};

struct device_cache *device_cache_new(const struct netlink_transport *transport)
{
	struct device_cache *cache = calloc(1, sizeof(*cache));

	if (cache)
		cache->transport = transport;
	return cache;
}

static void device_forget(struct device_cache *cache, struct device *device)
{
	HASH_DEL(cache->table, device);
	inventory_free(&device->inventory);
	free(device->confirmed);
	free(device);
}

void device_cache_free(struct device_cache *cache)
{
	struct device *device, *next;

	HASH_ITER (hh, cache->table, device, next)
		device_forget(cache, device);
	free(cache);
}

static int device_read(struct device_cache *cache, dev_t rdev, struct device **out, char *error, size_t error_size)
{
	struct device *device = calloc(1, sizeof(*device));
	int err;

	if (!device)
		return -ENOMEM;
	err = inventory_read_stable("/sys", cache->transport, rdev, &device->inventory, error, error_size);
	if (err) {
		free(device);
		return err;
	}
	device->rdev = rdev;
	device->read_ms = clock_ms();
	HASH_ADD(hh, cache->table, rdev, sizeof(device->rdev), device);
	if (!device->hh.tbl) {
		inventory_free(&device->inventory);
		free(device);
		text_copy(error, error_size, "out of memory");
		return -ENOMEM;
	}
	*out = device;
	return 0;
}

static int device_find(struct device_cache *cache, dev_t rdev, uint64_t generation, struct device **out, char *error,
		       size_t error_size)
{
	struct device *device;
	int err;

	HASH_FIND(hh, cache->table, &rdev, sizeof(rdev), device);
	if (device && (device->generation != generation || clock_ms() - device->read_ms > KEPT_MS)) {
		device_forget(cache, device);
		device = NULL;
	}
	if (!device) {
		err = device_read(cache, rdev, &device, error, error_size);
		if (err)
			return err;
		device->generation = generation;
	}
	*out = device;
	return 0;
}

/* ---- GIDs ---- */

static struct confirmed confirmation(const struct rdma_port *port, const struct rdma_gid *gid)
{
	struct confirmed c = { .port = port->number, .index = gid->index };

	memcpy(c.raw, gid->raw, sizeof(c.raw));
	memcpy(c.netdev, gid->netdev, sizeof(c.netdev));
	return c;
}

static bool confirmed_equal(const struct confirmed *a, const struct confirmed *b)
{
	return a->port == b->port && a->index == b->index && !memcmp(a->raw, b->raw, sizeof(a->raw)) &&
	       !strcmp(a->netdev, b->netdev);
}

static bool is_confirmed(const struct device *device, const struct confirmed *c)
{
	for (size_t i = 0; i < device->confirmed_count; i++)
		if (confirmed_equal(&device->confirmed[i], c))
			return true;
	return false;
}

/* A GID that is not confirmed loses its netdev, and so becomes unknown. */
static void confirm_gids(struct device *device)
{
	struct rdma_device *rdma = &device->inventory.devices[0];

	for (size_t p = 0; p < rdma->port_count; p++)
		for (size_t g = 0; g < rdma->ports[p].gid_count; g++) {
			const struct rdma_gid *gid = &rdma->ports[p].gids[g];
			struct confirmed c = confirmation(&rdma->ports[p], gid);

			if (gid->netdev[0] && !is_confirmed(device, &c) &&
			    !inventory_confirm_gid("/sys", rdma, c.port, c.index) &&
			    array_append(&device->confirmed, &device->confirmed_count, &c, sizeof(c)))
				return; /* confirmed again at the next call */
		}
}

int device_cache_get(struct device_cache *cache, int uverbs_fd, const struct evidence *ev, uint64_t generation,
		     const struct rdma_device **out, char *error, size_t error_size)
{
	struct device *device;
	struct stat st;
	int err;

	if (fstat(uverbs_fd, &st) || !S_ISCHR(st.st_mode)) {
		text_copy(error, error_size, "not a character device");
		return -ENODEV;
	}
	err = device_find(cache, st.st_rdev, generation, &device, error, error_size);
	if (err)
		return err;
	err = inventory_gids_from_fd("/sys", &device->inventory.devices[0], uverbs_fd, ev);
	/* the kernel needs a context, and a program that is opening the device has none yet */
	if (err == -EINVAL)
		err = inventory_gids_from_sysfs("/sys", &device->inventory.devices[0]);
	if (err) {
		text_format(error, error_size, "the GIDs of %s cannot be read: %s", device->inventory.devices[0].name,
			    strerror(-err));
		device_forget(cache, device);
		return -ENODEV;
	}
	confirm_gids(device);
	*out = &device->inventory.devices[0];
	return 0;
}
