// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Whether a classifier matches. Sources: mall_classify() in net/sched/cls_matchall.c, fl_classify() and
 * fl_dump_key() in cls_flower.c, u32_classify() and u32_dump() in cls_u32.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include "hazards/filters.h"
#include "netlink/attributes.h"

static bool skips_software(const struct nlattr *flags)
{
	return flags && (nla_len(flags) != sizeof(uint32_t) || nla_get_u32(flags) & TCA_CLS_FLAGS_SKIP_SW);
}

/* ---- matchall ---- */

static enum answer match_all(const struct traffic_walk *walk, const struct traffic_filter *filter)
{
	static const struct nla_policy policy[TCA_MATCHALL_MAX + 1] = { [TCA_MATCHALL_FLAGS] = NETLINK_EXACTLY(4) };
	struct nlattr *attrs[TCA_MATCHALL_MAX + 1];

	(void)walk;
	if (netlink_nested(filter->options, TCA_MATCHALL_MAX, policy, attrs))
		return ANSWER_MAYBE;
	return skips_software(attrs[TCA_MATCHALL_FLAGS]) ? ANSWER_MAYBE : ANSWER_YES;
}

/* ---- flower ---- */

enum { FLOWER_TYPES = 64 };

struct flower {
	const struct nlattr *attrs[FLOWER_TYPES];
	bool has_more; /* keys that are not among those, or repeat */
};

/* More types than netlink_nested() takes. */
static int take_key(const struct nlattr *attr, void *context)
{
	struct flower *flower = context;
	int type = nla_type(attr);

	if (type == TCA_FLOWER_IN_HW_COUNT)
		return 0;
	if (type >= FLOWER_TYPES || flower->attrs[type])
		flower->has_more = true;
	else
		flower->attrs[type] = attr;
	return 0;
}

/* Where the key is in the packet. `mask` 0: the key has none. */
struct flower_key {
	int value, mask;
	int family; /* 0: any */
	size_t at, len;
};

static enum answer match_key(const struct traffic_walk *walk, const struct flower *flower, const struct flower_key *key)
{
	static const uint8_t whole[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct nlattr *value = flower->attrs[key->value], *mask = flower->attrs[key->mask];

	if (!value)
		return ANSWER_YES;
	if ((size_t)nla_len(value) != key->len || (key->mask && (!mask || (size_t)nla_len(mask) != key->len)) ||
	    (key->family && key->family != walk->flow->family))
		return ANSWER_MAYBE;
	return octets_match(&walk->packet, key->at, nla_data(value), key->mask ? nla_data(mask) : whole, key->len);
}

static enum answer match_ethertype(const struct traffic_walk *walk, const struct nlattr *type)
{
	uint16_t own = walk->flow->family == AF_INET ? ETH_P_IP : ETH_P_IPV6;

