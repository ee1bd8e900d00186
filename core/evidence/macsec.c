// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * MACsec. Source: drivers/net/macsec.c, macsec_dump_txsc() and dump_secy().
 *
 * Each message contains one complete SecY; its lists never continue in another message. A SecY that does not fit an skb
 * (32 KiB: about sixty peers with four SAs each) ends the dump without an error. It and all SecYs behind it are then
 * missing here, and decide() treats a macsec netdev without a SecY as not protected.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if_macsec.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/private.h"
#include "netlink/attributes.h"
#include "util/array.h"

struct macsec_reading {
	struct evidence_reading common;
	uint16_t family;
};

void evidence_free_macsec(struct evidence *ev)
{
	for (size_t i = 0; i < ev->secy_count; i++)
		free(ev->secys[i].rxsc);
	free(ev->secys);
	ev->secys = NULL;
	ev->secy_count = 0;
}

static void restart(void *context)
{
	evidence_free_macsec(((struct macsec_reading *)context)->common.ev);
}

/* ---- the family's number ---- */

static int take_family(const struct nlmsghdr *message, void *context)
{
	static const struct nla_policy policy[CTRL_ATTR_MAX + 1] = { [CTRL_ATTR_FAMILY_ID] = NETLINK_EXACTLY(2) };
	struct nlattr *attrs[CTRL_ATTR_MAX + 1];
	struct macsec_reading *reading = context;

	if (message->nlmsg_type != GENL_ID_CTRL ||
	    netlink_attributes(message, GENL_HDRLEN, CTRL_ATTR_MAX, policy, attrs) || !attrs[CTRL_ATTR_FAMILY_ID] ||
	    nla_get_u16(attrs[CTRL_ATTR_FAMILY_ID]) < GENL_MIN_ID)
		return netlink_fail(reading->common.channel, -EPROTO, "the kernel names no number for macsec");
	reading->family = nla_get_u16(attrs[CTRL_ATTR_FAMILY_ID]);
	return 0;
}

/* ctrl_getfamily() in net/netlink/genetlink.c loads the module if it exists. */
static int find_family(struct macsec_reading *reading)
{
	static const struct genlmsghdr header = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	struct nl_msg *request = netlink_put(netlink_request(GENL_ID_CTRL, &header, sizeof(header)),
					     CTRL_ATTR_FAMILY_NAME, MACSEC_GENL_NAME, sizeof(MACSEC_GENL_NAME));
	int err = netlink_ask(reading->common.channel, request, take_family, reading);

	nlmsg_free(request);
	return err == -ENOENT ? -ENOPROTOOPT : err;
}

/* ---- one SecY ---- */

/* The kernel's booleans are 0 and 1. */
static bool is_one(const struct nlattr *attr)
{
	return nla_get_u8(attr) == 1;
}

static int take_sa(const struct nlattr *item, void *context)
{
	static const struct nla_policy policy[MACSEC_SA_ATTR_MAX + 1] = {
		[MACSEC_SA_ATTR_AN] = NETLINK_EXACTLY(1),
		[MACSEC_SA_ATTR_ACTIVE] = NETLINK_EXACTLY(1),
	};
	struct nlattr *attrs[MACSEC_SA_ATTR_MAX + 1];
	struct macsec_sa_evidence *sas = context, *sa;

	if (netlink_nested(item, MACSEC_SA_ATTR_MAX, policy, attrs) || !attrs[MACSEC_SA_ATTR_AN] ||
	    !attrs[MACSEC_SA_ATTR_ACTIVE] || nla_get_u8(attrs[MACSEC_SA_ATTR_AN]) >= MACSEC_AN_COUNT)
		return -EPROTO;
	sa = &sas[nla_get_u8(attrs[MACSEC_SA_ATTR_AN])];
	if (sa->present)
		return -EPROTO;
	sa->present = true;
	sa->active = is_one(attrs[MACSEC_SA_ATTR_ACTIVE]);
	return 0;
}

