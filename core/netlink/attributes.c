// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "netlink/attributes.h"

#include <errno.h>
#include <stdbool.h>

static bool has_policy(const struct nla_policy *policy, int max, int type)
{
	return type > 0 && type <= max && (policy[type].type || policy[type].minlen);
}

/*
 * Returns 0 if each attribute fits, the attributes fill `len` octets, and no type with a policy repeats; else -EPROTO.
 * The padding of the last attribute may be missing.
 */
static int walk(const struct nlattr *head, size_t len, int max, const struct nla_policy *policy)
{
	uint64_t seen = 0; /* no family that is read here has more than 63 types */
	const struct nlattr *attr = head;
	int left = (int)len;

	for (; nla_ok(attr, left); attr = nla_next(attr, &left)) {
		int type = nla_type(attr);

		if (!has_policy(policy, max, type))
			continue;
		if (seen & UINT64_C(1) << type)
			return -EPROTO;
		seen |= UINT64_C(1) << type;
	}
	return left > 0 ? -EPROTO : 0;
}

static int parse(const struct nlattr *head, size_t len, int max, const struct nla_policy *policy, struct nlattr **attrs)
{
	if (max >= 64 || walk(head, len, max, policy))
		return -EPROTO;
	/* nla_parse() does not modify the octets; its parameter only lacks const. */
	return nla_parse(attrs, max, (struct nlattr *)head, (int)len, policy) ? -EPROTO : 0;
}

int netlink_attributes(const struct nlmsghdr *message, size_t header_size, int max, const struct nla_policy *policy,
		       struct nlattr **attrs)
{
	size_t payload = message->nlmsg_len - NLMSG_HDRLEN;
	size_t start = NLMSG_ALIGN(header_size);

	if (payload < header_size)
		return -EPROTO;
	if (start > payload)
		start = payload; /* a header without its padding, and no attributes */
	return parse((const struct nlattr *)((const char *)NLMSG_DATA(message) + start), payload - start, max, policy,
		     attrs);
}

int netlink_nested(const struct nlattr *nest, int max, const struct nla_policy *policy, struct nlattr **attrs)
{
	return parse(nla_data(nest), (size_t)nla_len(nest), max, policy, attrs);
}

int netlink_list(const struct nlattr *nest, int (*each)(const struct nlattr *item, void *context), void *context)
{
	const struct nlattr *item = nla_data(nest);
	int left = nla_len(nest);

	for (; nla_ok(item, left); item = nla_next(item, &left)) {
		int err = each(item, context);

		if (err)
			return err;
	}
	return left > 0 ? -EPROTO : 0;
}
