// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* GIDs from sysfs. Sources: drivers/infiniband/core/sysfs.c, cache.c (the names of GID types). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rdma/inventory.h"
#include "rdma/inventory_internal.h"
#include "util/array.h"
#include "util/text.h"

enum { GID_TRIES = 3 };

/* ---- one GID ---- */

/* Only the kernel's own form, %pI6: inet_pton(3) takes others too, so the address is printed again and compared. */
static int gid_parse(const char *text, uint8_t raw[static 16])
{
	char again[SYSFS_VALUE_MAX] = "";
	uint8_t parsed[16];

	if (inet_pton(AF_INET6, text, parsed) != 1)
		return -EPROTO;
	for (size_t i = 0; i < sizeof(parsed); i++)
		text_append(again, sizeof(again), "%02x%s", parsed[i], i % 2 && i < 15 ? ":" : "");
	if (strcmp(again, text))
		return -EPROTO;
	memcpy(raw, parsed, sizeof(parsed));
	return 0;
}

enum gid_type gid_type_v1(enum port_link_layer link_layer)
{
	if (link_layer == LINK_LAYER_ETHERNET)
		return GID_TYPE_ROCE_V1;
	return link_layer == LINK_LAYER_INFINIBAND ? GID_TYPE_IB : GID_TYPE_UNKNOWN;
}

static enum gid_type gid_type_parse(const char *text, enum port_link_layer link_layer)
{
	if (!strcmp(text, "RoCE v2"))
		return GID_TYPE_ROCE_V2;
	return strcmp(text, "IB/RoCE v1") ? GID_TYPE_UNKNOWN : gid_type_v1(link_layer);
}

static int gid_value(int port, const char *table, uint32_t index, char value[static SYSFS_VALUE_MAX])
{
	char path[64];

	text_format(path, sizeof(path), "%s/%u", table, index);
	return sysfs_value(port, path, value);
}

/* Facts that cannot be read stay GID_TYPE_UNKNOWN and "". */
static void gid_read_attributes(int port, enum port_link_layer link_layer, struct rdma_gid *gid)
{
	char value[SYSFS_VALUE_MAX];

	if (!gid_value(port, "gid_attrs/types", gid->index, value))
		gid->type = gid_type_parse(value, link_layer);
	if (!gid_value(port, "gid_attrs/ndevs", gid->index, value) && strlen(value) < sizeof(gid->netdev))
		text_copy(gid->netdev, sizeof(gid->netdev), value);
}

/* An empty entry prints zeros (show_port_gid() in sysfs.c). */
int inventory_gid_read(int port, enum port_link_layer link_layer, uint32_t index, struct rdma_gid *out)
{
	static const uint8_t zeros[16];
	char before[SYSFS_VALUE_MAX], after[SYSFS_VALUE_MAX];
	struct rdma_gid gid = { 0 };

	/* Three files, read one after another: they belong to one entry only if the GID is the same before and after.
	 */
	for (int i = 0; i < GID_TRIES; i++) {
		int err = gid_value(port, "gids", index, before);

		if (err == -ENOENT || err == -ENODEV)
			return err;
		gid = (struct rdma_gid){ .valid = true, .index = (uint8_t)index, .type = GID_TYPE_UNKNOWN };
		if (err || gid_parse(before, gid.raw))
			break;
		gid.valid = memcmp(gid.raw, zeros, sizeof(zeros)) != 0;
		if (!gid.valid)
			break;
		gid_read_attributes(port, link_layer, &gid);
		if (!gid_value(port, "gids", index, after) && !strcmp(before, after))
			break;
		gid.type = GID_TYPE_UNKNOWN;
		gid.netdev[0] = '\0';
	}
	*out = gid;
	return 0;
}

/* ---- all of them ---- */

int inventory_gid_add(struct rdma_port *port, const struct rdma_gid *gid)
{
	return array_append(&port->gids, &port->gid_count, gid, sizeof(*gid));
}

struct rdma_port *inventory_gids_begin(const struct rdma_device *device)
{
	struct rdma_port *fresh = calloc(device->port_count + 1, sizeof(*fresh));

	for (size_t i = 0; fresh && i < device->port_count; i++) {
		fresh[i] = device->ports[i];
		fresh[i].gids = NULL;
		fresh[i].gid_count = 0;
	}
	return fresh;
}

int inventory_gids_end(struct rdma_device *device, struct rdma_port *fresh, int err)
{
	for (size_t i = 0; i < device->port_count; i++) {
		struct rdma_gid *unused = err ? fresh[i].gids : device->ports[i].gids;

		if (!err) {
			device->ports[i].gids = fresh[i].gids;
			device->ports[i].gid_count = fresh[i].gid_count;
		}
		free(unused);
	}
	free(fresh);
	return err;
}

static int port_read_gids(int dir, struct rdma_port *port)
{
	for (uint32_t index = 0; index < RDMA_GIDS_MAX; index++) {
		struct rdma_gid gid;
		int err = inventory_gid_read(dir, port->link_layer, index, &gid);

		if (err == -ENOENT)
			return 0;
		if (!err && gid.valid)
			err = inventory_gid_add(port, &gid);
		if (err)
			return err;
	}
	return 0;
}

int inventory_port_open(int dir, uint32_t number)
{
	char path[32];
	int port;

	text_format(path, sizeof(path), "ports/%u", number);
	port = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return port < 0 ? -errno : port;
}

int inventory_read_gids(int dir, struct rdma_device *device)
{
	struct rdma_port *fresh = inventory_gids_begin(device);
	int err = fresh ? 0 : -ENOMEM;

	if (!fresh)
		return err;
	for (size_t i = 0; !err && i < device->port_count; i++) {
		int port = inventory_port_open(dir, fresh[i].number);

		err = port < 0 ? port : port_read_gids(port, &fresh[i]);
		if (port >= 0)
			close(port);
	}
	return inventory_gids_end(device, fresh, err);
}

int inventory_device_open(const char *sysfs, const struct rdma_device *device)
{
	char path[256];
	int dir;

	text_format(path, sizeof(path), "%s/class/infiniband/%s", sysfs, device->name);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : dir;
}

int inventory_gids_from_sysfs(const char *sysfs, struct rdma_device *device)
{
	int dir = inventory_device_open(sysfs, device);
	int err;

	if (dir < 0)
		return dir;
	err = inventory_read_gids(dir, device);
	/* a GID table that ends early may be that of a device being removed */
	if (!err && faccessat(dir, "ports", F_OK, 0))
		err = -ENODEV;
	close(dir);
	return err;
}