static int take_rxsc(const struct nlattr *item, void *context)
{
	static const struct nla_policy policy[MACSEC_RXSC_ATTR_MAX + 1] = {
		[MACSEC_RXSC_ATTR_SCI] = NETLINK_EXACTLY(8),
		[MACSEC_RXSC_ATTR_ACTIVE] = NETLINK_EXACTLY(1),
		[MACSEC_RXSC_ATTR_SA_LIST] = { .type = NLA_NESTED },
	};
	struct nlattr *attrs[MACSEC_RXSC_ATTR_MAX + 1];
	struct macsec_evidence *secy = context;
	struct macsec_rxsc_evidence rxsc = { 0 };
	int err;

	if (netlink_nested(item, MACSEC_RXSC_ATTR_MAX, policy, attrs) || !attrs[MACSEC_RXSC_ATTR_SCI] ||
	    !attrs[MACSEC_RXSC_ATTR_ACTIVE] || !attrs[MACSEC_RXSC_ATTR_SA_LIST])
		return -EPROTO;
	rxsc.sci = nla_get_u64(attrs[MACSEC_RXSC_ATTR_SCI]); /* sci_t is __be64: octets as on the wire */
	rxsc.active = is_one(attrs[MACSEC_RXSC_ATTR_ACTIVE]);
	err = netlink_list(attrs[MACSEC_RXSC_ATTR_SA_LIST], take_sa, rxsc.sa);
	return err ? err : array_append(&secy->rxsc, &secy->rxsc_count, &rxsc, sizeof(rxsc));
}

static int parse_secy(const struct nlattr *nest, struct macsec_evidence *secy)
{
	static const struct nla_policy policy[MACSEC_SECY_ATTR_MAX + 1] = {
		[MACSEC_SECY_ATTR_SCI] = NETLINK_EXACTLY(8),
		[MACSEC_SECY_ATTR_ENCODING_SA] = NETLINK_EXACTLY(1),
		[MACSEC_SECY_ATTR_CIPHER_SUITE] = NETLINK_EXACTLY(8),
		[MACSEC_SECY_ATTR_ICV_LEN] = NETLINK_EXACTLY(1),
		[MACSEC_SECY_ATTR_PROTECT] = NETLINK_EXACTLY(1),
		[MACSEC_SECY_ATTR_OPER] = NETLINK_EXACTLY(1),
		[MACSEC_SECY_ATTR_VALIDATE] = NETLINK_EXACTLY(1),
		[MACSEC_SECY_ATTR_ENCRYPT] = NETLINK_EXACTLY(1),
	};
	struct nlattr *attrs[MACSEC_SECY_ATTR_MAX + 1];

	if (netlink_nested(nest, MACSEC_SECY_ATTR_MAX, policy, attrs))
		return -EPROTO;
	for (int i = 0; i <= MACSEC_SECY_ATTR_MAX; i++)
		if (policy[i].minlen && !attrs[i])
			return -EPROTO; /* nla_put_secy() writes them all, in every release */
	secy->sci = nla_get_u64(attrs[MACSEC_SECY_ATTR_SCI]);
	secy->cipher_suite = nla_get_u64(attrs[MACSEC_SECY_ATTR_CIPHER_SUITE]);
	secy->icv_len = nla_get_u8(attrs[MACSEC_SECY_ATTR_ICV_LEN]);
	secy->encoding_an = nla_get_u8(attrs[MACSEC_SECY_ATTR_ENCODING_SA]);
	secy->protect = is_one(attrs[MACSEC_SECY_ATTR_PROTECT]);
	secy->encrypt = is_one(attrs[MACSEC_SECY_ATTR_ENCRYPT]);
	secy->operational = is_one(attrs[MACSEC_SECY_ATTR_OPER]);
	secy->validate = nla_get_u8(attrs[MACSEC_SECY_ATTR_VALIDATE]);
	return secy->encoding_an < MACSEC_AN_COUNT ? 0 : -EPROTO;
}

