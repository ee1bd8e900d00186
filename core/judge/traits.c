// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "judge/traits.h"

bool path_stop(struct path *out, enum path_state state, enum reason reason)
{
	out->state = state;
	out->why.reason = reason;
	/* a cut answer could pass for a whole one */
	out->egress_ifindex = out->stray_ifindex = 0;
	out->stacked = out->tunnelled = false;
	out->egress[0] = out->stray[0] = out->stray_route[0] = '\0';
	return false;
}

bool nic_applies_xfrm(const struct path *path)
{
	return path->driver->egress == EGRESS_NIC_MACSEC_IPSEC;
}

bool is_packet_offloaded(const struct path *path, const struct xfrm_offload_evidence *offload)
{
	return offload->ifindex == path->egress_ifindex && offload->packet;
}
