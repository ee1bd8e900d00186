// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>

#include "judge/judgement_internal.h"
#include "util/address.h"

/* The caller's route_get(), for a few more calls only. */
struct bounded_routes {
	const struct engine_view *view;
	unsigned int left;
};

static int bounded_route_get(void *context, int family, const union ip_address *src, const union ip_address *dst,
			     int oif, int *out_ifindex)
{
	struct bounded_routes *routes = context;

	if (!routes->left)
		return -EAGAIN;
	routes->left--;
	return routes->view->route_get(routes->view->route_context, family, src, dst, oif, out_ifindex);
}

/* Only for one remote: if addresses are chosen later, all GIDs count alike. */
bool find_better_gid(const struct question *q, const struct finding *found, uint32_t *out)
{
	const struct rdma_port *port = device_port(q->view->device, q->port);
	struct bounded_routes routes = { q->view, BETTER_GID_ROUTES_MAX };
	union ip_address ignored;

	if (q->scope != REMOTE_ONE || !port)
		return false;
	for (size_t i = 0; i < port->gid_count; i++) {
		const struct rdma_gid *gid = &port->gids[i];
		struct verdict verdict;
		struct path path;

		if (gid->index == found->path.sgid_index || gid_address(gid->raw, &ignored) != found->path.family)
			continue;
		path_resolve(q->view->device, q->port, gid->index, REMOTE_ONE, q->remote, q->view->evidence,
			     bounded_route_get, &routes, &path);
		question_decide(q, &path, &found->binding.requirement, &verdict);
		if (verdict.kind == VERDICT_PROTECTED && verdict.by != BY_LOOPBACK) {
			*out = gid->index;
			return true;
		}
	}
	return false;
}