/* Kernels before 5.7 lack the attribute and cannot offload. */
static int parse_offload(const struct nlattr *nest, struct macsec_evidence *secy)
{
	static const struct nla_policy policy[MACSEC_OFFLOAD_ATTR_MAX + 1] = {
		[MACSEC_OFFLOAD_ATTR_TYPE] = NETLINK_EXACTLY(1),
	};
	struct nlattr *attrs[MACSEC_OFFLOAD_ATTR_MAX + 1];

	secy->offload = MACSEC_OFFLOAD_OFF;
	if (!nest)
		return 0;
	if (netlink_nested(nest, MACSEC_OFFLOAD_ATTR_MAX, policy, attrs) || !attrs[MACSEC_OFFLOAD_ATTR_TYPE])
		return -EPROTO;
	secy->offload = nla_get_u8(attrs[MACSEC_OFFLOAD_ATTR_TYPE]);
	return 0;
}

/* The caller frees secy->rxsc, after an error as well. */
static int parse_device(const struct nlmsghdr *message, uint16_t family, struct macsec_evidence *secy)
{
	static const struct nla_policy policy[MACSEC_ATTR_MAX + 1] = {
		[MACSEC_ATTR_IFINDEX] = NETLINK_EXACTLY(4),       [MACSEC_ATTR_SECY] = { .type = NLA_NESTED },
		[MACSEC_ATTR_TXSA_LIST] = { .type = NLA_NESTED }, [MACSEC_ATTR_RXSC_LIST] = { .type = NLA_NESTED },
		[MACSEC_ATTR_OFFLOAD] = { .type = NLA_NESTED },
	};
	const struct genlmsghdr *header = NLMSG_DATA(message);
	struct nlattr *attrs[MACSEC_ATTR_MAX + 1];
	int err;

	if (message->nlmsg_type != family || netlink_attributes(message, GENL_HDRLEN, MACSEC_ATTR_MAX, policy, attrs) ||
	    header->cmd != MACSEC_CMD_GET_TXSC || !attrs[MACSEC_ATTR_IFINDEX] || !attrs[MACSEC_ATTR_SECY] ||
	    !attrs[MACSEC_ATTR_TXSA_LIST] || !attrs[MACSEC_ATTR_RXSC_LIST])
		return -EPROTO;
	secy->ifindex = nla_get_s32(attrs[MACSEC_ATTR_IFINDEX]);
	err = secy->ifindex > 0 ? parse_secy(attrs[MACSEC_ATTR_SECY], secy) : -EPROTO;
	if (!err)
		err = parse_offload(attrs[MACSEC_ATTR_OFFLOAD], secy);
	if (!err)
		err = netlink_list(attrs[MACSEC_ATTR_TXSA_LIST], take_sa, secy->tx_sa);
	if (!err)
		err = netlink_list(attrs[MACSEC_ATTR_RXSC_LIST], take_rxsc, secy);
	return err;
}

static int take_secy(const struct nlmsghdr *message, void *context)
{
	struct macsec_reading *reading = context;
	struct evidence *ev = reading->common.ev;
	struct macsec_evidence secy = { 0 };
	int err;

	if (ev->list_max && ev->secy_count >= ev->list_max)
		return netlink_fail(reading->common.channel, -E2BIG, "more than %zu SecYs", ev->list_max);
	err = parse_device(message, reading->family, &secy);
	if (!err)
		err = array_append(&ev->secys, &ev->secy_count, &secy, sizeof(secy));
	if (!err)
		return 0;
	free(secy.rxsc);
	return netlink_fail(reading->common.channel, err, "a SecY (netdev %d) %s", secy.ifindex,
			    err == -ENOMEM ? "finds no memory" : "is not understood");
}

int evidence_read_macsec(struct netlink_channel *channel, struct evidence *ev)
{
	struct macsec_reading reading = { .common = { .channel = channel, .ev = ev } };
	const struct netlink_reader reader = { restart, take_secy, &reading };
	const struct genlmsghdr header = { .cmd = MACSEC_CMD_GET_TXSC, .version = MACSEC_GENL_VERSION };
	struct nl_msg *request;
	int err = find_family(&reading);

	if (err)
		return err;
	request = netlink_request(reading.family, &header, sizeof(header));
	err = netlink_dump(channel, request, &reader);
	nlmsg_free(request);
	return err;
}
