// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * What expressions of nftables find and do, for a UDP packet to port 4791. One that is not listed may find and do
 * anything that an expression of its kind can. Sources: net/netfilter/nft_*.c, and xt_mark.c.
 */
#include <arpa/inet.h> /* before the kernel's, which leave out what it defines */

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_mark.h>
#include <stddef.h>
#include <string.h>

#include "hazards/packet.h"
#include "hazards/walk.h"
#include "netlink/attributes.h"

struct expression {
	const struct nft_walk *walk;
	const struct nlattr *data; /* NFTA_EXPR_DATA */
	struct octets *registers;
	struct nft_step *step;
};

static uint32_t number(const struct nlattr *attr, uint32_t absent)
{
	return attr ? ntohl(nla_get_u32(attr)) : absent;
}

static int forget(struct expression *e, uint32_t dreg, size_t len)
{
	size_t at;

	if (registers_at(dreg, len, &at))
		return -EPROTO;
	memset(&e->registers->known[at], OCTET_UNKNOWN, len);
	return 0;
}

static int store(struct expression *e, uint32_t dreg, const uint8_t *value, const uint8_t *known, size_t len)
{
	size_t at, padded = (len + NFT_REG32_SIZE - 1) / NFT_REG32_SIZE * NFT_REG32_SIZE;

	if (registers_at(dreg, padded, &at))
		return -EPROTO;
	/* the kernel zeroes the rest of the last word */
	memset(&e->registers->value[at], 0, padded);
	memset(&e->registers->known[at], OCTET_KNOWN, padded);
	memcpy(&e->registers->value[at], value, len);
	memcpy(&e->registers->known[at], known, len);
	return 0;
}

static int store_known(struct expression *e, uint32_t dreg, const void *value, size_t len)
{
	uint8_t known[REGISTERS_SIZE];

	if (len > sizeof(known))
		return -EPROTO;
	memset(known, OCTET_KNOWN, sizeof(known));
	return store(e, dreg, value, known, len);
}

/* NFTA_DATA_VALUE of a nest. */
static int value_of(const struct nlattr *nest, const uint8_t **out, size_t *out_len)
{
	static const struct nla_policy policy[NFTA_DATA_VERDICT + 1] = { [NFTA_DATA_VALUE] = NETLINK_AT_LEAST(1) };
	struct nlattr *attrs[NFTA_DATA_VERDICT + 1];

	if (!nest || netlink_nested(nest, NFTA_DATA_VERDICT, policy, attrs) || !attrs[NFTA_DATA_VALUE] ||
	    nla_len(attrs[NFTA_DATA_VALUE]) > REGISTERS_SIZE)
		return -EPROTO;
	*out = nla_data(attrs[NFTA_DATA_VALUE]);
	*out_len = (size_t)nla_len(attrs[NFTA_DATA_VALUE]);
	return 0;
}

/* ---- the packet ---- */

static int take_payload(struct expression *e)
{
	static const struct nla_policy policy[NFTA_PAYLOAD_MAX + 1] = {
		[NFTA_PAYLOAD_DREG] = NETLINK_EXACTLY(4),   [NFTA_PAYLOAD_BASE] = NETLINK_EXACTLY(4),
		[NFTA_PAYLOAD_OFFSET] = NETLINK_EXACTLY(4), [NFTA_PAYLOAD_LEN] = NETLINK_EXACTLY(4),
		[NFTA_PAYLOAD_SREG] = NETLINK_EXACTLY(4),
	};
	struct nlattr *attrs[NFTA_PAYLOAD_MAX + 1];
	uint32_t base, offset, len;
	struct octets header = { 0 };

	if (netlink_nested(e->data, NFTA_PAYLOAD_MAX, policy, attrs) || !attrs[NFTA_PAYLOAD_BASE] ||
	    !attrs[NFTA_PAYLOAD_OFFSET] || !attrs[NFTA_PAYLOAD_LEN])
		return -EPROTO;
	base = number(attrs[NFTA_PAYLOAD_BASE], 0);
	if (attrs[NFTA_PAYLOAD_SREG]) {
		e->step->effect = base == NFT_PAYLOAD_NETWORK_HEADER ? NFT_EFFECT_HEADER : NFT_EFFECT_NONE;
		return 0;
	}
	offset = number(attrs[NFTA_PAYLOAD_OFFSET], 0);
	len = number(attrs[NFTA_PAYLOAD_LEN], 0);
	if (!attrs[NFTA_PAYLOAD_DREG] || !len || len > REGISTERS_SIZE)
		return -EPROTO;
	if (base == NFT_PAYLOAD_NETWORK_HEADER)
		(void)packet_network_header(e->walk->flow, &header);
	else if (base == NFT_PAYLOAD_TRANSPORT_HEADER)
		packet_transport_header(&header, 0);
	if (offset > PACKET_HEADER_MAX || len > PACKET_HEADER_MAX - offset)
		return forget(e, number(attrs[NFTA_PAYLOAD_DREG], 0), len);
	packet_blur_parts(e->walk->flow, offset, len, &header.known[offset]);
	return store(e, number(attrs[NFTA_PAYLOAD_DREG], 0), &header.value[offset], &header.known[offset], len);
}

