// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "judge/judged_path.h"

struct judged_path judged_path_from(const struct path *path, const struct verdict *verdict)
{
	return (struct judged_path){
		.state = path->state,
		.scope = path->scope,
		.egress = path->driver ? path->driver->egress : EGRESS_UNKNOWN,
		.family = path->family,
		.local = path->local,
		.remote = path->remote,
		.gid_ifindex = path->gid_ifindex,
		.egress_ifindex = path->egress_ifindex,
		.stacked = path->stacked,
		.tunnelled = path->tunnelled,
		.has_sport = path->has_sport,
		.sport = path->sport,
		.verdict = verdict->kind,
		.by = verdict->by,
		.spi_out = verdict->spi_out,
		.spi_in = verdict->spi_in,
		.policy_out = verdict->policy_out,
		.secy_ifindex = verdict->secy_ifindex,
	};
}

struct acquire_flow judged_path_flow(const struct judged_path *judged)
{
	return (struct acquire_flow){
		.family = judged->family,
		.sport = judged->has_sport ? judged->sport : 0,
		.has_sport = judged->has_sport,
		.local = judged->local,
		.remote = judged->remote,
	};
}
