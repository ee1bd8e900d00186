// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The SPD. Source: net/xfrm/xfrm_user.c (xfrm_dump_policy, xfrm_get_default, build_spdinfo). */
#include <errno.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>

#include "evidence_private.h"
#include "netlink_attributes.h"
#include "text.h"

struct policies_reading {
	struct evidence_reading common;
	uint32_t seen[XFRM_POLICY_MAX], counted[XFRM_POLICY_MAX]; /* by direction */
};

/* ---- what policies and SAs share ---- */

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

void evidence_free_policies(struct evidence *ev)
{
	free(ev->policies);
	ev->policies = NULL;
	ev->policy_count = 0;
}

static void restart(void *context)
{
	struct policies_reading *reading = context;

	evidence_free_policies(reading->common.ev);
	memset(reading->seen, 0, sizeof(reading->seen));
}

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
	policy->tmpl_count = len / sizeof(from);
	return 0;
}

static int parse_policy(const struct xfrm_userpolicy_info *info, struct nlattr **attrs,
			struct xfrm_policy_evidence *policy)
{
	/* Whom the security module lets use it (security_xfrm_policy_lookup()) is out of our sight. */
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

static int add_policy(struct policies_reading *reading, const struct xfrm_policy_evidence *policy)
{
	struct evidence *ev = reading->common.ev;
	struct xfrm_policy_evidence *all = evidence_array_room(ev->policies, ev->policy_count, sizeof(*all));

	if (!all)
		return netlink_fail(reading->common.channel, -ENOMEM, "no memory for %zu policies",
				    ev->policy_count + 1);
	ev->policies = all;
	all[ev->policy_count++] = *policy;
	reading->seen[policy->dir]++;
	return 0;
}

int xfrm_parse_policy(const struct nlmsghdr *message, struct xfrm_policy_evidence *out, char *error, size_t error_size)
{
	static const struct nla_policy policy_of[EVIDENCE_XFRMA_MAX + 1] = {
		[XFRMA_TMPL] = NETLINK_AT_LEAST(sizeof(struct xfrm_user_tmpl)),
		[XFRMA_SEC_CTX] = NETLINK_AT_LEAST(1),
		[XFRMA_POLICY_TYPE] = NETLINK_EXACTLY(sizeof(struct xfrm_userpolicy_type)),
		[XFRMA_MARK] = NETLINK_EXACTLY(sizeof(struct xfrm_mark)),
		[XFRMA_IF_ID] = NETLINK_EXACTLY(4),
		[XFRMA_OFFLOAD_DEV] = NETLINK_EXACTLY(sizeof(struct xfrm_user_offload)),
	};
	struct nlattr *attrs[EVIDENCE_XFRMA_MAX + 1];
	struct xfrm_policy_evidence policy = { 0 };
	struct xfrm_userpolicy_info info;

	if (netlink_attributes(message, sizeof(info), EVIDENCE_XFRMA_MAX, policy_of, attrs)) {
		text_format(error, error_size, "a policy is not understood");
		return -EPROTO;
	}
	memcpy(&info, NLMSG_DATA(message), sizeof(info)); /* its u64s are only 4-aligned there */
	policy.dir = info.dir;
	if (info.dir < XFRM_POLICY_MAX && parse_policy(&info, attrs, &policy)) {
		text_format(error, error_size, "policy %u is not understood%s", info.index,
			    attrs[XFRMA_SEC_CTX] ? ": it has a security context" : "");
		return -EPROTO;
	}
	*out = policy;
	return 0;
}

static int take_policy(const struct nlmsghdr *message, void *context)
{
	struct policies_reading *reading = context;
	struct netlink_channel *channel = reading->common.channel;
	struct xfrm_policy_evidence policy;
	int err;

	if (message->nlmsg_type != XFRM_MSG_NEWPOLICY)
		return netlink_fail(channel, -EPROTO, "a policy is not understood");
	err = xfrm_parse_policy(message, &policy, channel->error, channel->error_size);
	if (err || policy.dir >= XFRM_POLICY_MAX)
		return err;
	return add_policy(reading, &policy);
}

static int take_policy_count(const struct nlmsghdr *message, void *context)
{
	static const struct nla_policy policy_of[XFRMA_SPD_MAX + 1] = {
		[XFRMA_SPD_INFO] = NETLINK_AT_LEAST(sizeof(struct xfrmu_spdinfo)),
	};
	struct nlattr *attrs[XFRMA_SPD_MAX + 1];
	struct policies_reading *reading = context;
	struct xfrmu_spdinfo info;

	if (message->nlmsg_type != XFRM_MSG_NEWSPDINFO ||
	    netlink_attributes(message, sizeof(uint32_t), XFRMA_SPD_MAX, policy_of, attrs) || !attrs[XFRMA_SPD_INFO])
		return netlink_fail(reading->common.channel, -EPROTO, "the number of policies is not understood");
	memcpy(&info, nla_data(attrs[XFRMA_SPD_INFO]), sizeof(info));
	reading->counted[XFRM_POLICY_IN] = info.incnt;
	reading->counted[XFRM_POLICY_OUT] = info.outcnt;
	reading->counted[XFRM_POLICY_FWD] = info.fwdcnt;
	return 0;
}

static int ask(struct netlink_channel *channel, int type, const void *payload, size_t size,
	       int (*message)(const struct nlmsghdr *message, void *context), void *context)
{
	struct nl_msg *request = nlmsg_alloc_simple(type, 0);
	int err;

	if (!request || nlmsg_append(request, (void *)payload, size, NLMSG_ALIGNTO))
		err = netlink_fail(channel, -ENOMEM, "no memory for a request");
	else
		err = netlink_ask(channel, request, message, context);
	nlmsg_free(request);
	return err;
}

static int dump_policies(struct policies_reading *reading)
{
	const struct netlink_reader reader = { restart, take_policy, reading };
	struct nl_msg *request = nlmsg_alloc_simple(XFRM_MSG_GETPOLICY, 0);
	const uint32_t flags = UINT32_MAX; /* all counts; only echoed */
	int err = request ? netlink_dump(reading->common.channel, request, &reader)
			  : netlink_fail(reading->common.channel, -ENOMEM, "no memory for a request");

	nlmsg_free(request);
	return err ? err
		   : ask(reading->common.channel, XFRM_MSG_GETSPDINFO, &flags, sizeof(flags), take_policy_count,
			 reading);
}

/*
 * xfrm dumps never say NLM_F_DUMP_INTR, and xfrm_policy_walk() does not see what was put in front of it meanwhile: a
 * policy that is being replaced (xfrm_policy_insert()) is then in the dump neither old nor new. The counts tell.
 */
static int read_policies(struct policies_reading *reading)
{
	for (int i = 0; i < NETLINK_TRIES; i++) {
		int err = dump_policies(reading);

		if (err || !memcmp(reading->seen, reading->counted, sizeof(reading->seen)))
			return err;
	}
	return netlink_fail(reading->common.channel, -EAGAIN, "the policies changed while they were read");
}

static int take_default(const struct nlmsghdr *message, void *context)
{
	struct evidence_reading *reading = context;
	const struct xfrm_userpolicy_default *defaults = NLMSG_DATA(message);

	if (message->nlmsg_type != XFRM_MSG_GETDEFAULT || message->nlmsg_len < NLMSG_LENGTH(sizeof(*defaults)))
		return netlink_fail(reading->channel, -EPROTO, "the default policy is not understood");
	reading->ev->xfrm_default_block_out = defaults->out == XFRM_USERPOLICY_BLOCK;
	return 0;
}

/* Since 5.14; xfrm_user_rcv_msg() says EINVAL to a message that it does not know. */
static int read_default(struct evidence_reading *reading)
{
	const struct xfrm_userpolicy_default none = { 0 };
	int err;

	reading->ev->xfrm_default_block_out = false;
	err = ask(reading->channel, XFRM_MSG_GETDEFAULT, &none, sizeof(none), take_default, reading);
	return err == -EINVAL ? 0 : err;
}

int evidence_read_xfrm(struct netlink_channel *channel, struct evidence *ev)
{
	struct policies_reading reading = { .common = { .channel = channel, .ev = ev } };
	int err = read_policies(&reading);

	if (!err)
		err = read_default(&reading.common);
	if (!err)
		err = evidence_read_sas(&reading.common);
	if (err) {
		evidence_free_policies(ev);
		ev->xfrm_default_block_out = false;
	}
	return err;
}