static int load_meta(struct expression *e, uint32_t key, uint32_t dreg)
{
	const struct netfilter_flow *flow = e->walk->flow;
	bool v4 = flow->family == AF_INET;
	const uint8_t nfproto = v4 ? NFPROTO_IPV4 : NFPROTO_IPV6, l4proto = IPPROTO_UDP;
	const uint16_t protocol = htons(v4 ? ETH_P_IP : ETH_P_IPV6);

	switch (key) {
	case NFT_META_NFPROTO:
		return store_known(e, dreg, &nfproto, sizeof(nfproto));
	case NFT_META_L4PROTO:
		return store_known(e, dreg, &l4proto, sizeof(l4proto));
	case NFT_META_PROTOCOL:
		return store_known(e, dreg, &protocol, sizeof(protocol));
	case NFT_META_OIF:
		return flow->ifindex ? store_known(e, dreg, &flow->ifindex, 4) : forget(e, dreg, 4);
	case NFT_META_OIFNAME:
		return flow->netdev[0] ? store_known(e, dreg, flow->netdev, IF_NAMESIZE) : forget(e, dreg, IF_NAMESIZE);
	case NFT_META_MARK:
		return e->walk->mark_known ? store_known(e, dreg, e->walk->mark, 4) : forget(e, dreg, 4);
	default:
		/* of up to a name's length */
		return forget(e, dreg, NFT_REG_SIZE);
	}
}

static void set_mark(struct nft_step *step, const struct octets *octets, size_t at)
{
	step->effect = NFT_EFFECT_MARK;
	step->mark_to_known = true;
	for (size_t i = 0; i < sizeof(step->mark_to); i++) {
		step->mark_to[i] = octets->value[at + i];
		step->mark_to_known &= octets->known[at + i] == OCTET_KNOWN;
	}
}

static int take_meta(struct expression *e)
{
	static const struct nla_policy policy[NFTA_META_MAX + 1] = { [NFTA_META_DREG] = NETLINK_EXACTLY(4),
								     [NFTA_META_KEY] = NETLINK_EXACTLY(4),
								     [NFTA_META_SREG] = NETLINK_EXACTLY(4) };
	struct nlattr *attrs[NFTA_META_MAX + 1];
	uint32_t key;
	size_t at;

	if (netlink_nested(e->data, NFTA_META_MAX, policy, attrs) || !attrs[NFTA_META_KEY])
		return -EPROTO;
	key = number(attrs[NFTA_META_KEY], 0);
	if (!attrs[NFTA_META_SREG])
		return load_meta(e, key, number(attrs[NFTA_META_DREG], 0));
	if (key != NFT_META_MARK)
		return 0;
	if (registers_at(number(attrs[NFTA_META_SREG], 0), sizeof(e->step->mark_to), &at))
		return -EPROTO;
	set_mark(e->step, e->registers, at);
	return 0;
}

/* ---- comparisons ---- */

static int take_cmp(struct expression *e)
{
	static const struct nla_policy policy[NFTA_CMP_MAX + 1] = { [NFTA_CMP_SREG] = NETLINK_EXACTLY(4),
								    [NFTA_CMP_OP] = NETLINK_EXACTLY(4),
								    [NFTA_CMP_DATA] = { .type = NLA_NESTED } };
	struct nlattr *attrs[NFTA_CMP_MAX + 1];
	const uint8_t *value;
	size_t at, len;

	if (netlink_nested(e->data, NFTA_CMP_MAX, policy, attrs) || value_of(attrs[NFTA_CMP_DATA], &value, &len) ||
	    registers_at(number(attrs[NFTA_CMP_SREG], 0), len, &at))
		return -EPROTO;
	e->step->matches = octets_compare(e->registers, at, number(attrs[NFTA_CMP_OP], UINT32_MAX), value, len);
	return 0;
}

