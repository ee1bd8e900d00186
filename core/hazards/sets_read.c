// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Reads sets and elements. Sources: nf_tables_fill_set(), nf_tables_fill_setelem() in nf_tables_api.c. */
#include <arpa/inet.h> /* before the kernel's, which leave out what it defines */

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "hazards/rules.h"
#include "hazards/sets.h"
#include "netlink/attributes.h"
#include "netlink/dump.h"
#include "util/array.h"

enum {
	NFT_SET_KNOWN_FLAGS = NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_INTERVAL | NFT_SET_MAP | NFT_SET_CONCAT |
			      NFT_SET_EXPR | NFT_SET_TIMEOUT
};

struct reading {
	struct netlink_channel *channel;
	struct nft_sets *sets;
	struct nft_set *set; /* whose elements are read */
};

/* ---- freeing ---- */

static void free_element(struct nft_element *element)
{
	free(element->key);
	free(element->data);
}

static void free_elements(struct nft_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free_element(&set->elements[i]);
	free(set->elements);
	set->elements = NULL;
	set->count = 0;
}

static void free_set(struct nft_set *set)
{
	free_elements(set);
	free(set->table);
	free(set->name);
}

void nft_sets_free(struct nft_sets *sets)
{
	for (size_t i = 0; i < sets->count; i++)
		free_set(&sets->sets[i]);
	free(sets->sets);
	*sets = (struct nft_sets){ 0 };
}

/* ---- sets ---- */

static void restart_sets(void *context)
{
	nft_sets_free(((struct reading *)context)->sets);
}

static int take_field(const struct nlattr *item, void *context)
{
	static const struct nla_policy policy[NFTA_SET_FIELD_MAX + 1] = { [NFTA_SET_FIELD_LEN] = NETLINK_EXACTLY(4) };
	struct nlattr *attrs[NFTA_SET_FIELD_MAX + 1];
	struct nft_set *set = context;
	uint32_t len;

	if (netlink_nested(item, NFTA_SET_FIELD_MAX, policy, attrs) || !attrs[NFTA_SET_FIELD_LEN] ||
	    set->field_count >= NFT_FIELDS_MAX)
		return -EPROTO;
	len = ntohl(nla_get_u32(attrs[NFTA_SET_FIELD_LEN])); /* octets, though nf_tables.h says bits */
	if (!len || len > REGISTERS_SIZE)
		return -EPROTO;
	set->fields[set->field_count++] = (uint8_t)len;
	return 0;
}

static int parse_fields(const struct nlattr *nest, struct nft_set *set)
{
	static const struct nla_policy policy[NFTA_SET_DESC_MAX + 1] = {
		[NFTA_SET_DESC_CONCAT] = { .type = NLA_NESTED },
	};
	struct nlattr *attrs[NFTA_SET_DESC_MAX + 1];

	if (!nest)
		return 0;
	if (netlink_nested(nest, NFTA_SET_DESC_MAX, policy, attrs))
		return -EPROTO;
	return attrs[NFTA_SET_DESC_CONCAT] ? netlink_list(attrs[NFTA_SET_DESC_CONCAT], take_field, set) : 0;
}

/* A set that is not understood stays unknown: key_len 0. */
static int parse_set(const struct nlmsghdr *message, struct nft_set *set)
{
	static const struct nla_policy policy[NFTA_SET_DESC + 1] = {
		[NFTA_SET_TABLE] = { .type = NLA_STRING, .minlen = 1, .maxlen = NFT_NAME_SIZE },
		[NFTA_SET_NAME] = { .type = NLA_STRING, .minlen = 1, .maxlen = NFT_NAME_SIZE },
		[NFTA_SET_FLAGS] = NETLINK_EXACTLY(4),
		[NFTA_SET_KEY_LEN] = NETLINK_EXACTLY(4),
		[NFTA_SET_DESC] = { .type = NLA_NESTED },
	};
	const struct nfgenmsg *header = NLMSG_DATA(message);
	struct nlattr *attrs[NFTA_SET_DESC + 1];
	uint32_t flags, len;

	if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSET) ||
	    netlink_attributes(message, sizeof(*header), NFTA_SET_DESC, policy, attrs) || !attrs[NFTA_SET_TABLE] ||
	    !attrs[NFTA_SET_NAME])
		return -EPROTO;
	set->family = header->nfgen_family;
	set->table = strdup(nla_get_string(attrs[NFTA_SET_TABLE]));
	set->name = strdup(nla_get_string(attrs[NFTA_SET_NAME]));
	if (!set->table || !set->name)
		return -ENOMEM;
	flags = attrs[NFTA_SET_FLAGS] ? ntohl(nla_get_u32(attrs[NFTA_SET_FLAGS])) : 0;
	len = attrs[NFTA_SET_KEY_LEN] ? ntohl(nla_get_u32(attrs[NFTA_SET_KEY_LEN])) : 0;
	set->is_interval = flags & NFT_SET_INTERVAL;
	/* packets change one with NFT_SET_EVAL */
	if (len <= REGISTERS_SIZE && !(flags & ~(uint32_t)NFT_SET_KNOWN_FLAGS) &&
	    !parse_fields(attrs[NFTA_SET_DESC], set))
		set->key_len = len;
	return 0;
}

