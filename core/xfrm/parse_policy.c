// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Parses one policy, and the types that policies and SAs share. Source: net/xfrm/xfrm_user.c (copy_to_user_policy,
 * copy_to_user_tmpl).
 */
#include <errno.h>
#include <linux/xfrm.h>
#include <string.h>

#include "netlink/attributes.h"
#include "util/text.h"
#include "xfrm/parse.h"

/* ---- shared by policies and SAs ---- */

int xfrm_address_evidence(int family, const xfrm_address_t *from, union ip_address *out)
{
	if (family != AF_INET && family != AF_INET6)
		return -EPROTO;
	memset(out, 0, sizeof(*out));
	memcpy(out, from, family == AF_INET ? sizeof(out->v4) : sizeof(out->v6));
	return 0;
}

int xfrm_selector_evidence(const struct xfrm_selector *from, struct xfrm_selector_evidence *out)
{
	unsigned int most = from->family == AF_INET ? 32 : 128;

	if (xfrm_address_evidence(from->family, &from->daddr, &out->daddr) ||
	    xfrm_address_evidence(from->family, &from->saddr, &out->saddr) || from->prefixlen_d > most ||
	    from->prefixlen_s > most || from->ifindex < 0)
		return -EPROTO;
	out->family = from->family;
	out->daddr_prefix = from->prefixlen_d;
	out->saddr_prefix = from->prefixlen_s;
	out->proto = from->proto;
	out->dport = ntohs(from->dport);
	out->dport_mask = ntohs(from->dport_mask);
	out->sport = ntohs(from->sport);
	out->sport_mask = ntohs(from->sport_mask);
	out->ifindex = from->ifindex;
	return 0;
}

struct xfrm_mark_evidence xfrm_mark_evidence(const struct nlattr *attr)
{
	struct xfrm_mark mark = { 0 };

	if (attr)
		memcpy(&mark, nla_data(attr), sizeof(mark));
	return (struct xfrm_mark_evidence){ .value = mark.v, .mask = mark.m };
}

struct xfrm_offload_evidence xfrm_offload_evidence(const struct nlattr *attr)
{
	struct xfrm_user_offload offload = { 0 };

	if (attr)
		memcpy(&offload, nla_data(attr), sizeof(offload));
	return (struct xfrm_offload_evidence){ .ifindex = offload.ifindex,
					       .packet = offload.flags & XFRM_OFFLOAD_PACKET };
}

/* ---- policies ---- */

static int parse_template(const struct xfrm_user_tmpl *from, struct xfrm_template_evidence *out)
{
	if (xfrm_address_evidence(from->family, &from->id.daddr, &out->daddr) ||
	    xfrm_address_evidence(from->family, &from->saddr, &out->saddr))
		return -EPROTO;
	out->family = from->family;
	out->spi = ntohl(from->id.spi);
	out->reqid = from->reqid;
	out->proto = from->id.proto;
	out->mode = from->mode;
	out->optional = from->optional;
	return 0;
}

static int parse_templates(const struct nlattr *attr, struct xfrm_policy_evidence *policy)
{
	struct xfrm_user_tmpl from;
	size_t len = attr ? (size_t)nla_len(attr) : 0;

	if (len % sizeof(from) || len / sizeof(from) > XFRM_TEMPLATES_MAX)
		return -EPROTO;
	for (size_t i = 0; i < len / sizeof(from); i++) {
		memcpy(&from, (const char *)nla_data(attr) + i * sizeof(from), sizeof(from));
		if (parse_template(&from, &policy->tmpl[i]))
			return -EPROTO;
	}
	policy->tmpl_count = (uint8_t)(len / sizeof(from));
	return 0;
}

static int parse_policy(const struct xfrm_userpolicy_info *info, struct nlattr **attrs,
			struct xfrm_policy_evidence *policy)
{
	/* It is unknown which flows the security module permits to use it (security_xfrm_policy_lookup()). */
	if (attrs[XFRMA_SEC_CTX] || xfrm_selector_evidence(&info->sel, &policy->sel) ||
	    parse_templates(attrs[XFRMA_TMPL], policy))
		return -EPROTO;
	policy->dir = info->dir;
	policy->action = info->action;
	policy->type = XFRM_POLICY_TYPE_MAIN; /* without CONFIG_XFRM_SUB_POLICY there is no attribute */
	if (attrs[XFRMA_POLICY_TYPE])
		policy->type = *(const uint8_t *)nla_data(attrs[XFRMA_POLICY_TYPE]);
	policy->priority = info->priority;
	policy->index = info->index;
	policy->if_id = attrs[XFRMA_IF_ID] ? nla_get_u32(attrs[XFRMA_IF_ID]) : 0;
	policy->mark = xfrm_mark_evidence(attrs[XFRMA_MARK]);
	policy->offload = xfrm_offload_evidence(attrs[XFRMA_OFFLOAD_DEV]);
	return policy->offload.ifindex < 0 ? -EPROTO : 0;
}

int xfrm_parse_policy(const struct nlmsghdr *message, struct xfrm_policy_evidence *out, char *error, size_t error_size)
{
	static const struct nla_policy policy_of[PARSED_XFRMA_MAX + 1] = {
		[XFRMA_TMPL] = NETLINK_AT_LEAST(sizeof(struct xfrm_user_tmpl)),
		[XFRMA_SEC_CTX] = NETLINK_AT_LEAST(1),
		[XFRMA_POLICY_TYPE] = NETLINK_EXACTLY(sizeof(struct xfrm_userpolicy_type)),
		[XFRMA_MARK] = NETLINK_EXACTLY(sizeof(struct xfrm_mark)),
		[XFRMA_IF_ID] = NETLINK_EXACTLY(4),
		[XFRMA_OFFLOAD_DEV] = NETLINK_EXACTLY(sizeof(struct xfrm_user_offload)),
	};
	struct nlattr *attrs[PARSED_XFRMA_MAX + 1];
	struct xfrm_policy_evidence policy = { 0 };
	struct xfrm_userpolicy_info info;

	if (netlink_attributes(message, sizeof(info), PARSED_XFRMA_MAX, policy_of, attrs)) {
		text_format(error, error_size, "a policy is not understood");
		return -EPROTO;
	}
	memcpy(&info, NLMSG_DATA(message), sizeof(info)); /* in the message its u64 members are only 4-byte aligned */
	policy.dir = info.dir;
	if (info.dir < XFRM_POLICY_MAX && parse_policy(&info, attrs, &policy)) {
		text_format(error, error_size, "policy %u is not understood%s", info.index,
			    attrs[XFRMA_SEC_CTX] ? ": it has a security context" : "");
		return -EPROTO;
	}
	*out = policy;
	return 0;
}