static enum answer inverted(enum answer answer, bool invert)
{
	if (!invert || answer == ANSWER_MAYBE)
		return answer;
	return answer == ANSWER_YES ? ANSWER_NO : ANSWER_YES;
}

static int take_range(struct expression *e)
{
	static const struct nla_policy policy[NFTA_RANGE_MAX + 1] = {
		[NFTA_RANGE_SREG] = NETLINK_EXACTLY(4),
		[NFTA_RANGE_OP] = NETLINK_EXACTLY(4),
		[NFTA_RANGE_FROM_DATA] = { .type = NLA_NESTED },
		[NFTA_RANGE_TO_DATA] = { .type = NLA_NESTED },
	};
	struct nlattr *attrs[NFTA_RANGE_MAX + 1];
	const uint8_t *from, *to;
	size_t at, from_len, to_len;
	enum answer inside;

	if (netlink_nested(e->data, NFTA_RANGE_MAX, policy, attrs) ||
	    value_of(attrs[NFTA_RANGE_FROM_DATA], &from, &from_len) ||
	    value_of(attrs[NFTA_RANGE_TO_DATA], &to, &to_len) || from_len != to_len ||
	    registers_at(number(attrs[NFTA_RANGE_SREG], 0), from_len, &at))
		return -EPROTO;
	inside = answer_both(octets_compare(e->registers, at, NFT_CMP_GTE, from, from_len),
			     octets_compare(e->registers, at, NFT_CMP_LTE, to, to_len));
	e->step->matches = inverted(inside, number(attrs[NFTA_RANGE_OP], 0) == NFT_RANGE_NEQ);
	return 0;
}

static int take_bitwise(struct expression *e)
{
	static const struct nla_policy policy[NFTA_BITWISE_MAX + 1] = {
		[NFTA_BITWISE_SREG] = NETLINK_EXACTLY(4),    [NFTA_BITWISE_DREG] = NETLINK_EXACTLY(4),
		[NFTA_BITWISE_LEN] = NETLINK_EXACTLY(4),     [NFTA_BITWISE_MASK] = { .type = NLA_NESTED },
		[NFTA_BITWISE_XOR] = { .type = NLA_NESTED }, [NFTA_BITWISE_OP] = NETLINK_EXACTLY(4),
	};
	struct nlattr *attrs[NFTA_BITWISE_MAX + 1];
	uint8_t value[REGISTERS_SIZE], known[REGISTERS_SIZE];
	const uint8_t *mask, *xor;
	size_t from, mask_len, xor_len, len;

	if (netlink_nested(e->data, NFTA_BITWISE_MAX, policy, attrs))
		return -EPROTO;
	len = number(attrs[NFTA_BITWISE_LEN], 0);
	if (registers_at(number(attrs[NFTA_BITWISE_SREG], 0), len, &from))
		return -EPROTO;
	if (number(attrs[NFTA_BITWISE_OP], NFT_BITWISE_BOOL) != NFT_BITWISE_BOOL)
		return forget(e, number(attrs[NFTA_BITWISE_DREG], 0), len);
	if (value_of(attrs[NFTA_BITWISE_MASK], &mask, &mask_len) || value_of(attrs[NFTA_BITWISE_XOR], &xor, &xor_len) ||
	    mask_len != len || xor_len != len)
		return -EPROTO;
	for (size_t i = 0; i < len; i++) {
		bool is_known = !mask[i] || e->registers->known[from + i] == OCTET_KNOWN;

		value[i] = (uint8_t)((e->registers->value[from + i] & mask[i]) ^ xor[i]);
		known[i] = is_known ? OCTET_KNOWN : OCTET_UNKNOWN;
	}
	return store(e, number(attrs[NFTA_BITWISE_DREG], 0), value, known, len);
}

/* ---- verdicts and data ---- */