	if (!type)
		return ANSWER_YES;
	if (nla_len(type) != sizeof(uint16_t) || walk->frame != TRAFFIC_FRAME_IP)
		return ANSWER_MAYBE;
	return ntohs(nla_get_u16(type)) == own ? ANSWER_YES : ANSWER_NO;
}

/* Attributes that are no keys, and keys that are looked at elsewhere. */
static bool is_judged(int type)
{
	switch (type) {
	case TCA_FLOWER_CLASSID:
	case TCA_FLOWER_ACT:
	case TCA_FLOWER_FLAGS:
	case TCA_FLOWER_KEY_ETH_TYPE:
	case TCA_FLOWER_KEY_IP_PROTO:
	case TCA_FLOWER_KEY_IPV4_SRC:
	case TCA_FLOWER_KEY_IPV4_SRC_MASK:
	case TCA_FLOWER_KEY_IPV4_DST:
	case TCA_FLOWER_KEY_IPV4_DST_MASK:
	case TCA_FLOWER_KEY_IPV6_SRC:
	case TCA_FLOWER_KEY_IPV6_SRC_MASK:
	case TCA_FLOWER_KEY_IPV6_DST:
	case TCA_FLOWER_KEY_IPV6_DST_MASK:
	case TCA_FLOWER_KEY_UDP_DST:
	case TCA_FLOWER_KEY_UDP_DST_MASK:
		return true;
	default:
		return false;
	}
}

/* A TCP port is none of the packet's, whose protocol then differs as well. */
static enum answer match_flower(const struct traffic_walk *walk, const struct traffic_filter *filter)
{
	const bool v4 = walk->flow->family == AF_INET;
	const struct flower_key keys[] = {
		{ TCA_FLOWER_KEY_IP_PROTO, 0, 0, v4 ? 9 : 6, 1 },
		{ TCA_FLOWER_KEY_IPV4_SRC, TCA_FLOWER_KEY_IPV4_SRC_MASK, AF_INET, 12, 4 },
		{ TCA_FLOWER_KEY_IPV4_DST, TCA_FLOWER_KEY_IPV4_DST_MASK, AF_INET, 16, 4 },
		{ TCA_FLOWER_KEY_IPV6_SRC, TCA_FLOWER_KEY_IPV6_SRC_MASK, AF_INET6, 8, 16 },
		{ TCA_FLOWER_KEY_IPV6_DST, TCA_FLOWER_KEY_IPV6_DST_MASK, AF_INET6, 24, 16 },
		{ TCA_FLOWER_KEY_UDP_DST, TCA_FLOWER_KEY_UDP_DST_MASK, 0, v4 ? 22 : 42, 2 },
	};
	struct flower flower = { 0 };
	enum answer answer;

	if (netlink_list(filter->options, take_key, &flower))
		return ANSWER_MAYBE;
	answer = match_ethertype(walk, flower.attrs[TCA_FLOWER_KEY_ETH_TYPE]);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		answer = answer_both(answer, match_key(walk, &flower, &keys[i]));
	if (flower.has_more || skips_software(flower.attrs[TCA_FLOWER_FLAGS]))
		answer = answer_both(answer, ANSWER_MAYBE);
	for (int i = 1; i < FLOWER_TYPES; i++)
		if (flower.attrs[i] && !is_judged(i))
			answer = answer_both(answer, ANSWER_MAYBE);
	return answer;
}

/* ---- u32 ---- */

/* The offset of a key counts from the network header, plus one that an earlier table computed (offmask). */
static enum answer match_u32_key(const struct traffic_walk *walk, const struct tc_u32_key *key)
{
	struct octets packet = walk->packet;
	uint8_t value[sizeof(key->val)], mask[sizeof(key->mask)];

	memcpy(value, &key->val, sizeof(value));
	memcpy(mask, &key->mask, sizeof(mask));
	if (!key->mask)
		return ANSWER_YES;
	if (key->offmask || key->off < 0 || key->off > REGISTERS_SIZE - (int)sizeof(value))
		return ANSWER_MAYBE;
	packet_blur_parts(walk->flow, (size_t)key->off, sizeof(value), &packet.known[key->off]);
	return octets_match(&packet, (size_t)key->off, value, mask, sizeof(value));
}

static enum answer match_selector(const struct traffic_walk *walk, const struct nlattr *attr)
{
	enum answer answer = ANSWER_YES;
	struct tc_u32_sel selector;
	struct tc_u32_key key;

	if (!attr || (size_t)nla_len(attr) < sizeof(selector))
		return ANSWER_MAYBE;
	memcpy(&selector, nla_data(attr), sizeof(selector));
	if ((size_t)nla_len(attr) < sizeof(selector) + selector.nkeys * sizeof(key))
		return ANSWER_MAYBE;
	for (size_t i = 0; i < selector.nkeys; i++) {
		memcpy(&key, (const char *)nla_data(attr) + sizeof(selector) + i * sizeof(key), sizeof(key));
		answer = answer_both(answer, match_u32_key(walk, &key));
	}
	/* goes to another table, or on: its actions are not those of a match */
	return selector.flags & TC_U32_TERMINAL ? answer : ANSWER_NO;
}

static enum answer match_u32(const struct traffic_walk *walk, const struct traffic_filter *filter)
{
	static const struct nla_policy policy[TCA_U32_MAX + 1] = {
		[TCA_U32_DIVISOR] = NETLINK_EXACTLY(4),
		[TCA_U32_SEL] = NETLINK_AT_LEAST(sizeof(struct tc_u32_sel)),
		[TCA_U32_FLAGS] = NETLINK_EXACTLY(4),
	};
	struct nlattr *attrs[TCA_U32_MAX + 1];
	enum answer answer;