static int take_set(const struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;
	struct nft_sets *sets = reading->sets;
	struct nft_set set = { 0 };
	int err = sets->count < NFT_SETS_MAX ? parse_set(message, &set) : -E2BIG;

	if (!err)
		err = array_append(&sets->sets, &sets->count, &set, sizeof(set));
	if (!err)
		return 0;
	free_set(&set);
	return netlink_fail(reading->channel, err, "sets of nftables are not understood");
}

/* ---- elements ---- */

static void restart_elements(void *context)
{
	struct reading *reading = context;

	reading->sets->element_count -= reading->set->count;
	free_elements(reading->set);
}

static const struct nlattr *value_in(const struct nlattr *nest, size_t len)
{
	static const struct nla_policy policy[NFTA_DATA_VERDICT + 1] = { [NFTA_DATA_VALUE] = NETLINK_AT_LEAST(1) };
	struct nlattr *attrs[NFTA_DATA_VERDICT + 1];

	if (!nest || netlink_nested(nest, NFTA_DATA_VERDICT, policy, attrs) || !attrs[NFTA_DATA_VALUE] ||
	    (size_t)nla_len(attrs[NFTA_DATA_VALUE]) != len)
		return NULL;
	return attrs[NFTA_DATA_VALUE];
}

static int parse_key(struct nlattr **attrs, size_t len, struct nft_element *element)
{
	const struct nlattr *from = value_in(attrs[NFTA_SET_ELEM_KEY], len), *to = from;

	element->has_end = attrs[NFTA_SET_ELEM_KEY_END];
	if (element->has_end)
		to = value_in(attrs[NFTA_SET_ELEM_KEY_END], len);
	if (!from || !to)
		return -EPROTO;
	element->key = malloc(len * 2);
	if (!element->key)
		return -ENOMEM;
	memcpy(element->key, nla_data(from), len);
	memcpy(element->key + len, nla_data(to), len);
	return 0;
}

static int parse_element(const struct nlattr *item, size_t len, struct nft_element *element)
{
	static const struct nla_policy policy[NFTA_SET_ELEM_MAX + 1] = {
		[NFTA_SET_ELEM_KEY] = { .type = NLA_NESTED },     [NFTA_SET_ELEM_DATA] = { .type = NLA_NESTED },
		[NFTA_SET_ELEM_KEY_END] = { .type = NLA_NESTED }, [NFTA_SET_ELEM_FLAGS] = NETLINK_EXACTLY(4),
		[NFTA_SET_ELEM_EXPR] = { .type = NLA_NESTED },    [NFTA_SET_ELEM_EXPRESSIONS] = { .type = NLA_NESTED },
	};
	struct nlattr *attrs[NFTA_SET_ELEM_MAX + 1];
	const struct nlattr *data;
	uint32_t flags;

	if (netlink_nested(item, NFTA_SET_ELEM_MAX, policy, attrs))
		return -EPROTO;
	data = attrs[NFTA_SET_ELEM_DATA];
	flags = attrs[NFTA_SET_ELEM_FLAGS] ? ntohl(nla_get_u32(attrs[NFTA_SET_ELEM_FLAGS])) : 0;
	element->ends = flags & NFT_SET_ELEM_INTERVAL_END;
	element->is_partial = attrs[NFTA_SET_ELEM_EXPR] || attrs[NFTA_SET_ELEM_EXPRESSIONS];
	if (data) {
		element->data = malloc(data->nla_len);
		if (!element->data)
			return -ENOMEM;
		memcpy(element->data, data, data->nla_len);
	}
	return flags & NFT_SET_ELEM_CATCHALL ? 0 : parse_key(attrs, len, element);
}

