// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "detours.h"

#include "gate/stands.h"
#include "netlink/dump.h"

bool detours_open(struct detours *out)
{
	out->cache = hazard_cache_new(&netlink_kernel, true);
	return out->cache;
}

void detours_close(struct detours *detours)
{
	hazard_cache_free(detours->cache);
	detours->cache = NULL;
}

bool detours_are_forbidden(const struct detours *detours)
{
	const char *error;

	return !hazard_cache_netfilter(detours->cache, &error) && hazard_cache_is_forbidden(detours->cache);
}

static const struct netfilter *netfilter_of(void *context, const char **error)
{
	return hazard_cache_netfilter(context, error);
}

static const struct traffic *traffic_of(void *context, int ifindex, const char **error)
{
	return hazard_cache_traffic(context, ifindex, error);
}

static const struct legacy_rules *legacy_of(void *context)
{
	return hazard_cache_legacy(context);
}

static bool gated(void *context, const struct evidence *ev, int ifindex)
{
	(void)context;
	return gate_stands(ev, ifindex);
}

void detours_look(const struct detours *detours, struct survey_view *view)
{
	if (!detours)
		return;
	view->bypass = (struct bypass_view){
		.netfilter = netfilter_of,
		.traffic = traffic_of,
		.legacy = legacy_of,
		.gated = gated,
		.context = detours->cache,
		.is_said = detours_are_forbidden(detours),
	};
}
