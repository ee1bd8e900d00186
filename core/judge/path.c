// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "judge/path.h"

#include <arpa/inet.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <string.h>

#include "judge/path_internal.h"
#include "judge/traits.h"
#include "util/address.h"
#include "util/text.h"

static const uint8_t zeros[16];

static bool check_scope(struct path *out)
{
	return out->scope != REMOTE_UNKNOWN || path_stop(out, PATH_UNKNOWN, REASON_REMOTE_UNKNOWN);
}

static bool check_port(struct path_search *search, uint32_t number)
{
	struct path *out = search->out;

	search->port = device_port(search->device, number);
	if (!search->port)
		return path_stop(out, PATH_UNKNOWN, REASON_PORT_UNKNOWN);
	if (search->port->link_layer == LINK_LAYER_INFINIBAND)
		return path_stop(out, PATH_CLEAR, REASON_PORT_INFINIBAND);
	if (search->port->link_layer != LINK_LAYER_ETHERNET)
		return path_stop(out, PATH_UNKNOWN, REASON_LINK_LAYER_UNKNOWN);
	return true;
}

static bool check_driver(struct path_search *search)
{
	const struct rdma_device *device = search->device;
	struct path *out = search->out;

	if (!device->driver_known)
		return path_stop(out, PATH_UNKNOWN, REASON_DRIVER_UNTOLD);
	switch (out->driver->egress) {
	case EGRESS_HOST_STACK:
	case EGRESS_NIC_MACSEC_IPSEC:
		return true;
	case EGRESS_NIC_CLEAR:
		return path_stop(out, PATH_CLEAR, REASON_DRIVER_CLEAR);
	default:
		if (device->driver_id != RDMA_DRIVER_UNKNOWN && out->driver->driver_id == device->driver_id)
			return path_stop(out, PATH_UNKNOWN, REASON_DRIVER_NO_ROCE);
		out->why.number = device->driver_id;
		return path_stop(out, PATH_UNKNOWN, REASON_DRIVER_UNLISTED);
	}
}

static bool check_gid(struct path_search *search)
{
	struct path *out = search->out;
	const struct rdma_gid *gid = port_gid(search->port, out->sgid_index);

	search->gid = gid;
	if (!gid)
		return path_stop(out, PATH_UNKNOWN, REASON_GID_EMPTY);
	text_copy(out->netdev, sizeof(out->netdev), gid->netdev);
	/* v1 is Ethernet type 0x8915 (IB specification, annex A16): no IP packet, no policy of any kind sees it. */
	if (gid->type == GID_TYPE_ROCE_V1)
		return path_stop(out, PATH_UNKNOWN, REASON_GID_ROCE_V1);
	if (gid->type != GID_TYPE_ROCE_V2 || !memcmp(gid->raw, zeros, sizeof(zeros)))
		return path_stop(out, PATH_UNKNOWN, REASON_GID_TYPE_UNKNOWN);
	if (!gid->netdev[0])
		return path_stop(out, PATH_UNKNOWN, REASON_GID_NO_NETDEV);
	out->family = gid_address(gid->raw, &out->local);
	return true;
}

static bool check_netdev(struct path_search *search)
{
	const struct evidence *ev = search->ev;
	struct path *out = search->out;

	if (ev->links_state != EVIDENCE_READ) {
		text_copy(out->why.detail, sizeof(out->why.detail), ev->links_error);
		return path_stop(out, PATH_UNKNOWN, REASON_LINKS_UNREADABLE);
	}
	if (!search->port->netdev_ifindex || !evidence_link(ev, search->port->netdev_ifindex))
		return path_stop(out, PATH_UNKNOWN, REASON_PORT_NETDEV_ELSEWHERE);
	search->netdev = evidence_link_by_name(ev, out->netdev);
	if (!search->netdev)
		return path_stop(out, PATH_UNKNOWN, REASON_GID_NETDEV_ELSEWHERE);
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
		return path_stop(out, PATH_UNKNOWN, REASON_REMOTE_EMPTY);
	/* rxe would read one family as the other (rxe_av_fill_ip_info() in rxe_av.c) and send to a wrong address */
	if (family != out->family)
		return path_stop(out, PATH_UNKNOWN, REASON_REMOTE_FAMILY);
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
