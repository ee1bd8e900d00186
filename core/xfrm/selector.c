// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Matches xfrm selectors against flows, like __xfrm4_selector_match() and __xfrm6_selector_match()
 * (net/xfrm/xfrm_policy.c).
 */
#include <netinet/in.h>
#include <string.h>

#include "util/address.h"
#include "xfrm/selector.h"

static enum selector_match match_address(const union ip_address *prefix, unsigned len, int family,
					 const union ip_address *address)
{
	if (len > address_bits(family))
		return SELECTS_NONE;
	if (!address)
		return len == 0 ? SELECTS_ALL : SELECTS_PART;
	return address_has_prefix(address, prefix, len) ? SELECTS_ALL : SELECTS_NONE;
}

static enum selector_match weaker(enum selector_match a, enum selector_match b)
{
	return a < b ? a : b;
}

enum selector_match selector_match_addresses(const struct xfrm_selector_evidence *sel, const struct xfrm_flow *flow)
{
	if (sel->family != flow->family || (sel->proto && sel->proto != IPPROTO_UDP))
		return SELECTS_NONE;
	return weaker(match_address(&sel->saddr, sel->saddr_prefix, flow->family, flow->saddr),
		      match_address(&sel->daddr, sel->daddr_prefix, flow->family, flow->daddr));
}

static enum selector_match match_port(uint16_t selected, uint16_t mask, bool known, uint16_t port)
{
	if (!mask)
		return SELECTS_ALL;
	if (!known)
		return SELECTS_PART;
	return (port ^ selected) & mask ? SELECTS_NONE : SELECTS_ALL;
}

static enum selector_match match_ports(const struct xfrm_selector_evidence *sel, const struct xfrm_flow *flow)
{
	uint16_t dport = flow->has_ports ? flow->dport : 0, sport = flow->has_ports ? flow->sport : 0;
	bool sport_known = !flow->has_ports || flow->has_sport;

	return weaker(match_port(sel->dport, sel->dport_mask, true, dport),
		      match_port(sel->sport, sel->sport_mask, sport_known, sport));
}

bool selector_ports_match(const struct xfrm_selector_evidence *sel, const struct xfrm_flow *flow)
{
	return match_ports(sel, flow) != SELECTS_NONE;
}

static enum selector_match match_interface(const struct xfrm_selector_evidence *sel, const struct xfrm_flow *flow)
{
	if (!sel->ifindex || sel->ifindex == flow->ifindex)
		return SELECTS_ALL;
	return flow->ifindex ? SELECTS_NONE : SELECTS_PART;
}

enum selector_match selector_match(const struct xfrm_selector_evidence *sel, const struct xfrm_flow *flow)
{
	return weaker(match_interface(sel, flow), weaker(selector_match_addresses(sel, flow), match_ports(sel, flow)));
}
