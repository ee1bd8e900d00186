// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What actions of tc do. Sources: net/sched/act_*.c, tcf_action_dump_1() in act_api.c. */
#include <linux/pkt_cls.h>
#include <linux/tc_act/tc_connmark.h>
#include <linux/tc_act/tc_csum.h>
#include <linux/tc_act/tc_defact.h>
#include <linux/tc_act/tc_gact.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_sample.h>
#include <linux/tc_act/tc_skbedit.h>
#include <stddef.h>
#include <string.h>

#include "hazards/filters.h"
#include "netlink/attributes.h"

/* struct tc_gen is the beginning of the parameters of these kinds. */
static const struct {
	const char *kind;
	int parameters; /* 0: without a tc_gen */
	enum netfilter_verdict leads;
} kinds[] = {
	{ "mirred", TCA_MIRRED_PARMS, NETFILTER_HITS },
	{ "gact", TCA_GACT_PARMS, NETFILTER_CANNOT_HIT },
	/* they change neither addresses nor netdev */
	{ "skbedit", TCA_SKBEDIT_PARMS, NETFILTER_CANNOT_HIT },
	{ "sample", TCA_SAMPLE_PARMS, NETFILTER_CANNOT_HIT },
	{ "simple", TCA_DEF_PARMS, NETFILTER_CANNOT_HIT },
	{ "connmark", TCA_CONNMARK_PARMS, NETFILTER_CANNOT_HIT },
	{ "csum", TCA_CSUM_PARMS, NETFILTER_CANNOT_HIT },
	{ "police", 0, NETFILTER_CANNOT_HIT },
	{ "gate", 0, NETFILTER_CANNOT_HIT },
};

enum { ACTION_PARAMETERS_MAX = 8 };

/* Types 1 to 3 mean different things for different kinds. Of none of them there may be two. */
static const struct nla_policy parameters_policy[ACTION_PARAMETERS_MAX + 1] = {
	[1] = NETLINK_AT_LEAST(1),
	[2] = NETLINK_AT_LEAST(1),
	[3] = NETLINK_AT_LEAST(1),
};

static const struct nlattr *parameters_of(const struct nlattr *options, int type, size_t size)
{
	struct nlattr *attrs[ACTION_PARAMETERS_MAX + 1];

	if (!options || !type || netlink_nested(options, ACTION_PARAMETERS_MAX, parameters_policy, attrs) ||
	    !attrs[type] || (size_t)nla_len(attrs[type]) < size)
		return NULL;
	return attrs[type];
}

/* The verdict may be another one for some packets. */
static bool is_by_chance(const struct nlattr *options)
{
	struct nlattr *attrs[ACTION_PARAMETERS_MAX + 1];

	return netlink_nested(options, ACTION_PARAMETERS_MAX, parameters_policy, attrs) || attrs[TCA_GACT_PROB];
}

static void read_verdict(const struct nlattr *parameters, struct traffic_action *out)
{
	struct tc_gact general; /* a tc_gen, which itself is no struct */

	out->is_chance = !parameters;
	if (!parameters)
		return;
	memcpy(&general, nla_data(parameters), sizeof(general));
	out->verdict = general.action;
}

static enum netfilter_verdict target_of(const struct traffic_walk *walk, const struct nlattr *parameters)
{
	struct tc_mirred mirred;

	if (!parameters || (size_t)nla_len(parameters) < sizeof(mirred))
		return NETFILTER_MAY_HIT;
	memcpy(&mirred, nla_data(parameters), sizeof(mirred));
	return (int)mirred.ifindex > 0 && walk->target ? walk->target(walk->context, (int)mirred.ifindex)
						       : NETFILTER_HITS;
}

void traffic_action_read(const struct traffic_walk *walk, const struct nlattr *item, struct traffic_action *out)
{
	static const struct nla_policy policy[TCA_ACT_OPTIONS + 1] = {
		[TCA_ACT_KIND] = { .type = NLA_STRING, .minlen = 1, .maxlen = TRAFFIC_KIND_SIZE },
		[TCA_ACT_OPTIONS] = { .type = NLA_NESTED },
	};
	struct nlattr *attrs[TCA_ACT_OPTIONS + 1];
	const char *kind;

	*out = (struct traffic_action){ .leads = NETFILTER_MAY_HIT, .is_chance = true };
	if (netlink_nested(item, TCA_ACT_OPTIONS, policy, attrs) || !attrs[TCA_ACT_KIND])
		return;
	kind = nla_get_string(attrs[TCA_ACT_KIND]);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct nlattr *parameters;

		if (strcmp(kind, kinds[i].kind) != 0)
			continue;
		parameters = parameters_of(attrs[TCA_ACT_OPTIONS], kinds[i].parameters, sizeof(struct tc_gact));
		out->leads = kinds[i].leads;
		read_verdict(parameters, out);
		if (!strcmp(kind, "mirred"))
			out->leads = target_of(walk, parameters);
		else if (!strcmp(kind, "gact") && attrs[TCA_ACT_OPTIONS])
			out->is_chance |= is_by_chance(attrs[TCA_ACT_OPTIONS]);
		return;
	}
}
