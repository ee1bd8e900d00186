// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Visits of the policies and SAs that could match a flow: all of them in an array, a few of them in a table. */
#include <linux/xfrm.h>

#include "judge/decide_internal.h"
#include "util/address.h"

void policies_begin(const struct xfrm_direction *d, struct evidence_walk *walk)
{
	*walk = (struct evidence_walk){ .ev = d->ev };
	if (d->ev->xfrm)
		xfrm_table_policies(d->ev->xfrm, d->dir, d->flow.family, d->flow.saddr, d->flow.daddr, &walk->table);
}

const struct xfrm_policy_evidence *policies_next(struct evidence_walk *walk)
{
	if (walk->ev->xfrm)
		return xfrm_walk_policy(&walk->table);
	return walk->next < walk->ev->policy_count ? &walk->ev->policies[walk->next++] : NULL;
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

void sas_begin(const struct xfrm_direction *d, const struct xfrm_template_evidence *tmpl, struct evidence_walk *walk)
{
	struct sa_addresses wanted = sa_addresses_wanted(tmpl, &d->flow);
	const struct xfrm_sa_query query = {
		.family = wanted.family,
		.saddr = wanted.saddr,
		.daddr = wanted.daddr,
		.any_reqid = any_reqid_answers(d, tmpl),
		.reqid = tmpl->reqid,
	};

	*walk = (struct evidence_walk){ .ev = d->ev };
	if (d->ev->xfrm)
		xfrm_table_sas(d->ev->xfrm, &query, &walk->table);
}

void sas_of_reqid_begin(const struct evidence *ev, uint32_t reqid, struct evidence_walk *walk)
{
	*walk = (struct evidence_walk){ .ev = ev };
	if (ev->xfrm)
		xfrm_table_sas(ev->xfrm, &(const struct xfrm_sa_query){ .reqid = reqid }, &walk->table);
}

const struct xfrm_sa_evidence *sas_next(struct evidence_walk *walk)
{
	if (walk->ev->xfrm)
		return xfrm_walk_sa(&walk->table);
	return walk->next < walk->ev->sa_count ? &walk->ev->sas[walk->next++] : NULL;
}
