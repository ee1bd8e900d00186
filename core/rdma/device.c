// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "rdma/device.h"

#include <string.h>

static const uint8_t zeros[16];

const struct rdma_port *device_port(const struct rdma_device *device, uint32_t number)
{
	for (size_t i = 0; i < device->port_count; i++)
		if (device->ports[i].number == number)
			return &device->ports[i];
	return NULL;
}

const struct rdma_gid *port_gid(const struct rdma_port *port, uint32_t index)
{
	for (size_t i = 0; i < port->gid_count; i++)
		if (port->gids[i].valid && port->gids[i].index == index)
			return &port->gids[i];
	return NULL;
}

bool gid_is_loopback(const struct rdma_port *port, const struct rdma_gid *from, const uint8_t remote[16])
{
	if (!from->netdev[0] || !memcmp(remote, zeros, sizeof(zeros)))
		return false;
	for (size_t i = 0; i < port->gid_count; i++) {
		const struct rdma_gid *gid = &port->gids[i];

		if (gid->valid && gid->type == from->type && !strcmp(gid->netdev, from->netdev) &&
		    !memcmp(gid->raw, remote, sizeof(gid->raw)))
			return true;
	}
	return false;
}