static int read_verdict(const struct nlattr *nest, struct nft_step *out)
{
	static const struct nla_policy policy[NFTA_VERDICT_MAX + 1] = {
		[NFTA_VERDICT_CODE] = NETLINK_EXACTLY(4),
		[NFTA_VERDICT_CHAIN] = { .type = NLA_STRING, .minlen = 1, .maxlen = NFT_NAME_SIZE },
	};
	struct nlattr *attrs[NFTA_VERDICT_MAX + 1];

	if (netlink_nested(nest, NFTA_VERDICT_MAX, policy, attrs) || !attrs[NFTA_VERDICT_CODE])
		return -EPROTO;
	out->effect = NFT_EFFECT_VERDICT;
	out->verdict = (int32_t)number(attrs[NFTA_VERDICT_CODE], 0);
	if (out->verdict != NFT_JUMP && out->verdict != NFT_GOTO)
		return 0;
	if (!attrs[NFTA_VERDICT_CHAIN])
		return -EPROTO;
	memcpy(out->chain, nla_get_string(attrs[NFTA_VERDICT_CHAIN]),
	       strlen(nla_get_string(attrs[NFTA_VERDICT_CHAIN])) + 1);
	return 0;
}

int nft_verdict_read(const struct nlattr *data, struct nft_step *out)
{
	static const struct nla_policy policy[NFTA_DATA_VERDICT + 1] = { [NFTA_DATA_VERDICT] = { .type = NLA_NESTED } };
	struct nlattr *attrs[NFTA_DATA_VERDICT + 1];

	if (netlink_nested(data, NFTA_DATA_VERDICT, policy, attrs) || !attrs[NFTA_DATA_VERDICT])
		return -EPROTO;
	return read_verdict(attrs[NFTA_DATA_VERDICT], out);
}

/* Data of an immediate expression, or of a map's element. */
static int take_data(struct expression *e, uint32_t dreg, const struct nlattr *data)
{
	const uint8_t *value;
	size_t len;

	if (dreg == NFT_REG_VERDICT)
		return nft_verdict_read(data, e->step);
	return value_of(data, &value, &len) ? -EPROTO : store_known(e, dreg, value, len);
}

static int take_immediate(struct expression *e)
{
	static const struct nla_policy policy[NFTA_IMMEDIATE_MAX + 1] = {
		[NFTA_IMMEDIATE_DREG] = NETLINK_EXACTLY(4), [NFTA_IMMEDIATE_DATA] = { .type = NLA_NESTED }
	};
	struct nlattr *attrs[NFTA_IMMEDIATE_MAX + 1];

	if (netlink_nested(e->data, NFTA_IMMEDIATE_MAX, policy, attrs) || !attrs[NFTA_IMMEDIATE_DREG] ||
	    !attrs[NFTA_IMMEDIATE_DATA])
		return -EPROTO;
	return take_data(e, number(attrs[NFTA_IMMEDIATE_DREG], 0), attrs[NFTA_IMMEDIATE_DATA]);
}

/* ---- lookups ---- */

enum { ELEMENTS_A_STEP = 16 }; /* which take about as long as an expression */

/* What a map writes to its register, if the key is or may be in it. */
static int take_mapped(struct expression *e, uint32_t dreg, const struct nft_element *element)
{
	if (element && element->data)
		return take_data(e, dreg, element->data);
	if (dreg == NFT_REG_VERDICT)
		e->step->effect = NFT_EFFECT_SOME_VERDICT;
	else
		memset(e->registers->known, OCTET_UNKNOWN, sizeof(e->registers->known));
	return 0;
}

