// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The path of an id. Sources: librdmacm/cma.c (v44 to v64); drivers/infiniband/core/cma.c, cm.c.
 *
 * If there is a path record, the kernel's CM and the QP send to its GIDs (cm_init_av_by_path()). The active side has
 * one after rdma_resolve_route(3): for RoCE, cma_resolve_iboe_route() makes it from the two IP addresses. On the
 * passive side it comes from the request (cm_format_paths_from_req()), while route.addr has the IP addresses that the
 * remote claims in private data. So a path record is preferred to the addresses.
 *
 * Without a path record only the IP addresses are known: for iWARP, and for requests of RDMA_PS_UDP, whose answer goes
 * to the sender of the datagram, known to the kernel alone. An IP address has the same GID on every netdev
 * (rdma_ip2gid()); the engine handles addresses, such as link-local ones, that several netdevs have.
 *
 * AF_IB addresses are GIDs of InfiniBand, and the kernel resolves them on InfiniBand ports only (rdma_cap_af_ib()). The
 * engine gets them unchanged, and refuses ports that are not Ethernet.
 */
#include <errno.h>
#include <infiniband/ib.h>
#include <netinet/in.h>
#include <string.h>

#include "cm.h"

static void gid_of_ipv4(struct in_addr address, uint8_t gid[16])
{
	memset(gid, 0, 10);
	memset(gid + 10, 0xff, 2);
	memcpy(gid + 12, &address, 4);
}

/* `address` comes from the application and may be unaligned. */
static int gid_of(const struct sockaddr *address, uint8_t gid[16])
{
	struct sockaddr_in6 sin6;
	struct sockaddr_in sin;
	struct sockaddr_ib sib;

	switch (address->sa_family) {
	case AF_INET:
		memcpy(&sin, address, sizeof(sin));
		gid_of_ipv4(sin.sin_addr, gid);
		return 0;
	case AF_INET6:
		memcpy(&sin6, address, sizeof(sin6));
		memcpy(gid, &sin6.sin6_addr, 16);
		return 0;
	case AF_IB:
		memcpy(&sib, address, sizeof(sib));
		memcpy(gid, sib.sib_addr.sib_raw, 16);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

static bool has_path_record(const struct rdma_cm_id *id)
{
	return id->route.num_paths > 0 && id->route.path_rec;
}

bool cm_route_is_known(const struct rdma_cm_id *id)
{
	return id->verbs && has_path_record(id);
}

static int start(const struct rdma_cm_id *id, struct request *out)
{
	*out = (struct request){ .qp_type = id->qp_type, .address = { .is_global = true, .port = id->port_num } };
	return id->verbs ? 0 : -EINVAL;
}

int cm_path_of_id(const struct rdma_cm_id *id, struct request *out)
{
	int err = start(id, out);

	if (err)
		return err;
	if (has_path_record(id)) {
		memcpy(out->address.dgid, id->route.path_rec[0].dgid.raw, 16);
		memcpy(out->sgid, id->route.path_rec[0].sgid.raw, 16);
		return 0;
	}
	err = gid_of(&id->route.addr.dst_addr, out->address.dgid);
	return err ? err : gid_of(&id->route.addr.src_addr, out->sgid);
}

/* The GID of an IPv4 group is, for RoCE v2, that of any IPv4 address (cma_iboe_set_mgid()). */
int cm_path_of_group(const struct rdma_cm_id *id, const struct sockaddr *group, struct request *out)
{
	int err = start(id, out);

	if (!err)
		err = gid_of(group, out->address.dgid);
	return err ? err : gid_of(&id->route.addr.src_addr, out->sgid);
}
