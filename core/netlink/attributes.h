/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Strict parsing of netlink attributes. nla_parse() alone stops silently at an attribute that does not fit, takes the
 * last of repeated attributes, and accepts integers that are too long. Evidence must not depend on any of these.
 * Nothing here allocates or blocks.
 */
#ifndef RDMASEC_NETLINK_ATTRIBUTES_H
#define RDMASEC_NETLINK_ATTRIBUTES_H

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <stddef.h>

#include "util/attributes.h"

/* Entries of an array of policies: the payload of a type has exactly `size` octets, or at least `size`. */
#define NETLINK_EXACTLY(size)                                          \
	{                                                              \
		.type = NLA_UNSPEC, .minlen = (size), .maxlen = (size) \
	}
#define NETLINK_AT_LEAST(size)                       \
	{                                            \
		.type = NLA_UNSPEC, .minlen = (size) \
	}

/*
 * Sorts the attributes after the family header of a message into attrs[0..max]; an absent one is NULL. Returns 0, or
 * -EPROTO: the attributes do not fill the message exactly, or a type with a policy is repeated or has a wrong length.
 * Types without a policy are not checked, because newer kernels have more of them and padding (RTA_PAD, XFRMA_PAD)
 * repeats. The pointers refer to the message.
 */
RS_MUST_USE int netlink_attributes(const struct nlmsghdr *message, size_t header_size, int max,
				   const struct nla_policy *policy, struct nlattr **attrs);

/* Like netlink_attributes(), for the attributes in `nest`. */
RS_MUST_USE int netlink_nested(const struct nlattr *nest, int max, const struct nla_policy *policy,
			       struct nlattr **attrs);

/*
 * Calls `each` for every attribute of a list, a nest whose types are only counters. Returns 0; the first result of
 * `each` that is not 0; or -EPROTO if the attributes do not fill the nest.
 */
RS_MUST_USE int netlink_list(const struct nlattr *nest, int (*each)(const struct nlattr *item, void *context),
			     void *context);

#endif
