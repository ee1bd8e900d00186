// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "xfrm/acquire.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <netlink/msg.h>
#include <string.h>

#include "netlink/dump.h"
#include "util/address.h"
#include "xfrm/parse.h"

static void address_put(xfrm_address_t *to, const union ip_address *from)
{
	memcpy(to, from->bytes, sizeof(from->bytes));
}

/*
 * Without has_sport all QPs of two addresses share one SA, so the selector has no ports. The peer's packets have other
 * source ports.
 */
static struct xfrm_selector selector(const struct acquire_flow *flow)
{
	struct xfrm_selector sel = { .family = (uint16_t)flow->family, .proto = IPPROTO_UDP };

	address_put(&sel.saddr, &flow->local);
	address_put(&sel.daddr, &flow->remote);
	sel.prefixlen_s = sel.prefixlen_d = (uint8_t)address_bits(flow->family);
	if (flow->has_sport) {
		sel.sport = htons(flow->sport);
		sel.dport = htons(ROCE_UDP_PORT);
		sel.sport_mask = sel.dport_mask = UINT16_MAX;
	}
	return sel;
}

/* As the kernel builds it: in transport mode the addresses are those of the packet (xfrm_tmpl_resolve_one()). */
static struct xfrm_user_tmpl template(const struct acquire_flow *flow, const struct xfrm_template_evidence *from)
{
	bool own = from->mode == XFRM_MODE_TUNNEL || from->mode == XFRM_MODE_BEET;
	struct xfrm_user_tmpl tmpl = {
		.id = { .spi = htonl(from->spi), .proto = from->proto },
		.family = (uint16_t)(own ? from->family : flow->family),
		.reqid = from->reqid,
		.mode = from->mode,
		.optional = from->optional,
		.aalgos = UINT32_MAX,
		.ealgos = UINT32_MAX,
		.calgos = UINT32_MAX,
	};

	address_put(&tmpl.saddr, own ? &from->saddr : &flow->local);
	address_put(&tmpl.id.daddr, own ? &from->daddr : &flow->remote);
	return tmpl;
}

/*
 * Without XFRMA_OFFLOAD_DEV, because the kernel would offload the temporary policy permanently
 * (xfrm_policy_construct()).
 */
static struct nl_msg *acquire_request(const struct acquire_flow *flow, const struct xfrm_policy_evidence *policy)
{
	struct nl_msg *request;
	struct xfrm_user_tmpl tmpl[XFRM_TEMPLATES_MAX];
	const struct xfrm_userpolicy_type type = { .type = XFRM_POLICY_TYPE_MAIN };
	struct xfrm_user_acquire acquire = {
		.sel = selector(flow),
		.policy = { .sel = selector(flow),
			    .lft = { .soft_byte_limit = XFRM_INF,
				     .hard_byte_limit = XFRM_INF,
				     .soft_packet_limit = XFRM_INF,
				     .hard_packet_limit = XFRM_INF },
			    .priority = policy->priority,
			    .index = policy->index,
			    .dir = XFRM_POLICY_OUT,
			    .action = XFRM_POLICY_ALLOW,
			    .share = XFRM_SHARE_ANY },
		.aalgos = UINT32_MAX,
		.ealgos = UINT32_MAX,
		.calgos = UINT32_MAX,
	};

	for (size_t i = 0; i < policy->tmpl_count; i++)
		tmpl[i] = template(flow, &policy->tmpl[i]);
	acquire.id = tmpl[0].id;
	acquire.saddr = tmpl[0].saddr;
	request = netlink_request(XFRM_MSG_ACQUIRE, &acquire, sizeof(acquire));
	request = netlink_put(request, XFRMA_TMPL, tmpl, policy->tmpl_count * sizeof(tmpl[0]));
	return netlink_put(request, XFRMA_POLICY_TYPE, &type, sizeof(type));
}

int xfrm_acquire_send(const struct netlink_transport *transport, const struct acquire_flow *flow,
		      const struct xfrm_policy_evidence *policy, char *error, size_t error_size)
{
	struct netlink_channel channel;
	struct nl_msg *request;
	int err;

	if (!policy->tmpl_count || policy->dir != XFRM_POLICY_OUT)
		return -EINVAL;
	err = netlink_open(&channel, transport, NETLINK_XFRM, error, error_size);
	if (err)
		return err;
	request = acquire_request(flow, policy);
	err = netlink_do(&channel, request);
	nlmsg_free(request);
	netlink_close(&channel);
	return err;
}
