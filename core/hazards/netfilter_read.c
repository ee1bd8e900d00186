// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Reads tables, chains and rules of nftables. Sources: nf_tables_fill_{table,chain,rule}_info() in nf_tables_api.c. */
#include <arpa/inet.h> /* before the kernel's, which leave out what it defines */

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "hazards/rules.h"
#include "netlink/attributes.h"
#include "netlink/dump.h"
#include "util/array.h"

#define NETFILTER_NAME                                                   \
	{                                                                \
		.type = NLA_STRING, .minlen = 1, .maxlen = NFT_NAME_SIZE \
	}

struct reading {
	struct netlink_channel *channel;
	struct netfilter *netfilter;
	size_t near;
};

static int type_of(int message)
{
	return NFNL_SUBSYS_NFTABLES << 8 | message;
}

/* ---- freeing ---- */

static void free_rules(struct nft_chain *chain)
{
	while (chain->rules) {
		struct nft_rule *rule = chain->rules;

		chain->rules = rule->next;
		free(rule->expressions);
		free(rule);
	}
	chain->last = NULL;
}

static void free_chain(struct nft_chain *chain)
{
	free_rules(chain);
	for (size_t i = 0; i < chain->netdev_count; i++)
		free(chain->netdevs[i]);
	free(chain->netdevs);
	free(chain->table);
	free(chain->name);
}

static void restart_tables(void *context)
{
	struct netfilter *netfilter = ((struct reading *)context)->netfilter;

	for (size_t i = 0; i < netfilter->dormant_count; i++)
		free(netfilter->dormant[i].name);
	free(netfilter->dormant);
	netfilter->dormant = NULL;
	netfilter->dormant_count = 0;
}

static void restart_chains(void *context)
{
	struct netfilter *netfilter = ((struct reading *)context)->netfilter;

	for (size_t i = 0; i < netfilter->chain_count; i++)
		free_chain(&netfilter->chains[i]);
	free(netfilter->chains);
	netfilter->chains = NULL;
	netfilter->chain_count = 0;
}

static void restart_rules(void *context)
{
	struct reading *reading = context;

	for (size_t i = 0; i < reading->netfilter->chain_count; i++)
		free_rules(&reading->netfilter->chains[i]);
	reading->netfilter->rule_count = reading->near = 0;
}

void netfilter_free(struct netfilter *netfilter)
{
	struct reading all = { .netfilter = netfilter };

	if (!netfilter)
		return;
	restart_tables(&all);
	restart_chains(&all);
	nft_sets_free(&netfilter->sets);
	free(netfilter);
}

/* ---- tables ---- */

static int take_table(const struct nlmsghdr *message, void *context)
{
	static const struct nla_policy policy[NFTA_TABLE_FLAGS + 1] = {
		[NFTA_TABLE_NAME] = NETFILTER_NAME, [NFTA_TABLE_FLAGS] = NETLINK_EXACTLY(4)
	};
	const struct nfgenmsg *header = NLMSG_DATA(message);
	struct nlattr *attrs[NFTA_TABLE_FLAGS + 1];
	struct reading *reading = context;
	struct netfilter *netfilter = reading->netfilter;
	__typeof__(*netfilter->dormant) table = { 0 };

	if (message->nlmsg_type != type_of(NFT_MSG_NEWTABLE) ||
	    netlink_attributes(message, sizeof(*header), NFTA_TABLE_FLAGS, policy, attrs) || !attrs[NFTA_TABLE_NAME])
		return netlink_fail(reading->channel, -EPROTO, "a table of nftables is not understood");
	if (!attrs[NFTA_TABLE_FLAGS] || !(ntohl(nla_get_u32(attrs[NFTA_TABLE_FLAGS])) & NFT_TABLE_F_DORMANT))
		return 0;
	table.family = header->nfgen_family;
	table.name = strdup(nla_get_string(attrs[NFTA_TABLE_NAME]));
	if (!table.name || array_append(&netfilter->dormant, &netfilter->dormant_count, &table, sizeof(table))) {
		free(table.name);
		return netlink_fail(reading->channel, -ENOMEM, "no memory for tables of nftables");
	}
	return 0;
}

static bool is_dormant(const struct netfilter *netfilter, const struct nft_chain *chain)
{
	for (size_t i = 0; i < netfilter->dormant_count; i++)
		if (netfilter->dormant[i].family == chain->family && !strcmp(netfilter->dormant[i].name, chain->table))
			return true;
	return false;
}

/* ---- chains ---- */

static int add_netdev(const struct nlattr *attr, void *context)
{
	struct nft_chain *chain = context;
	char *name;

	if (nla_type(attr) != NFTA_DEVICE_NAME)
		return 0; /* newer kernels have prefixes (NFTA_DEVICE_PREFIX) */
	if (nla_len(attr) <= 0 || !memchr(nla_data(attr), '\0', (size_t)nla_len(attr)))
		return -EPROTO;
	name = strdup(nla_get_string(attr));
	if (!name || array_append(&chain->netdevs, &chain->netdev_count, &name, sizeof(name))) {
		free(name);
		return -ENOMEM;
	}
	return 0;
}