static int take_element(const struct nlattr *item, void *context)
{
	struct reading *reading = context;
	struct nft_element element = { 0 };
	int err = reading->sets->element_count < NFT_ELEMENTS_MAX ? 0 : -E2BIG;

	if (!err)
		err = parse_element(item, reading->set->key_len, &element);
	if (!err)
		err = array_append(&reading->set->elements, &reading->set->count, &element, sizeof(element));
	if (err)
		free_element(&element);
	else
		reading->sets->element_count++;
	return err;
}

static int take_elements(const struct nlmsghdr *message, void *context)
{
	static const struct nla_policy policy[NFTA_SET_ELEM_LIST_MAX + 1] = {
		[NFTA_SET_ELEM_LIST_ELEMENTS] = { .type = NLA_NESTED },
	};
	struct nlattr *attrs[NFTA_SET_ELEM_LIST_MAX + 1];
	struct reading *reading = context;
	int err = 0;

	if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM) ||
	    netlink_attributes(message, sizeof(struct nfgenmsg), NFTA_SET_ELEM_LIST_MAX, policy, attrs))
		err = -EPROTO;
	else if (attrs[NFTA_SET_ELEM_LIST_ELEMENTS])
		err = netlink_list(attrs[NFTA_SET_ELEM_LIST_ELEMENTS], take_element, reading);
	return err ? netlink_fail(reading->channel, err, "elements of a set are not understood") : 0;
}

static int by_key(const void *a, const void *b, void *key_len)
{
	const struct nft_element *one = a, *other = b;
	int order;

	if (!one->key || !other->key)
		return (other->key != NULL) - (one->key != NULL);
	order = memcmp(one->key, other->key, *(const size_t *)key_len);
	return order ? order : other->ends - one->ends; /* an end before the beginning of the next */
}

static struct nl_msg *request_of(int message, const struct nft_set *set)
{
	const struct nfgenmsg header = { .nfgen_family = set ? set->family : AF_UNSPEC, .version = NFNETLINK_V0 };
	struct nl_msg *request = netlink_request(NFNL_SUBSYS_NFTABLES << 8 | message, &header, sizeof(header));

	if (!set)
		return request;
	request = netlink_put(request, NFTA_SET_ELEM_LIST_TABLE, set->table, strlen(set->table) + 1);
	return netlink_put(request, NFTA_SET_ELEM_LIST_SET, set->name, strlen(set->name) + 1);
}

/* On a channel for each dump: one that was given up leaves its rest in the socket. */
static int dump(const struct netlink_transport *transport, struct reading *reading, struct nl_msg *request,
		const struct netlink_reader *reader)
{
	struct netlink_channel channel;
	char error[128];
	int err = netlink_open(&channel, transport, NETLINK_NETFILTER, error, sizeof(error));

	if (!err) {
		reading->channel = &channel;
		err = netlink_dump(&channel, request, reader);
		netlink_close(&channel);
	}
	nlmsg_free(request);
	return err;
}

static bool read_elements(const struct netlink_transport *transport, struct reading *reading)
{
	const struct netlink_reader reader = { restart_elements, take_elements, reading };
	struct nft_set *set = reading->set;
	int err = dump(transport, reading, request_of(NFT_MSG_GETSETELEM, set), &reader);

	/* another one may have been made in its place */
	if (err && err != -ENOENT && err != -E2BIG && err != -EPROTO)
		return false;
	set->is_known = !err;
	if (set->count)
		qsort_r(set->elements, set->count, sizeof(*set->elements), by_key, &set->key_len);
	return true;
}

void nft_sets_read(const struct netlink_transport *transport, struct nft_sets *out)
{
	struct reading reading = { .sets = out };
	const struct netlink_reader sets = { restart_sets, take_set, &reading };

	if (dump(transport, &reading, request_of(NFT_MSG_GETSET, NULL), &sets))
		return;
	for (size_t i = 0; i < out->count; i++) {
		reading.set = &out->sets[i];
		if (reading.set->key_len && !read_elements(transport, &reading))
			return;
	}
}
