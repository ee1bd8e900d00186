// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Sources: net/xfrm/xfrm_user.c (xfrm_dump_sa), net/xfrm/xfrm_state.c (__xfrm_state_filter_match). */
#include "xfrm/larval.h"
#include "netlink/dump.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <string.h>

#include "util/address.h"
#include "xfrm/parse.h"

/* One direction. */
struct counting {
	struct netlink_channel *channel;
	int family;
	const union ip_address *saddr, *daddr;
	size_t larval;
};

static void restart(void *context)
{
	((struct counting *)context)->larval = 0;
}

/* Checks the addresses and the protocol again, in case the kernel did not apply the filter. */
static bool is_counted(const struct counting *c, const struct xfrm_sa_evidence *sa)
{
	return sa_is_larval(sa) && sa->family == c->family && sa->proto == IPPROTO_ESP &&
	       address_equal(c->family, &sa->saddr, c->saddr) && address_equal(c->family, &sa->daddr, c->daddr);
}

static int take_sa(const struct nlmsghdr *message, void *context)
{
	struct counting *c = context;
	struct xfrm_sa_evidence sa;

	if (message->nlmsg_type != XFRM_MSG_NEWSA)
		return netlink_fail(c->channel, -EPROTO, "an SA is not understood");
	if (xfrm_parse_sa(message, &sa, c->channel->error, c->channel->error_size))
		return -EPROTO;
	c->larval += is_counted(c, &sa);
	return 0;
}

/* In a dump the attributes follow the netlink header directly (nlmsg_parse() in xfrm_dump_sa()). */
static struct nl_msg *request_sas(const struct counting *c)
{
	const uint8_t proto = IPPROTO_ESP, bits = (uint8_t)address_bits(c->family);
	struct nl_msg *request;
	struct xfrm_address_filter filter = { .family = (uint16_t)c->family, .splen = bits, .dplen = bits };

	memcpy(&filter.saddr, c->saddr, sizeof(filter.saddr));
	memcpy(&filter.daddr, c->daddr, sizeof(filter.daddr));
	request = netlink_put(netlink_request(XFRM_MSG_GETSA, NULL, 0), XFRMA_ADDRESS_FILTER, &filter, sizeof(filter));
	return netlink_put(request, XFRMA_PROTO, &proto, sizeof(proto));
}

static int count(struct counting *c)
{
	const struct netlink_reader reader = { restart, take_sa, c };
	struct nl_msg *request = request_sas(c);
	int err = netlink_dump(c->channel, request, &reader);

	nlmsg_free(request);
	return err;
}

int xfrm_census(const struct netlink_transport *transport, int family, const union ip_address *local,
		const union ip_address *remote, struct xfrm_larval *out, char *error, size_t error_size)
{
	struct netlink_channel channel;
	struct counting sent = { &channel, family, local, remote, 0 },
			received = { &channel, family, remote, local, 0 };
	int err = netlink_open(&channel, transport, NETLINK_XFRM, error, error_size);

	if (err)
		return err;
	err = count(&sent);
	if (!err)
		err = count(&received);
	netlink_close(&channel);
	if (!err)
		*out = (struct xfrm_larval){ sent.larval, received.larval };
	return err;
}