static enum nft_hook hook_of(uint8_t family, uint32_t number)
{
	if (family == NFPROTO_NETDEV)
		return number == NF_NETDEV_EGRESS ? NFT_HOOK_EGRESS : NFT_HOOK_NONE;
	if (family != NFPROTO_IPV4 && family != NFPROTO_IPV6 && family != NFPROTO_INET)
		return NFT_HOOK_NONE;
	if (number == NF_INET_LOCAL_OUT)
		return NFT_HOOK_OUTPUT;
	return number == NF_INET_POST_ROUTING ? NFT_HOOK_POSTROUTING : NFT_HOOK_NONE;
}

static int parse_hook(const struct nlattr *nest, struct nft_chain *chain)
{
	static const struct nla_policy policy[NFTA_HOOK_DEVS + 1] = {
		[NFTA_HOOK_HOOKNUM] = NETLINK_EXACTLY(4),
		[NFTA_HOOK_PRIORITY] = NETLINK_EXACTLY(4),
		[NFTA_HOOK_DEV] = { .type = NLA_STRING, .minlen = 1, .maxlen = IF_NAMESIZE },
		[NFTA_HOOK_DEVS] = { .type = NLA_NESTED },
	};
	struct nlattr *attrs[NFTA_HOOK_DEVS + 1];
	int err = 0;

	if (netlink_nested(nest, NFTA_HOOK_DEVS, policy, attrs) || !attrs[NFTA_HOOK_HOOKNUM] ||
	    !attrs[NFTA_HOOK_PRIORITY])
		return -EPROTO;
	chain->is_base = true;
	chain->hook = hook_of(chain->family, ntohl(nla_get_u32(attrs[NFTA_HOOK_HOOKNUM])));
	chain->priority = (int32_t)ntohl(nla_get_u32(attrs[NFTA_HOOK_PRIORITY]));
	if (chain->hook != NFT_HOOK_EGRESS)
		return 0;
	/* NFTA_HOOK_DEV repeats the only one of the list */
	if (attrs[NFTA_HOOK_DEVS])
		return netlink_list(attrs[NFTA_HOOK_DEVS], add_netdev, chain);
	if (attrs[NFTA_HOOK_DEV]) {
		char *name = strdup(nla_get_string(attrs[NFTA_HOOK_DEV]));

		err = !name || array_append(&chain->netdevs, &chain->netdev_count, &name, sizeof(name)) ? -ENOMEM : 0;
		if (err)
			free(name);
	}
	return err;
}

static int parse_chain(const struct nlmsghdr *message, struct nft_chain *chain)
{
	static const struct nla_policy policy[NFTA_CHAIN_TYPE + 1] = {
		[NFTA_CHAIN_TABLE] = NETFILTER_NAME,        [NFTA_CHAIN_NAME] = NETFILTER_NAME,
		[NFTA_CHAIN_HOOK] = { .type = NLA_NESTED }, [NFTA_CHAIN_POLICY] = NETLINK_EXACTLY(4),
		[NFTA_CHAIN_TYPE] = NETFILTER_NAME,
	};
	const struct nfgenmsg *header = NLMSG_DATA(message);
	struct nlattr *attrs[NFTA_CHAIN_TYPE + 1];

	if (message->nlmsg_type != type_of(NFT_MSG_NEWCHAIN) ||
	    netlink_attributes(message, sizeof(*header), NFTA_CHAIN_TYPE, policy, attrs) || !attrs[NFTA_CHAIN_TABLE] ||
	    !attrs[NFTA_CHAIN_NAME])
		return -EPROTO;
	chain->family = header->nfgen_family;
	chain->table = strdup(nla_get_string(attrs[NFTA_CHAIN_TABLE]));
	chain->name = strdup(nla_get_string(attrs[NFTA_CHAIN_NAME]));
	if (!chain->table || !chain->name)
		return -ENOMEM;
	chain->reroutes = attrs[NFTA_CHAIN_TYPE] && !strcmp(nla_get_string(attrs[NFTA_CHAIN_TYPE]), "route");
	chain->drops = attrs[NFTA_CHAIN_POLICY] && ntohl(nla_get_u32(attrs[NFTA_CHAIN_POLICY])) == NF_DROP;
	return attrs[NFTA_CHAIN_HOOK] ? parse_hook(attrs[NFTA_CHAIN_HOOK], chain) : 0;
}

static int take_chain(const struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;
	struct netfilter *netfilter = reading->netfilter;
	struct nft_chain chain = { 0 };
	int err = netfilter->chain_count < NETFILTER_RULES_MAX ? parse_chain(message, &chain) : -E2BIG;

	if (!err) {
		chain.is_dormant = is_dormant(netfilter, &chain);
		err = array_append(&netfilter->chains, &netfilter->chain_count, &chain, sizeof(chain));
	}
	if (!err)
		return 0;
	free_chain(&chain);
	return netlink_fail(reading->channel, err,
			    err == -EPROTO  ? "a chain of nftables is not understood"
			    : err == -E2BIG ? "more chains of nftables than are looked at"
					    : "no memory for chains of nftables");
}

/* ---- rules ---- */

