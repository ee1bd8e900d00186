/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A path: from device, port, GID index and remote address to the netdev by which the driver really sends.
 */
#ifndef RDMASEC_JUDGE_PATH_H
#define RDMASEC_JUDGE_PATH_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "evidence/facts.h"
#include "judge/why.h"
#include "rdma/device.h"

/* The remotes that the question concerns. */
enum remote_scope {
	REMOTE_UNKNOWN = 0, /* not given: nothing is protected */
	REMOTE_ONE,         /* this remote */
	REMOTE_EVERY,       /* any remote, chosen at post time: all must be protected */
	REMOTE_SOME,        /* not known yet: whether some remote could be protected */
};

enum path_state {
	PATH_UNKNOWN = 0, /* a part of the way is not understood; `why` names it */
	PATH_RESOLVED,
	PATH_LOOPBACK, /* stays inside the port */
	PATH_CLEAR,    /* understood, and nothing on it can protect; `why` says why */
};

struct path {
	enum path_state state;
	struct why why; /* with PATH_UNKNOWN and PATH_CLEAR */
	char device[RDMA_DEVICE_NAME_MAX];
	uint32_t port;
	uint32_t sgid_index;
	const struct driver_traits *driver;
	enum remote_scope scope;
	int family;                     /* AF_INET for IPv4-mapped GIDs */
	union ip_address local, remote; /* remote: REMOTE_ONE only */
	int gid_ifindex;                /* the GID's netdev */
	char netdev[IF_NAMESIZE];       /* its name, "" if there is none */
	int egress_ifindex;             /* the netdev by which it leaves, which must protect */
	char egress[IF_NAMESIZE];
	bool stacked;   /* other netdevs below the egress decide whether it protects */
	bool tunnelled; /* the egress is a VXLAN netdev, which sends packets of its own */
	bool has_sport; /* the UDP source port is known, and the SA must serve this QP alone */
	uint16_t sport;
	/* REMOTE_EVERY over IPv6: the first route by which some remote leaves elsewhere, 0: none. There may be more. */
	int stray_ifindex;
	char stray[IF_NAMESIZE];
	char stray_route[64]; /* "2001:db8::/32" */
};

/*
 * Resolves a path. Never fails: an unknown fact gives PATH_UNKNOWN with `why`. `remote` is a GID, used with
 * REMOTE_ONE only. On EGRESS_HOST_STACK drivers it then asks for a route by `route_get`: evidence_route_get(),
 * whose context is the network namespace and which blocks for the kernel's answer, or a test's function. NULL: IPv6 is
 * unknown, and an IPv4 route that encapsulates is not noticed.
 */
typedef int (*path_route_get_fn)(void *context, int family, const union ip_address *src, const union ip_address *dst,
				 int oif, int *out_ifindex);
void path_resolve(const struct rdma_device *device, uint32_t port, uint32_t sgid_index, enum remote_scope scope,
		  const uint8_t remote[16], const struct evidence *ev, path_route_get_fn route_get, void *route_context,
		  struct path *out);

#endif
