// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* GIDs from a uverbs fd, and their confirmation by sysfs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence/facts.h"
#include "rdma/inventory.h"
#include "rdma/inventory_internal.h"
#include "rdma/uverbs_call.h"
#include "util/text.h"

static const uint8_t zeros[16];

static bool is_unsupported(int err)
{
	return err == -EPROTONOSUPPORT || err == -EOPNOTSUPP || err == -ENOTTY;
}

static struct rdma_port *port_of(struct rdma_port *ports, size_t count, uint32_t number)
{
	for (size_t i = 0; i < count; i++)
		if (ports[i].number == number)
			return &ports[i];
	return NULL;
}

static struct rdma_gid gid_from_entry(const struct gid_entry *entry, enum port_link_layer link_layer,
				      const struct evidence *ev)
{
	const struct link_evidence *link = NULL;
	bool is_v1 = entry->type == GID_TYPE_IB || entry->type == GID_TYPE_ROCE_V1;
	struct rdma_gid gid = { .valid = true,
				.index = entry->index,
				.type = is_v1 ? gid_type_v1(link_layer) : entry->type };

	if (entry->netdev_ifindex && ev->links_state == EVIDENCE_READ)
		link = evidence_link(ev, entry->netdev_ifindex);
	memcpy(gid.raw, entry->raw, sizeof(gid.raw));
	if (link)
		text_copy(gid.netdev, sizeof(gid.netdev), link->name);
	return gid;
}

/* -ENODEV: a GID of a port that the device lacks: it is another device. */
static int ports_fill(struct rdma_port *ports, size_t port_count, const struct gid_entry *entries, size_t count,
		      const struct evidence *ev)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		struct rdma_port *port = port_of(ports, port_count, entries[i].port);
		struct rdma_gid gid;

		if (!port)
			return -ENODEV;
		if (!memcmp(entries[i].raw, zeros, sizeof(zeros)))
			continue;
		gid = gid_from_entry(&entries[i], port->link_layer, ev);
		err = inventory_gid_add(port, &gid);
	}
	return err;
}

static int gids_take(struct rdma_device *device, const struct gid_entry *entries, size_t count,
		     const struct evidence *ev)
{
	struct rdma_port *fresh = inventory_gids_begin(device);

	if (!fresh)
		return -ENOMEM;
	return inventory_gids_end(device, fresh, ports_fill(fresh, device->port_count, entries, count, ev));
}

int inventory_gids_from_fd(const char *sysfs, struct rdma_device *device, int fd, const struct evidence *ev)
{
	struct gid_entry *entries;
	size_t count;
	int err = -ENOMEM;

	/* the ioctl must name the driver */
	if (!device->driver_known)
		return inventory_gids_from_sysfs(sysfs, device);
	entries = calloc(UVERBS_GIDS_LISTED_MAX, sizeof(*entries));
	if (!entries)
		return err;
	err = uverbs_query_gids(fd, device->driver_id, entries, UVERBS_GIDS_LISTED_MAX, &count);
	if (!err)
		err = gids_take(device, entries, count, ev);
	free(entries);
	return is_unsupported(err) ? inventory_gids_from_sysfs(sysfs, device) : err;
}

/* ---- confirmation ---- */

static bool sysfs_agrees(int port_dir, enum port_link_layer link_layer, const struct rdma_gid *gid)
{
	struct rdma_gid other;

	return !inventory_gid_read(port_dir, link_layer, gid->index, &other) && other.valid &&
	       other.type == gid->type && !memcmp(other.raw, gid->raw, sizeof(gid->raw)) &&
	       !strcmp(other.netdev, gid->netdev);
}

static int gid_confirm(const char *sysfs, const struct rdma_device *device, const struct rdma_port *port,
		       struct rdma_gid *gid)
{
	int dir = inventory_device_open(sysfs, device);
	int port_dir = dir < 0 ? dir : inventory_port_open(dir, port->number);
	bool agrees = port_dir >= 0 && sysfs_agrees(port_dir, port->link_layer, gid);

	if (port_dir >= 0)
		close(port_dir);
	if (dir >= 0)
		close(dir);
	if (agrees)
		return 0;
	gid->netdev[0] = '\0';
	return -ESTALE;
}

int inventory_confirm_gid(const char *sysfs, struct rdma_device *device, uint32_t port_number, uint32_t index)
{
	struct rdma_port *port = port_of(device->ports, device->port_count, port_number);

	for (size_t i = 0; port && i < port->gid_count; i++)
		if (port->gids[i].valid && port->gids[i].index == index)
			return gid_confirm(sysfs, device, port, &port->gids[i]);
	return -ENOENT;
}
