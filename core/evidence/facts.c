// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "evidence/facts.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "evidence/private.h"
#include "netlink/attributes.h"
#include "netlink/state.h"
#include "netns/netns.h"
#include "util/text.h"
#include "xfrm/table.h"

static const struct part {
	int protocol;
	int (*read)(struct netlink_channel *channel, struct evidence *ev);
	size_t state, error; /* offsets in struct evidence */
} parts[EVIDENCE_PART_XFRM] = {
	[EVIDENCE_PART_LINKS] = { NETLINK_ROUTE, evidence_read_links, offsetof(struct evidence, links_state),
				  offsetof(struct evidence, links_error) },
	[EVIDENCE_PART_ROUTES6] = { NETLINK_ROUTE, evidence_read_routes6, offsetof(struct evidence, routes6_state),
				    offsetof(struct evidence, routes6_error) },
	[EVIDENCE_PART_MACSEC] = { NETLINK_GENERIC, evidence_read_macsec, offsetof(struct evidence, macsec_state),
				   offsetof(struct evidence, macsec_error) },
};

enum { PART_ERROR_SIZE = sizeof(((struct evidence *)NULL)->links_error) };

static void read_part(const struct part *part, const struct netlink_transport *transport, struct evidence *out)
{
	enum evidence_state *state = (enum evidence_state *)((char *)out + part->state);
	char *error = (char *)out + part->error;
	struct netlink_channel channel;
	int err = netlink_open(&channel, transport, part->protocol, error, PART_ERROR_SIZE);

	if (!err) {
		err = part->read(&channel, out);
		netlink_close(&channel);
	}
	*state = netlink_state_after(err, part->protocol);
	if (*state != EVIDENCE_BROKEN)
		error[0] = '\0'; /* that of an attempt before the one that succeeded */
}

static void read_xfrm(const struct netlink_transport *transport, struct evidence *out)
{
	char error[PART_ERROR_SIZE]; /* the table keeps a copy */

	out->xfrm = xfrm_table_new();
	if (out->xfrm)
		(void)xfrm_table_load(out->xfrm, transport, error, sizeof(error));
}

void evidence_read_part(enum evidence_part which, const struct netlink_transport *transport, struct evidence *out)
{
	if (which == EVIDENCE_PART_XFRM)
		read_xfrm(transport, out);
	else
		read_part(&parts[which], transport, out);
}

void evidence_read_host(struct netns *ns, struct evidence *out)
{
	unsigned major, minor;
	struct utsname name;

	out->child_netns = !netns_is_initial(ns);
	if (!uname(&name) && sscanf(name.release, "%u.%u", &major, &minor) == 2)
		out->kernel = KERNEL_RELEASE(major, minor);
}

/* IN_DEV_ORCONF(): a setting of "all" applies to each netdev. The netdev's own settings came with the link. */
void evidence_read_settings_of_all(struct netns *ns, struct evidence *out)
{
	struct netns_settings all;
	int err = netns_settings(ns, "all", &all);

	if (err) {
		evidence_free_links(out);
		out->links_state = EVIDENCE_BROKEN;
		text_format(out->links_error, sizeof(out->links_error), "the settings of all netdevs: %s",
			    strerror(-err));
		return;
	}
	for (size_t i = 0; i < out->link_count; i++) {
		out->links[i].xfrm_off |= all.xfrm_off;
		out->links[i].policy_off |= all.policy_off;
		out->links[i].policy_off6 |= all.policy_off6;
	}
}

void evidence_take_part(enum evidence_part part, struct evidence *from, struct evidence *to)
{
#define TAKE(field) (to->field = from->field, memset(&from->field, 0, sizeof(from->field)))
	switch (part) {
	case EVIDENCE_PART_LINKS:
		TAKE(links), TAKE(link_count), TAKE(links_state);
		text_copy(to->links_error, sizeof(to->links_error), from->links_error);
		break;
	case EVIDENCE_PART_ROUTES6:
		TAKE(routes6), TAKE(route6_count), TAKE(routes6_expire_ms), TAKE(routes6_state);
		text_copy(to->routes6_error, sizeof(to->routes6_error), from->routes6_error);
		break;
	case EVIDENCE_PART_MACSEC:
		TAKE(secys), TAKE(secy_count), TAKE(macsec_state);
		text_copy(to->macsec_error, sizeof(to->macsec_error), from->macsec_error);
		break;
	default: /* xfrm is updated by events: xfrm/table.h */
		break;
	}
#undef TAKE
}

void evidence_read_in(struct netns *ns, struct evidence *out)
{
	memset(out, 0, sizeof(*out));
	evidence_read_host(ns, out);
	for (int i = 0; i < EVIDENCE_PART_COUNT; i++)
		evidence_read_part(i, netns_transport(ns), out);
	evidence_read_settings_of_all(ns, out);
}

