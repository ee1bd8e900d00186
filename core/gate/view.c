// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "gate/view.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gate/gate.h"
#include "gate/plan.h"
#include "rdma/device.h"
#include "util/array.h"
#include "util/text.h"

static int add_netdevs(struct gate_view *view, const struct rdma_port *port)
{
	int err = 0;

	if (port->netdev_ifindex)
		err = array_append(&view->under, &view->under_count, &port->netdev_ifindex, sizeof(int));
	for (size_t i = 0; i < port->gid_count && !err; i++) {
		const struct link_evidence *link = evidence_link_by_name(&view->evidence, port->gids[i].netdev);

		if (link)
			err = array_append(&view->under, &view->under_count, &link->ifindex, sizeof(int));
	}
	return err;
}

static int add_devices(struct gate_view *view, const struct rdma_inventory *inventory)
{
	int err = 0;

	for (size_t i = 0; i < inventory->device_count && !err; i++) {
		const struct rdma_device *device = &inventory->devices[i];

		if (device->driver_known && driver_traits(device->driver_id)->egress != EGRESS_HOST_STACK)
			continue;
		for (size_t j = 0; j < device->port_count && !err; j++)
			err = add_netdevs(view, &device->ports[j]);
	}
	return err;
}

/* Asked first: a socket of RDMA netlink loads ib_core, or keeps it from being unloaded. */
static bool has_rdma_devices(void)
{
	DIR *dir = opendir("/sys/class/infiniband");
	const struct dirent *entry;
	bool found = false;

	if (!dir)
		return errno != ENOENT;
	while (!found && (entry = readdir(dir)))
		found = entry->d_name[0] != '.';
	closedir(dir);
	return found;
}

int gate_view_add_devices(struct gate_view *view, char *error, size_t error_size)
{
	struct rdma_inventory inventory;
	char why[192] = "";
	int err;

	if (!has_rdma_devices()) /* one can come later */
		return 0;
	err = inventory_read("/sys", &inventory, why, sizeof(why));
	if (err == -ENODEV)
		return 0;
	if (!err) {
		err = add_devices(view, &inventory);
		inventory_free(&inventory);
	}
	if (err)
		text_format(error, error_size, "cannot list RDMA devices: %s", why[0] ? why : strerror(-err));
	return err;
}

int gate_view_read_links(struct gate_view *out, char *error, size_t error_size)
{
	*out = (struct gate_view){ .under = NULL };
	evidence_read_links_only(&out->evidence);
	if (out->evidence.links_state == EVIDENCE_READ)
		return 0;
	text_format(error, error_size, "cannot list network devices: %s", out->evidence.links_error);
	gate_view_free(out);
	return -EIO;
}

int gate_view_read(struct gate_view *out, char *error, size_t error_size)
{
	int err = gate_view_read_links(out, error, error_size);

	if (err)
		return err;
	err = gate_view_add_devices(out, error, error_size);
	if (err)
		gate_view_free(out);
	return err;
}

void gate_view_free(struct gate_view *view)
{
	evidence_free(&view->evidence);
	free(view->under);
	*view = (struct gate_view){ .under = NULL };
}

bool gate_view_needs(const struct gate_view *view, const struct link_evidence *link)
{
	return gate_is_needed(&view->evidence, link, view->under, view->under_count);
}

int gate_add_tunnels(struct gate *gate, const struct gate_view *view, char *error, size_t error_size)
{
	/* drivers/net/vxlan/vxlan_core.c (vxlan_port; IANA's, and Linux' own), drivers/net/geneve.c (GENEVE_UDP_PORT)
	 */
	static const struct {
		uint16_t port;
		enum gate_port_kind kind;
	} ports[] = { { 4789, GATE_PORT_VXLAN }, { 8472, GATE_PORT_VXLAN }, { 6081, GATE_PORT_GENEVE } };
	int err = 0;

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]) && !err; i++)
		err = gate_add_port(gate, ports[i].port, ports[i].kind, error, error_size);
	for (size_t i = 0; i < view->evidence.link_count && !err; i++) {
		uint16_t port = view->evidence.links[i].tunnel_port;

		if (port)
			err = gate_add_port(gate, port, GATE_PORT_VXLAN, error, error_size);
	}
	return err;
}
