// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <linux/xfrm.h>

#include "judge/walk.h"
#include "util/address.h"

enum reason of_direction(const struct xfrm_direction *d, enum reason outbound)
{
	return d->dir == XFRM_POLICY_OUT ? outbound : outbound + 1;
}

void policies_begin(const struct xfrm_direction *d, struct xfrm_walk *walk)
{
	xfrm_table_policies(d->ev->xfrm, d->dir, d->flow.family, d->flow.saddr, d->flow.daddr, walk);
}

struct sa_addresses sa_addresses_wanted(const struct xfrm_template_evidence *tmpl, const struct xfrm_flow *flow)
{
	struct sa_addresses wanted = { tmpl->family, &tmpl->saddr, &tmpl->daddr };

	if (tmpl->mode == XFRM_MODE_TRANSPORT)
		wanted = (struct sa_addresses){ flow->family, flow->saddr, flow->daddr };
	if (wanted.saddr && address_is_zero(wanted.family, wanted.saddr))
		wanted.saddr = NULL;
	return wanted;
}

bool any_reqid_answers(const struct xfrm_direction *d, const struct xfrm_template_evidence *tmpl)
{
	return d->dir == XFRM_POLICY_IN && tmpl->reqid == 0;
}

void sas_begin(const struct xfrm_direction *d, const struct xfrm_template_evidence *tmpl, struct xfrm_walk *walk)
{
	struct sa_addresses wanted = sa_addresses_wanted(tmpl, &d->flow);
	const struct xfrm_sa_query query = {
		.family = wanted.family,
		.saddr = wanted.saddr,
		.daddr = wanted.daddr,
		.any_reqid = any_reqid_answers(d, tmpl),
		.reqid = tmpl->reqid,
	};

	xfrm_table_sas(d->ev->xfrm, &query, walk);
}

void sas_of_reqid_begin(const struct evidence *ev, uint32_t reqid, struct xfrm_walk *walk)
{
	xfrm_table_sas(ev->xfrm, &(const struct xfrm_sa_query){ .reqid = reqid }, walk);
}