	if (netlink_nested(filter->options, TCA_U32_MAX, policy, attrs))
		return ANSWER_MAYBE;
	if (attrs[TCA_U32_DIVISOR])
		return ANSWER_NO; /* a table, not a filter */
	answer = match_selector(walk, attrs[TCA_U32_SEL]);
	if (walk->block->has_links || TC_U32_HASH(filter->handle) || attrs[TCA_U32_INDEV] || attrs[TCA_U32_MARK] ||
	    attrs[TCA_U32_POLICE] || skips_software(attrs[TCA_U32_FLAGS]))
		answer = answer_both(answer, ANSWER_MAYBE);
	return answer;
}

/* ---- */

static const struct {
	const char *kind;
	enum answer (*match)(const struct traffic_walk *walk, const struct traffic_filter *filter); /* NULL: MAYBE */
	int actions;
} kinds[] = {
	{ "matchall", match_all, TCA_MATCHALL_ACT },
	{ "flower", match_flower, TCA_FLOWER_ACT },
	{ "u32", match_u32, TCA_U32_ACT },
	{ "basic", NULL, TCA_BASIC_ACT },
	{ "fw", NULL, TCA_FW_ACT },
	{ "flow", NULL, TCA_FLOW_ACT },
	{ "route", NULL, TCA_ROUTE4_ACT },
	{ "cgroup", NULL, TCA_CGROUP_ACT },
	{ "bpf", NULL, TCA_BPF_ACT },
};

/* Frames of another kind have the ethertype of a VLAN or of MACsec; their headers are not looked at. */
static enum answer match_protocol(const struct traffic_walk *walk, uint16_t protocol)
{
	uint16_t own = walk->flow->family == AF_INET ? ETH_P_IP : ETH_P_IPV6;

	if (protocol == ETH_P_ALL || (walk->frame == TRAFFIC_FRAME_IP && protocol == own))
		return ANSWER_YES;
	return walk->frame == TRAFFIC_FRAME_IP ? ANSWER_NO : ANSWER_MAYBE;
}

enum answer traffic_match(const struct traffic_walk *walk, const struct traffic_filter *filter)
{
	enum answer protocol = match_protocol(walk, filter->protocol);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].match && filter->options && !strcmp(filter->kind, kinds[i].kind))
			return answer_both(protocol, kinds[i].match(walk, filter));
	return answer_both(protocol, ANSWER_MAYBE);
}

static bool acts_by_itself(const struct nlattr *options)
{
	static const struct nla_policy policy[TCA_BPF_MAX + 1] = { [TCA_BPF_FLAGS] = NETLINK_EXACTLY(4) };
	struct nlattr *attrs[TCA_BPF_MAX + 1];

	return netlink_nested(options, TCA_BPF_MAX, policy, attrs) || !attrs[TCA_BPF_FLAGS] ||
	       nla_get_u32(attrs[TCA_BPF_FLAGS]) & TCA_BPF_FLAG_ACT_DIRECT;
}

struct wanted {
	int type;
	const struct nlattr *found;
};

static int take_wanted(const struct nlattr *attr, void *context)
{
	struct wanted *wanted = context;

	if (nla_type(attr) == wanted->type && !wanted->found)
		wanted->found = attr;
	return 0;
}

const struct nlattr *traffic_actions(const struct traffic_filter *filter, bool *out_program)
{
	struct wanted wanted = { 0 };

	*out_program = false;
	if (!filter->options)
		return NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(filter->kind, kinds[i].kind))
			wanted.type = kinds[i].actions;
	/* a classifier that is not listed may do anything */
	*out_program = !wanted.type || (!strcmp(filter->kind, "bpf") && acts_by_itself(filter->options)) ||
		       netlink_list(filter->options, take_wanted, &wanted);
	return wanted.found;
}
