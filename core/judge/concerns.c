// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Whom does a change concern? The mirror image of what ipsec.c and sa.c look at: what they learn to look
 * at has to be known here as well.
 */
#include <linux/xfrm.h>

#include "judge/concerns.h"
#include "judge/traits.h"
#include "util/address.h"
#include "xfrm/selector.h"
#include "xfrm/table.h"

/* Between these two, in either direction? An SA's source may be zero: any. */
static bool sa_is_between(const struct xfrm_change *sa, const struct path *path)
{
	int family = path->family;
	bool outbound = address_equal(family, &sa->daddr, &path->remote);
	bool inbound = address_equal(family, &sa->daddr, &path->local);

	if (sa->family != family)
		return false;
	return (outbound || inbound) && (address_is_zero(family, &sa->saddr) ||
					 address_equal(family, &sa->saddr, outbound ? &path->local : &path->remote) ||
					 (inbound && address_equal(family, &sa->saddr, &path->remote)));
}

static bool sa_concerns(const struct xfrm_change *sa, const struct path *path, const struct verdict *verdict)
{
	if (path->scope == REMOTE_SOME) /* asks for policies only */
		return false;
	if (path->scope != REMOTE_ONE || sa->spi == verdict->spi_out || sa->spi == verdict->spi_in)
		return true;
	/* In the other modes the addresses are those of a template, which is not known here. */
	if (sa->mode != XFRM_MODE_TRANSPORT)
		return true;
	/* A NIC that goes by the reqid must not find it with other addresses. */
	if (nic_applies_xfrm(path) && sa->packet_offload)
		return true;
	return sa_is_between(sa, path);
}

/* Whoever stands on it: a successor is due before the hard limit. Nobody's verdict changes. */
static bool expiring_concerns(const struct xfrm_change *sa, const struct path *path, const struct verdict *verdict)
{
	if (verdict->by != BY_IPSEC || (sa->spi != verdict->spi_out && sa->spi != verdict->spi_in))
		return false;
	/* another destination may have an SA of the same SPI */
	return path->scope != REMOTE_ONE || sa->mode != XFRM_MODE_TRANSPORT || sa_is_between(sa, path);
}

static bool policy_concerns(const struct xfrm_change *policy, const struct path *path)
{
	const union ip_address *remote = path->scope == REMOTE_ONE ? &path->remote : NULL;
	bool outbound = policy->dir == XFRM_POLICY_OUT;
	const struct xfrm_flow flow = {
		.family = path->family,
		.saddr = outbound ? &path->local : remote,
		.daddr = outbound ? remote : &path->local,
	};

	/* Sub-policies are not understood at all; offloaded ones put the others out of order, whomever they are for. */
	if (policy->type != XFRM_POLICY_TYPE_MAIN || (policy->packet_offload && !nic_applies_xfrm(path)))
		return true;
	/* With another port, mark or interface they are still told to the operator. */
	return policy->dir != XFRM_POLICY_FWD && selector_match_addresses(&policy->sel, &flow) != SELECTS_NONE;
}

/* decide() asks MACsec first, and then of IPsec only whether a policy leads past it, which a NIC does not. */
static bool macsec_concerned(const struct xfrm_change *change, const struct path *path)
{
	if (nic_applies_xfrm(path))
		return false;
	if (change->kind == XFRM_CHANGE_POLICY)
		return (change->dir == XFRM_POLICY_OUT || change->type != XFRM_POLICY_TYPE_MAIN) &&
		       policy_concerns(change, path);
	return change->kind == XFRM_CHANGE_EVERYTHING;
}

bool xfrm_change_concerns(const struct xfrm_change *change, const struct path *path, const struct verdict *verdict)
{
	/* IPsec is asked only of a path that leaves and is understood */
	if (path->state != PATH_RESOLVED)
		return false;
	if (verdict->kind == VERDICT_PROTECTED && verdict->by != BY_IPSEC)
		return verdict->by == BY_MACSEC && macsec_concerned(change, path);
	switch (change->kind) {
	case XFRM_CHANGE_NOTHING:
		return false;
	case XFRM_CHANGE_SA:
		return sa_concerns(change, path, verdict);
	case XFRM_CHANGE_EXPIRING:
		return expiring_concerns(change, path, verdict);
	case XFRM_CHANGE_POLICY:
		return policy_concerns(change, path);
	default:
		return true;
	}
}
