/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Strict parsing of netlink attributes. nla_parse() alone stops silently at an attribute that does not fit, takes the
 * last of several, and lets an integer be too long: evidence must not hang on any of these.
 */
#ifndef RDMASEC_NETLINK_ATTRIBUTES_H
#define RDMASEC_NETLINK_ATTRIBUTES_H

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <stddef.h>

#include "util/attributes.h"

/* What `policy` says of a type: exactly so long. */
#define NETLINK_EXACTLY(size)                                          \
	{                                                              \
		.type = NLA_UNSPEC, .minlen = (size), .maxlen = (size) \
	}
#define NETLINK_AT_LEAST(size)                       \
	{                                            \
		.type = NLA_UNSPEC, .minlen = (size) \
	}

/*
 * Sorts the attributes after a message's family header into attrs[0..max]. 0, or -EPROTO: they do not fill the message
 * exactly, one with a policy is there twice or of a wrong length. Types without a policy are passed over, because
 * newer kernels have more of them and padding (RTA_PAD, XFRMA_PAD...) repeats.
 */
RS_MUST_USE int netlink_attributes(const struct nlmsghdr *message, size_t header_size, int max,
				   const struct nla_policy *policy, struct nlattr **attrs);

/* The same for a nested attribute. */
RS_MUST_USE int netlink_nested(const struct nlattr *nest, int max, const struct nla_policy *policy,
			       struct nlattr **attrs);

/* Calls for every attribute of a list, a nest whose types are mere counters. 0, -EPROTO, or what `each` says. */
RS_MUST_USE int netlink_list(const struct nlattr *nest, int (*each)(const struct nlattr *item, void *context),
			     void *context);

#endif
