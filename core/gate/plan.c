// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "gate/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/facts.h"
#include "policy/policy.h"
#include "util/array.h"

/* ---- netdevs ---- */

enum { DEPTH_MAX = 8 }; /* as the kernel limits the nesting of netdevs: MAX_NEST_DEV in include/linux/netdevice.h */

static bool has_ports(const struct evidence *ev, int ifindex)
{
	for (size_t i = 0; i < ev->link_count; i++)
		if (ev->links[i].master_ifindex == ifindex)
			return true;
	return false;
}

/* The other end of a veth pair is beside it, not below. */
static int lower_of(const struct link_evidence *link)
{
	return strcmp(link->kind, "veth") ? link->lower_ifindex : 0;
}

static bool is_lowest(const struct evidence *ev, const struct link_evidence *link)
{
	return !lower_of(link) && !has_ports(ev, link->ifindex);
}

static bool is_below(const struct evidence *ev, const struct link_evidence *link, int upper, int depth)
{
	const struct link_evidence *above = evidence_link(ev, upper);

	if (upper == link->ifindex)
		return true;
	if (!above || depth == DEPTH_MAX)
		return false;
	if (lower_of(above) && is_below(ev, link, lower_of(above), depth + 1))
		return true;
	for (size_t i = 0; i < ev->link_count; i++)
		if (ev->links[i].master_ifindex == upper && is_below(ev, link, ev->links[i].ifindex, depth + 1))
			return true;
	return false;
}

/* These hand their packets to the IP stack, which sends them by another netdev. */
static bool is_tunnel(const char *kind)
{
	static const char *const tunnels[] = { "macsec", "vxlan", "geneve", "gre",    "gretap",   "ip6gre", "ip6gretap",
					       "ipip",   "sit",   "ip6tnl", "vti",    "vti6",     "xfrm",   "wireguard",
					       "vrf",    "dummy", "ifb",    "erspan", "ip6erspan" };

	for (size_t i = 0; i < sizeof(tunnels) / sizeof(tunnels[0]); i++)
		if (!strcmp(kind, tunnels[i]))
			return true;
	return false;
}

bool gate_is_needed(const struct evidence *ev, const struct link_evidence *link, const int *under, size_t count)
{
	if (link->loopback || !is_lowest(ev, link) || is_tunnel(link->kind))
		return false;
	if (!link->kind[0])
		return true;
	for (size_t i = 0; i < count; i++)
		if (is_below(ev, link, under[i], 0))
			return true;
	return false;
}

/* ---- the policy ---- */

static bool lets_clear(const struct policy_rule *rule)
{
	return rule->requirement.require == REQUIRE_NONE || rule->mode != MODE_ENFORCE;
}

static bool matches_remote_only(const struct policy_rule *rule)
{
	return rule->has_remote && !rule->has_port && !rule->has_uid && !rule->device[0] && !rule->executable[0];
}

static bool overlaps(const struct policy_rule *a, const struct policy_rule *b)
{
	if (!a->has_remote || !b->has_remote)
		return true;
	return a->remote_family == b->remote_family &&
	       address_has_prefix(&a->remote, &b->remote,
				  a->remote_prefix < b->remote_prefix ? a->remote_prefix : b->remote_prefix);
}

static bool is_kept_closed(const struct policy *policy, size_t at)
{
	const struct policy_rule *rule = policy_rule_at(policy, at);

	for (size_t i = 0; i < at; i++) {
		const struct policy_rule *before = policy_rule_at(policy, i);

		if (!lets_clear(before) && overlaps(before, rule))
			return true;
	}
	return false;
}

static struct gate_prefix prefix_of(const struct policy_rule *rule)
{
	struct gate_prefix prefix = { .bits = rule->remote_prefix };

	if (rule->remote_family == AF_INET)
		prefix.bits += 96;
	gid_from_address(rule->remote_family, &rule->remote, prefix.address);
	return prefix;
}

static int add_prefix(const struct policy_rule *rule, struct gate_opening *out)
{
	const struct gate_prefix prefix = prefix_of(rule);

	return array_append(&out->prefixes, &out->count, &prefix, sizeof(prefix));
}

int gate_opened_by(const struct policy *policy, struct gate_opening *out)
{
	size_t last = policy_rule_count(policy) - 1;

	*out = (struct gate_opening){ .all = lets_clear(policy_rule_at(policy, last)) };
	for (size_t i = 0; i <= last; i++) {
		const struct policy_rule *rule = policy_rule_at(policy, i);

		out->authenticated |= rule->requirement.integrity_only;
		if (i == last || !lets_clear(rule))
			continue;
		if (!matches_remote_only(rule) || is_kept_closed(policy, i)) {
			out->unopened++;
		} else if (add_prefix(rule, out)) {
			gate_opening_free(out);
			return -ENOMEM;
		}
	}
	return 0;
}

void gate_opening_free(struct gate_opening *opening)
{
	free(opening->prefixes);
	*opening = (struct gate_opening){ .prefixes = NULL };
}
