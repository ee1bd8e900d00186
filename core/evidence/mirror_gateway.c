// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The gateways of IPv6 routes. The kernel passes over a route whose gateway does not answer, also for one of a shorter
 * prefix (rt6_check_neigh(), fib6_table_lookup()), and returns to it when the gateway is heard again. No event reports
 * the other choice, but one reports the state of the gateway.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "evidence/mirror_internal.h"
#include "netlink/attributes.h"
#include "util/address.h"

static enum gateway_state state_of(const struct nlmsghdr *message, const struct ndmsg *neighbour)
{
	enum { VALID = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY };

	if (message->nlmsg_type != RTM_NEWNEIGH)
		return GATEWAY_OTHER;
	if (neighbour->ndm_state & VALID)
		return GATEWAY_VALID;
	return neighbour->ndm_state & NUD_FAILED ? GATEWAY_FAILED : GATEWAY_OTHER;
}

static bool is_gateway(const struct evidence *ev, int ifindex, const union ip_address *address)
{
	for (size_t i = 0; i < ev->route6_count; i++)
		if (ev->routes6[i].ifindex == ifindex && address_equal(AF_INET6, &ev->routes6[i].gateway, address))
			return true;
	return false;
}

/* Of those that changed last. One that is not among them is remembered in place of the oldest, as unknown. */
static struct mirror_gateway *remembered(struct mirror *mirror, int ifindex, const union ip_address *address)
{
	struct mirror_gateway *gateway;

	for (size_t i = 0; i < MIRROR_GATEWAYS; i++) {
		gateway = &mirror->gateways[i];
		if (gateway->ifindex == ifindex && address_equal(AF_INET6, &gateway->address, address))
			return gateway;
	}
	gateway = &mirror->gateways[mirror->next_gateway++ % MIRROR_GATEWAYS];
	*gateway = (struct mirror_gateway){ .address = *address, .ifindex = ifindex };
	return gateway;
}

int mirror_take_neighbour(const struct nlmsghdr *message, void *arg)
{
	static const struct nla_policy policy[NDA_DST + 1] = { [NDA_DST] = NETLINK_AT_LEAST(1) };
	const struct ndmsg *neighbour = NLMSG_DATA(message);
	struct nlattr *attrs[NDA_DST + 1];
	struct mirror *mirror = arg;
	struct mirror_gateway *gateway;
	union ip_address address;
	enum gateway_state state;

	if (netlink_attributes(message, sizeof(*neighbour), NDA_DST, policy, attrs))
		return -EPROTO;
	if (neighbour->ndm_family != AF_INET6)
		return 0;
	if (!attrs[NDA_DST] || nla_len(attrs[NDA_DST]) != sizeof(address))
		return -EPROTO;
	memcpy(&address, nla_data(attrs[NDA_DST]), sizeof(address));
	if (!is_gateway(&mirror->ev, neighbour->ndm_ifindex, &address))
		return 0;
	state = state_of(message, neighbour);
	gateway = remembered(mirror, neighbour->ndm_ifindex, &address);
	/* Only a valid one stays as it was: a failed one is tried again, and fails again, without an event between. */
	if (gateway->state != state || state != GATEWAY_VALID)
		mirror->routes6 = MIRROR_REROUTED;
	gateway->state = state;
	return 0;
}