static int take_lookup(struct expression *e)
{
	static const struct nla_policy policy[NFTA_LOOKUP_MAX + 1] = {
		[NFTA_LOOKUP_SET] = { .type = NLA_STRING, .minlen = 1, .maxlen = NFT_NAME_SIZE },
		[NFTA_LOOKUP_SREG] = NETLINK_EXACTLY(4),
		[NFTA_LOOKUP_DREG] = NETLINK_EXACTLY(4),
		[NFTA_LOOKUP_FLAGS] = NETLINK_EXACTLY(4),
	};
	const struct nft_chain *base = e->walk->base;
	struct nlattr *attrs[NFTA_LOOKUP_MAX + 1];
	const struct nft_element *element;
	const struct nft_set *set;
	enum answer answer;

	if (netlink_nested(e->data, NFTA_LOOKUP_MAX, policy, attrs) || !attrs[NFTA_LOOKUP_SET] ||
	    !attrs[NFTA_LOOKUP_SREG])
		return -EPROTO;
	set = nft_set_find(&e->walk->netfilter->sets, base->family, base->table,
			   nla_get_string(attrs[NFTA_LOOKUP_SET]));
	if (set && (!set->is_known || registers_at(number(attrs[NFTA_LOOKUP_SREG], 0), set->key_len, &e->step->at)))
		set = NULL;
	answer = nft_set_look_up(set, e->registers, e->step->at, &element);
	e->step->set = set;
	e->step->cost = set ? (unsigned)(set->count / ELEMENTS_A_STEP) : 0;
	e->step->matches = inverted(answer, number(attrs[NFTA_LOOKUP_FLAGS], 0) & NFT_LOOKUP_F_INV);
	if (!attrs[NFTA_LOOKUP_DREG] || answer == ANSWER_NO)
		return 0;
	return take_mapped(e, number(attrs[NFTA_LOOKUP_DREG], 0), element);
}

/* ---- other expressions ---- */

static int take_nothing(struct expression *e)
{
	(void)e;
	return 0;
}

static int take_elsewhere(struct expression *e)
{
	e->step->effect = NFT_EFFECT_ELSEWHERE;
	return 0;
}

static int take_translation(struct expression *e)
{
	e->step->effect = NFT_EFFECT_TRANSLATE;
	return 0;
}

static int take_reject(struct expression *e)
{
	e->step->effect = NFT_EFFECT_VERDICT;
	e->step->verdict = NF_DROP;
	return 0;
}

static int take_any(struct expression *e)
{
	e->step->effect = NFT_EFFECT_ANY;
	return 0;
}

static int take_test(struct expression *e)
{
	e->step->matches = ANSWER_MAYBE;
	memset(e->registers->known, OCTET_UNKNOWN, sizeof(e->registers->known));
	return 0;
}

/* ---- what iptables-nft wraps ---- */

static int compat(struct expression *e, const char **out_name, const struct nlattr **out_info)
{
	static const struct nla_policy policy[NFTA_TARGET_MAX + 1] = {
		[NFTA_TARGET_NAME] = { .type = NLA_STRING, .minlen = 1, .maxlen = NFT_NAME_SIZE },
		[NFTA_TARGET_REV] = NETLINK_EXACTLY(4),
		[NFTA_TARGET_INFO] = NETLINK_AT_LEAST(1),
	};
	struct nlattr *attrs[NFTA_TARGET_MAX + 1];

	/* NFTA_MATCH_* have the same numbers */
	if (netlink_nested(e->data, NFTA_TARGET_MAX, policy, attrs) || !attrs[NFTA_TARGET_NAME])
		return -EPROTO;
	*out_name = nla_get_string(attrs[NFTA_TARGET_NAME]);
	*out_info = attrs[NFTA_TARGET_INFO];
	return 0;
}

static int take_match(struct expression *e)
{
	struct xt_mark_mtinfo1 mark;
	const struct nlattr *info;
	const char *name;
	uint32_t now;

	if (compat(e, &name, &info))
		return -EPROTO;
	if (!strcmp(name, "comment"))
		return 0;
	e->step->matches = ANSWER_MAYBE;
	if (strcmp(name, "mark") || !info || (size_t)nla_len(info) < sizeof(mark) || !e->walk->mark_known)
		return 0;
	memcpy(&mark, nla_data(info), sizeof(mark));
	memcpy(&now, e->walk->mark, sizeof(now));
	e->step->matches = inverted((now & mark.mask) == mark.mark ? ANSWER_YES : ANSWER_NO, mark.invert);
	return 0;
}

/* mark_tg() in net/netfilter/xt_mark.c */
static void take_target_mark(struct expression *e, const struct nlattr *info)
{
	struct xt_mark_tginfo2 target;
	uint32_t now;

	e->step->effect = NFT_EFFECT_MARK;
	if (!info || (size_t)nla_len(info) < sizeof(target) || !e->walk->mark_known)
		return;
	memcpy(&target, nla_data(info), sizeof(target));
	memcpy(&now, e->walk->mark, sizeof(now));
	now = (now & ~target.mask) ^ target.mark;
	memcpy(e->step->mark_to, &now, sizeof(now));
	e->step->mark_to_known = true;
}

