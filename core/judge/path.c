// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "judge/path.h"

#include <arpa/inet.h>
#include <string.h>

#include "judge/path_internal.h"
#include "judge/traits.h"
#include "util/address.h"
#include "util/text.h"

static const uint8_t zeros[16];

static bool check_scope(struct path *out)
{
	return out->scope != REMOTE_UNKNOWN ||
	       path_stop(out, PATH_UNKNOWN, REASON_REMOTE_UNKNOWN, "the remote of the path is not known");
}

static bool check_port(struct path_search *search, uint32_t number)
{
	struct path *out = search->out;

	search->port = device_port(search->device, number);
	if (!search->port)
		return path_stop(out, PATH_UNKNOWN, REASON_PORT_UNKNOWN, "%s has no port %u", out->device, number);
	if (search->port->link_layer == LINK_LAYER_INFINIBAND)
		return path_stop(out, PATH_CLEAR, REASON_PORT_INFINIBAND,
				 "port %u of %s is InfiniBand: it has neither MACsec nor IPsec", number, out->device);
	if (search->port->link_layer != LINK_LAYER_ETHERNET)
		return path_stop(out, PATH_UNKNOWN, REASON_LINK_LAYER_UNKNOWN,
				 "the link layer of %s port %u is not known", out->device, number);
	return true;
}

static bool check_driver(struct path_search *search)
{
	const struct rdma_device *device = search->device;
	struct path *out = search->out;

	if (!device->driver_known)
		return path_stop(out, PATH_UNKNOWN, REASON_DRIVER_UNKNOWN,
				 "the kernel does not say which driver %s has", out->device);
	switch (out->driver->egress) {
	case EGRESS_HOST_STACK:
	case EGRESS_NIC_MACSEC_IPSEC:
		return true;
	case EGRESS_NIC_CLEAR:
		return path_stop(out, PATH_CLEAR, REASON_DRIVER_CLEAR,
				 "driver %s of %s sends as it is told and has no MACsec or IPsec", out->driver->name,
				 out->device);
	default:
		if (out->driver->driver_id == device->driver_id)
			return path_stop(out, PATH_UNKNOWN, REASON_DRIVER_NO_ROCE,
					 "driver %s of %s does not send RoCE: it cannot be judged", out->driver->name,
					 out->device);
		return path_stop(out, PATH_UNKNOWN, REASON_DRIVER_UNKNOWN,
				 "%s has a driver that rdmasec does not know (id %u)", out->device, device->driver_id);
	}
}

static bool check_gid(struct path_search *search)
{
	struct path *out = search->out;
	const struct rdma_gid *gid = port_gid(search->port, out->sgid_index);

	search->gid = gid;
	if (!gid)
		return path_stop(out, PATH_UNKNOWN, REASON_GID_EMPTY, "GID %u of %s port %u is empty", out->sgid_index,
				 out->device, out->port);
	text_copy(out->netdev, sizeof(out->netdev), gid->netdev);
	/* v1 is Ethernet type 0x8915 (IB specification, annex A16): no IP packet, no policy of any kind sees it. */
	if (gid->type == GID_TYPE_ROCE_V1)
		return path_stop(out, PATH_UNKNOWN, REASON_GID_ROCE_V1,
				 "GID %u of %s port %u is a RoCE v1 GID: use one of RoCE v2", out->sgid_index,
				 out->device, out->port);
	if (gid->type != GID_TYPE_ROCE_V2 || !memcmp(gid->raw, zeros, sizeof(zeros)))
		return path_stop(out, PATH_UNKNOWN, REASON_GID_TYPE_UNKNOWN,
				 "GID %u of %s port %u is of a type that is not understood", out->sgid_index,
				 out->device, out->port);
	if (!gid->netdev[0])
		return path_stop(out, PATH_UNKNOWN, REASON_GID_NO_NETDEV,
				 "GID %u of %s port %u has no netdev in this network namespace", out->sgid_index,
				 out->device, out->port);
	out->family = gid_address(gid->raw, &out->local);
	return true;
}

static bool check_netdev(struct path_search *search)
{
	const struct evidence *ev = search->ev;
	struct path *out = search->out;

	if (ev->links_state != EVIDENCE_READ)
		return path_stop(out, PATH_UNKNOWN, REASON_LINKS_UNREADABLE, "the network links could not be read%s%s",
				 ev->links_error[0] ? ": " : "", ev->links_error);
	if (!search->port->netdev_ifindex || !evidence_link(ev, search->port->netdev_ifindex))
		return path_stop(out, PATH_UNKNOWN, REASON_PORT_NETDEV_ELSEWHERE,
				 "the netdev of %s port %u is not in this network namespace", out->device, out->port);
	search->netdev = evidence_link_by_name(ev, out->netdev);
	if (!search->netdev)
		return path_stop(out, PATH_UNKNOWN, REASON_GID_NETDEV_ELSEWHERE,
				 "%s, the netdev of GID %u, is not in this network namespace", out->netdev,
				 out->sgid_index);
	out->gid_ifindex = search->netdev->ifindex;
	return path_check_stack(search);
}

static bool check_remote(struct path_search *search, const uint8_t *remote)
{
	struct path *out = search->out;
	union ip_address address;
	int family;

	if (out->scope != REMOTE_ONE)
		return true;
	family = remote ? gid_address(remote, &address) : AF_UNSPEC;
	if (family == AF_UNSPEC || address_is_zero(family, &address))
		return path_stop(out, PATH_UNKNOWN, REASON_REMOTE_EMPTY, "the remote address is empty");
	/* rxe would read one family as the other (rxe_av_fill_ip_info() in rxe_av.c) and send to a wrong address */
	if (family != out->family)
		return path_stop(out, PATH_UNKNOWN, REASON_REMOTE_FAMILY,
				 "GID %u is IPv%d and the remote address is not", out->sgid_index,
				 out->family == AF_INET ? 4 : 6);
	out->remote = address;
	if (gid_is_loopback(search->port, search->gid, remote)) {
		out->state = PATH_LOOPBACK;
		return false;
	}
	return true;
}

void path_resolve(const struct rdma_device *device, uint32_t port, uint32_t sgid_index, enum remote_scope scope,
		  const uint8_t remote[16], const struct evidence *ev, path_route_get_fn route_get, void *route_context,
		  struct path *out)
{
	struct path_search search = {
		.device = device, .ev = ev, .route_get = route_get, .route_context = route_context, .out = out
	};

	*out = (struct path){
		.state = PATH_UNKNOWN,
		.port = port,
		.sgid_index = sgid_index,
		.scope = scope,
		.driver = driver_traits(device->driver_known ? device->driver_id : 0),
	};
	text_copy(out->device, sizeof(out->device), device->name);
	if (check_scope(out) && check_port(&search, port) && check_driver(&search) && check_gid(&search) &&
	    check_netdev(&search) && check_remote(&search, remote) && path_find_egress(&search))
		out->state = PATH_RESOLVED;
}