void evidence_read(struct evidence *out)
{
	evidence_read_in(NULL, out);
}

void evidence_read_links_only(struct evidence *out)
{
	memset(out, 0, sizeof(*out));
	evidence_read_part(EVIDENCE_PART_LINKS, &netlink_kernel, out);
}

void evidence_free(struct evidence *ev)
{
	evidence_free_links(ev);
	evidence_free_routes6(ev);
	evidence_free_macsec(ev);
	xfrm_table_free(ev->xfrm);
	memset(ev, 0, sizeof(*ev));
}

const struct link_evidence *evidence_link(const struct evidence *ev, int ifindex)
{
	for (size_t i = 0; i < ev->link_count; i++)
		if (ev->links[i].ifindex == ifindex)
			return &ev->links[i];
	return NULL;
}

const struct link_evidence *evidence_link_by_name(const struct evidence *ev, const char *name)
{
	for (size_t i = 0; i < ev->link_count; i++)
		if (!strcmp(ev->links[i].name, name))
			return &ev->links[i];
	return NULL;
}

const struct macsec_evidence *evidence_secy(const struct evidence *ev, int ifindex)
{
	for (size_t i = 0; i < ev->secy_count; i++)
		if (ev->secys[i].ifindex == ifindex)
			return &ev->secys[i];
	return NULL;
}

/* ---- one route ---- */

/*
 * inet_rtm_getroute() in net/ipv4/route.c, inet6_rtm_getroute() in net/ipv6/route.c. A rule for a range of users
 * applies to the user that sends, not to the one that asks. A flow of rxe belongs to root (its flowi6_uid is 0),
 * whichever user owns the QP.
 */
static struct nl_msg *route_request(int family, const union ip_address *src, const union ip_address *dst, int oif)
{
	const uint32_t len = family == AF_INET ? 4 : 16, uid = 0;
	const struct rtmsg route = {
		.rtm_family = (unsigned char)family,
		.rtm_src_len = (unsigned char)(len * 8),
		.rtm_dst_len = (unsigned char)(len * 8),
	};
	const uint8_t proto = IPPROTO_UDP;
	struct nl_msg *request = netlink_request(RTM_GETROUTE, &route, sizeof(route));

	request = netlink_put(request, RTA_SRC, src, len);
	request = netlink_put(request, RTA_DST, dst, len);
	if (oif)
		request = netlink_put(request, RTA_OIF, &oif, sizeof(oif));
	request = netlink_put(request, RTA_IP_PROTO, &proto, sizeof(proto));
	return netlink_put(request, RTA_UID, &uid, sizeof(uid));
}

struct route_answer {
	int family;
	int ifindex;
};

static int route_discards(unsigned char type)
{
	switch (type) {
	case RTN_UNICAST:
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		return 0;
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		return -ENETUNREACH;
	default:
		return -EPROTO;
	}
}

static int take_route(const struct nlmsghdr *message, void *context)
{
	static const struct nla_policy policy[RTA_MAX + 1] = { [RTA_OIF] = NETLINK_EXACTLY(4) };
	const struct rtmsg *route = NLMSG_DATA(message);
	struct nlattr *attrs[RTA_MAX + 1];
	struct route_answer *answer = context;
	int err;

	if (message->nlmsg_type != RTM_NEWROUTE ||
	    netlink_attributes(message, sizeof(*route), RTA_MAX, policy, attrs) || route->rtm_family != answer->family)
		return -EPROTO;
	err = route_discards(route->rtm_type);
	if (err)
		return err;
	if (attrs[RTA_ENCAP] || attrs[RTA_ENCAP_TYPE])
		return -EXDEV;
	if (!attrs[RTA_OIF] || nla_get_s32(attrs[RTA_OIF]) <= 0)
		return -EPROTO;
	answer->ifindex = nla_get_s32(attrs[RTA_OIF]);
	return 0;
}

int evidence_route_get_over(const struct netlink_transport *transport, int family, const union ip_address *src,
			    const union ip_address *dst, int oif, int *out_ifindex)
{
	struct route_answer answer = { .family = family };
	struct netlink_channel channel;
	struct nl_msg *request;
	char error[PART_ERROR_SIZE];
	int err;

	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	err = netlink_open(&channel, transport, NETLINK_ROUTE, error, sizeof(error));
	if (err)
		return err;
	request = route_request(family, src, dst, oif);
	err = netlink_ask(&channel, request, take_route, &answer);
	nlmsg_free(request);
	netlink_close(&channel);
	if (!err)
		*out_ifindex = answer.ifindex;
	return err;
}

int evidence_route_get(void *netns, int family, const union ip_address *src, const union ip_address *dst, int oif,
		       int *out_ifindex)
{
	return evidence_route_get_over(netns_transport(netns), family, src, dst, oif, out_ifindex);
}