static int take_target(struct expression *e)
{
	static const char *const harmless[] = { "LOG",   "NFLOG", "CT",       "NOTRACK", "TRACE",     "TCPMSS",
						"AUDIT", "SET",   "CLASSIFY", "SECMARK", "IDLETIMER", "CHECKSUM" };
	static const char *const translations[] = { "MASQUERADE", "SNAT", "DNAT", "NETMAP", "REDIRECT" };
	const struct nlattr *info;
	const char *name;

	if (compat(e, &name, &info))
		return -EPROTO;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (!strcmp(name, harmless[i]))
			return 0;
	for (size_t i = 0; i < sizeof(translations) / sizeof(translations[0]); i++)
		if (!strcmp(name, translations[i]))
			return take_translation(e);
	if (!strcmp(name, "TEE"))
		return take_elsewhere(e);
	if (!strcmp(name, "REJECT"))
		return take_reject(e);
	if (!strcmp(name, "DSCP") || !strcmp(name, "TOS"))
		e->step->effect = NFT_EFFECT_HEADER;
	else if (!strcmp(name, "MARK"))
		take_target_mark(e, info);
	else
		e->step->effect = NFT_EFFECT_ANY;
	return 0;
}

/* ---- */

static const struct {
	const char *name;
	int (*take)(struct expression *e);
} kinds[] = {
	{ "payload", take_payload },
	{ "meta", take_meta },
	{ "cmp", take_cmp },
	{ "range", take_range },
	{ "bitwise", take_bitwise },
	{ "lookup", take_lookup },
	{ "immediate", take_immediate },
	{ "match", take_match },
	{ "target", take_target },
	{ "masq", take_translation },
	{ "nat", take_translation },
	{ "redir", take_translation },
	{ "dup", take_elsewhere },
	{ "fwd", take_elsewhere },
	{ "reject", take_reject },
	{ "queue", take_any },
	{ "objref", take_nothing },
	{ "counter", take_nothing },
	{ "log", take_nothing },
	{ "last", take_nothing },
	{ "notrack", take_nothing },
	{ "flow_offload", take_nothing },
	{ "dynset", take_test },
	{ "limit", take_test },
	{ "quota", take_test },
	{ "connlimit", take_test },
	{ "ct", take_test },
	{ "rt", take_test },
	{ "fib", take_test },
	{ "socket", take_test },
	{ "exthdr", take_test },
	{ "hash", take_test },
	{ "numgen", take_test },
	{ "osf", take_test },
	{ "tunnel", take_test },
	{ "xfrm", take_test },
	{ "byteorder", take_test },
	{ "inner", take_test },
};

static int take_kind(struct expression *e, const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(name, kinds[i].name))
			return kinds[i].take(e);
	return -EOPNOTSUPP;
}

void nft_step_take(const struct nft_walk *walk, const struct nlattr *expression, struct octets *registers,
		   struct nft_step *out)
{
	static const struct nla_policy policy[NFTA_EXPR_MAX + 1] = {
		[NFTA_EXPR_NAME] = { .type = NLA_STRING, .minlen = 1, .maxlen = NFT_NAME_SIZE },
		[NFTA_EXPR_DATA] = { .type = NLA_NESTED },
	};
	static const struct nlattr empty = { .nla_len = NLA_HDRLEN };
	struct expression e = { .walk = walk, .data = &empty, .registers = registers, .step = out };
	struct nlattr *attrs[NFTA_EXPR_MAX + 1];
	int err = -EPROTO;

	*out = (struct nft_step){ .matches = ANSWER_YES };
	if (!netlink_nested(expression, NFTA_EXPR_MAX, policy, attrs) && attrs[NFTA_EXPR_NAME]) {
		if (attrs[NFTA_EXPR_DATA])
			e.data = attrs[NFTA_EXPR_DATA];
		err = take_kind(&e, nla_get_string(attrs[NFTA_EXPR_NAME]));
	}
	if (!err)
		return;
	*out = (struct nft_step){ .matches = ANSWER_MAYBE, .effect = NFT_EFFECT_ANY };
	memset(registers->known, OCTET_UNKNOWN, sizeof(registers->known));
}