struct nft_chain *nft_chain_find(const struct netfilter *netfilter, uint8_t family, const char *table, const char *name,
				 size_t near)
{
	for (size_t i = 0; i < netfilter->chain_count; i++) {
		struct nft_chain *chain = &netfilter->chains[(near + i) % netfilter->chain_count];

		if (chain->family == family && !strcmp(chain->name, name) && !strcmp(chain->table, table))
			return chain;
	}
	return NULL;
}

static int add_rule(struct nft_chain *chain, const struct nlattr *expressions)
{
	struct nft_rule *rule = calloc(1, sizeof(*rule));

	if (!rule)
		return -ENOMEM;
	if (expressions) {
		rule->expressions = malloc(expressions->nla_len);
		if (!rule->expressions) {
			free(rule);
			return -ENOMEM;
		}
		memcpy(rule->expressions, expressions, expressions->nla_len);
	}
	if (chain->last)
		chain->last->next = rule;
	else
		chain->rules = rule;
	chain->last = rule;
	return 0;
}

static int take_rule(const struct nlmsghdr *message, void *context)
{
	static const struct nla_policy policy[NFTA_RULE_EXPRESSIONS + 1] = {
		[NFTA_RULE_TABLE] = NETFILTER_NAME,
		[NFTA_RULE_CHAIN] = NETFILTER_NAME,
		[NFTA_RULE_EXPRESSIONS] = { .type = NLA_NESTED },
	};
	const struct nfgenmsg *header = NLMSG_DATA(message);
	struct nlattr *attrs[NFTA_RULE_EXPRESSIONS + 1];
	struct reading *reading = context;
	struct netfilter *netfilter = reading->netfilter;
	struct nft_chain *chain;

	if (message->nlmsg_type != type_of(NFT_MSG_NEWRULE) ||
	    netlink_attributes(message, sizeof(*header), NFTA_RULE_EXPRESSIONS, policy, attrs) ||
	    !attrs[NFTA_RULE_TABLE] || !attrs[NFTA_RULE_CHAIN])
		return netlink_fail(reading->channel, -EPROTO, "a rule of nftables is not understood");
	if (netfilter->rule_count++ >= NETFILTER_RULES_MAX)
		return netlink_fail(reading->channel, -E2BIG, "more rules of nftables than are looked at");
	chain = nft_chain_find(netfilter, header->nfgen_family, nla_get_string(attrs[NFTA_RULE_TABLE]),
			       nla_get_string(attrs[NFTA_RULE_CHAIN]), reading->near);
	/* made since the chains were read */
	if (!chain)
		return netlink_fail(reading->channel, -EBUSY, "rules of nftables change while they are read");
	reading->near = (size_t)(chain - netfilter->chains);
	if (add_rule(chain, attrs[NFTA_RULE_EXPRESSIONS]))
		return netlink_fail(reading->channel, -ENOMEM, "no memory for rules of nftables");
	return 0;
}

static int dump(struct reading *reading, int message, const struct netlink_reader *reader)
{
	const struct nfgenmsg every = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };
	struct nl_msg *request = netlink_request(type_of(message), &every, sizeof(every));
	int err = netlink_dump(reading->channel, request, reader);

	nlmsg_free(request);
	return err;
}

/* No nfnetlink, or no subsystem of that number in it (nfnetlink_rcv_msg()). */
static bool is_absent(int err)
{
	return err == -EPROTONOSUPPORT || err == -EINVAL || err == -EOPNOTSUPP;
}

/* Returns -EBUSY if a chain was made between the dumps. */
static int read_chains(struct reading *reading)
{
	const struct netlink_reader tables = { restart_tables, take_table, reading };
	const struct netlink_reader chains = { restart_chains, take_chain, reading };
	const struct netlink_reader rules = { restart_rules, take_rule, reading };
	int err = dump(reading, NFT_MSG_GETTABLE, &tables);

	if (err)
		return is_absent(err) ? 0 : err;
	err = dump(reading, NFT_MSG_GETCHAIN, &chains);
	return err ? err : dump(reading, NFT_MSG_GETRULE, &rules);
}

static int read_all(struct netlink_channel *channel, struct netfilter *netfilter)
{
	struct reading reading = { .channel = channel, .netfilter = netfilter };
	int err = -EBUSY;

	for (int i = 0; err == -EBUSY && i < NETLINK_TRIES; i++)
		err = read_chains(&reading);
	return err;
}

int netfilter_read(const struct netlink_transport *transport, struct netfilter **out, char *error, size_t error_size)
{
	struct netfilter *netfilter = calloc(1, sizeof(*netfilter));
	struct netlink_channel channel;
	int err;

	if (!netfilter)
		return -ENOMEM;
	err = netlink_open(&channel, transport, NETLINK_NETFILTER, error, error_size);
	if (!err) {
		err = read_all(&channel, netfilter);
		netlink_close(&channel);
	} else if (is_absent(err)) {
		err = 0;
	}
	if (err) {
		netfilter_free(netfilter);
		return err;
	}
	if (netfilter->rule_count)
		nft_sets_read(transport, &netfilter->sets);
	*out = netfilter;
	return 0;
}
