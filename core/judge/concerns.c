// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Finds the paths that a change concerns: the counterpart of ipsec.c and sa.c, to be extended together with them. */
#include <linux/xfrm.h>

#include "judge/concerns.h"
#include "util/address.h"
#include "xfrm/selector.h"
#include "xfrm/table.h"

static bool nic_applies(const struct judged_path *judged)
{
	return judged->egress == EGRESS_NIC_MACSEC_IPSEC;
}

/* Whether the SA joins both ends of the path, in either direction. Its source may be zero: any. */
static bool sa_is_between(const struct xfrm_change *sa, const struct judged_path *judged)
{
	int family = judged->family;
	bool outbound = address_equal(family, &sa->daddr, &judged->remote);
	bool inbound = address_equal(family, &sa->daddr, &judged->local);

	if (sa->family != family)
		return false;
	return (outbound || inbound) &&
	       (address_is_zero(family, &sa->saddr) ||
		address_equal(family, &sa->saddr, outbound ? &judged->local : &judged->remote) ||
		(inbound && address_equal(family, &sa->saddr, &judged->remote)));
}

static bool sa_concerns(const struct xfrm_change *sa, const struct judged_path *judged)
{
	if (judged->scope == REMOTE_SOME) /* asks for policies only */
		return false;
	if (judged->scope != REMOTE_ONE || sa->spi == judged->spi_out || sa->spi == judged->spi_in)
		return true;
	/* In the other modes the addresses are those of a template, which is unknown here. */
	if (sa->mode != XFRM_MODE_TRANSPORT)
		return true;
	/* A NIC may find an SA of other addresses by its reqid, which must not happen. */
	if (nic_applies(judged) && sa->packet_offload)
		return true;
	return sa_is_between(sa, judged);
}

/* A verdict that depends on the SA needs a successor before the hard limit; no verdict changes. */
static bool expiring_concerns(const struct xfrm_change *sa, const struct judged_path *judged)
{
	if (judged->by != BY_IPSEC || (sa->spi != judged->spi_out && sa->spi != judged->spi_in))
		return false;
	/* another destination may have an SA of the same SPI */
	return judged->scope != REMOTE_ONE || sa->mode != XFRM_MODE_TRANSPORT || sa_is_between(sa, judged);
}

static bool policy_concerns(const struct xfrm_change *policy, const struct judged_path *judged)
{
	const union ip_address *remote = judged->scope == REMOTE_ONE ? &judged->remote : NULL;
	bool outbound = policy->dir == XFRM_POLICY_OUT;
	const struct xfrm_flow flow = {
		.family = judged->family,
		.saddr = outbound ? &judged->local : remote,
		.daddr = outbound ? remote : &judged->local,
	};

	/* an offloaded policy changes the order of all others */
	if (policy->packet_offload && !nic_applies(judged))
		return true;
	/* A policy with another port, mark or interface still appears in the reason. */
	return policy->dir != XFRM_POLICY_FWD && selector_match_addresses(&policy->sel, &flow) != SELECTS_NONE;
}

/* decide() checks MACsec first, then only whether an xfrm policy bypasses it, which no NIC allows. */
static bool macsec_concerned(const struct xfrm_change *change, const struct judged_path *judged)
{
	if (nic_applies(judged))
		return false;
	if (change->kind == XFRM_CHANGE_POLICY)
		return change->dir == XFRM_POLICY_OUT && policy_concerns(change, judged);
	return change->kind == XFRM_CHANGE_EVERYTHING;
}

bool xfrm_change_concerns(const struct xfrm_change *change, const struct judged_path *judged)
{
	/* decide() checks IPsec only for a resolved path that leaves the port */
	if (judged->state != PATH_RESOLVED)
		return false;
	/* policies and SAs of the outer packets count as well; no SA is requested for these */
	if (judged->tunnelled)
		return change->kind != XFRM_CHANGE_NOTHING && change->kind != XFRM_CHANGE_EXPIRING;
	if (judged->verdict == VERDICT_PROTECTED && judged->by != BY_IPSEC)
		return judged->by == BY_MACSEC && macsec_concerned(change, judged);
	switch (change->kind) {
	case XFRM_CHANGE_NOTHING:
		return false;
	case XFRM_CHANGE_SA:
		return sa_concerns(change, judged);
	case XFRM_CHANGE_EXPIRING:
		return expiring_concerns(change, judged);
	case XFRM_CHANGE_POLICY:
		return policy_concerns(change, judged);
	default:
		return true;
	}
}
