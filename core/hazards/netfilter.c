// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Follows a packet through the chains that a sent packet passes: output, postrouting, and egress of its netdev, each by
 * priority. Source: nft_do_chain() in net/netfilter/nf_tables_core.c. Where it is not known whether a rule matches,
 * both ways are followed.
 */
#include <netinet/in.h> /* before the kernel's, which leave out what it defines */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "hazards/walk.h"
#include "util/text.h"

enum {
	DEPTH_MAX = 16,      /* NFT_JUMP_STACK_SIZE */
	MAPS_MAX = 3,        /* maps of verdicts, one after the other */
	STEPS_MAX = 1 << 17, /* some 50 ms */
};

/* Where packets may go from a rule or a chain: a set. From a chain: PASSES, to the rule after the jump. */
enum {
	PASSES = 1,
	RETURNS = 2,
	ACCEPTED = 4, /* by this base chain */
	DROPPED = 8,
};

static const char *family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_NETDEV:
		return "netdev";
	default:
		return "inet";
	}
}

static void find(struct nft_walk *walk, const struct nft_chain *chain, bool surely)
{
	if (walk->verdict == NETFILTER_CANNOT_HIT || (surely && walk->verdict == NETFILTER_MAY_HIT)) {
		text_format(walk->chain, NETFILTER_CHAIN_MAX, "%s %s %s", family_name(chain->family), chain->table,
			    chain->name);
		text_printable(walk->chain);
		walk->verdict = surely ? NETFILTER_HITS : NETFILTER_MAY_HIT;
	}
}

/* A rule in progress. */
struct following {
	const struct nft_chain *chain;
	int depth;
	bool surely;  /* every packet of the flow is here */
	unsigned to;  /* where packets may have gone */
	bool is_over; /* none is left in the rule */
};

static unsigned chain_pass(struct nft_walk *walk, const struct nft_chain *chain, bool surely, int depth);

/* Only chains of type route look at what a rule changed. */
static void take_mark(struct nft_walk *walk, const struct following *f, const struct nft_step *step)
{
	bool known = walk->mark_known && step->mark_to_known;

	if (known && !memcmp(walk->mark, step->mark_to, sizeof(walk->mark)))
		return;
	if (walk->base->reroutes)
		find(walk, f->chain, f->surely && known);
	memcpy(walk->mark, step->mark_to, sizeof(walk->mark));
	walk->mark_known = f->surely && step->mark_to_known;
}

static unsigned jump(struct nft_walk *walk, const struct following *f, const char *to)
{
	const struct nft_chain *from = f->chain;
	size_t near = (size_t)(from - walk->netfilter->chains);
	const struct nft_chain *chain = nft_chain_find(walk->netfilter, from->family, from->table, to, near);

	if (chain && f->depth < DEPTH_MAX)
		return chain_pass(walk, chain, f->surely, f->depth + 1);
	find(walk, from, false);
	return PASSES | ACCEPTED | DROPPED;
}

/* A map of verdicts that is not known may lead to any chain of the table. */
static void jump_anywhere(struct nft_walk *walk, const struct following *f)
{
	const struct netfilter *netfilter = walk->netfilter;

	for (size_t i = 0; i < netfilter->chain_count && walk->verdict == NETFILTER_CANNOT_HIT; i++) {
		const struct nft_chain *chain = &netfilter->chains[i];

		if (!chain->is_base && chain != f->chain && chain->family == f->chain->family &&
		    !strcmp(chain->table, f->chain->table) && f->depth < MAPS_MAX)
			(void)chain_pass(walk, chain, false, f->depth + 1);
	}
	walk->mark_known = false;
}

static void take_verdict(struct nft_walk *walk, struct following *f, const struct nft_step *step)
{
	unsigned to;

	if (step->verdict == NFT_CONTINUE)
		return;
	f->is_over = true;
	switch (step->verdict) {
	case NFT_BREAK:
		f->to |= PASSES;
		break;
	case NFT_RETURN:
		f->to |= RETURNS;
		break;
	case NFT_JUMP:
		f->to |= jump(walk, f, step->chain);
		break;
	case NFT_GOTO:
		to = jump(walk, f, step->chain);
		f->to |= (to & ~(unsigned)PASSES) | (to & PASSES ? RETURNS : 0);
		break;
	default:
		f->to |= (step->verdict & NF_VERDICT_MASK) == NF_DROP ? DROPPED : ACCEPTED;
	}
}

/* To the verdict of each element that the key may be. */
static void jump_by_map(struct nft_walk *walk, struct following *f, const struct nft_step *step,
			const struct octets *registers)
{
	const struct nft_set *set = step->set;
	bool mark_known = walk->mark_known, changes = false;
	uint8_t mark[sizeof(walk->mark)];

	memcpy(mark, walk->mark, sizeof(mark));
	for (size_t i = 0; i < set->count; i++) {
		struct nft_step one = { 0 };

		if (!nft_element_may_match(set, &set->elements[i], registers, step->at))
			continue;
		if (!set->elements[i].data || nft_verdict_read(set->elements[i].data, &one)) {
			find(walk, f->chain, false);
			f->to |= PASSES | RETURNS | ACCEPTED | DROPPED;
			continue;
		}
		take_verdict(walk, f, &one);
		changes |= walk->mark_known != mark_known || memcmp(walk->mark, mark, sizeof(mark)) != 0;
		memcpy(walk->mark, mark, sizeof(mark));
		walk->mark_known = mark_known;
	}
	walk->mark_known &= !changes;
}

static void take_effect(struct nft_walk *walk, struct following *f, const struct nft_step *step,
			const struct octets *registers)
{
	switch (step->effect) {
	case NFT_EFFECT_MARK:
		take_mark(walk, f, step);
		break;
	case NFT_EFFECT_HEADER:
		if (walk->base->reroutes)
			find(walk, f->chain, f->surely);
		break;
	case NFT_EFFECT_TRANSLATE:
		/* after output the route stays, and only policies are looked up again */
		if (walk->base->hook == NFT_HOOK_OUTPUT || walk->flow->by_address)
			find(walk, f->chain, f->surely);
		f->to |= ACCEPTED;
		f->is_over = true;
		break;
	case NFT_EFFECT_ELSEWHERE:
		find(walk, f->chain, f->surely);
		f->to |= ACCEPTED;
		f->is_over = true;
		break;
	case NFT_EFFECT_ANY:
		find(walk, f->chain, false);
		walk->mark_known = false;
		f->to |= PASSES | RETURNS | ACCEPTED | DROPPED;
		break;
	case NFT_EFFECT_VERDICT:
		take_verdict(walk, f, step);
		break;
	case NFT_EFFECT_SOME_VERDICT:
		if (step->set) {
			jump_by_map(walk, f, step, registers);
		} else {
			jump_anywhere(walk, f);
			f->to |= PASSES | RETURNS | ACCEPTED | DROPPED;
		}
		f->is_over = true;
		break;
	default:
		break;
	}
}

static void follow_rule(struct nft_walk *walk, struct following *f, const struct nft_rule *rule)
{
	struct octets registers = { 0 };
	struct nlattr *expression;
	int left;

	if (rule->expressions)
		nla_for_each_nested(expression, rule->expressions, left)
		{
			struct nft_step step;

			if (!walk->steps_left) {
				find(walk, f->chain, false);
				break;
			}
			walk->steps_left--;
			nft_step_take(walk, expression, &registers, &step);
			if (step.matches == ANSWER_NO)
				break;
			if (step.matches == ANSWER_MAYBE) {
				f->to |= PASSES;
				f->surely = false;
			}
			walk->steps_left -= step.cost < walk->steps_left ? step.cost : walk->steps_left;
			take_effect(walk, f, &step, &registers);
			if (f->is_over)
				return;
		}
	f->to |= PASSES;
}

/* Returns PASSES, ACCEPTED and DROPPED as far as they may be. */
static unsigned chain_pass(struct nft_walk *walk, const struct nft_chain *chain, bool surely, int depth)
{
	unsigned left_to = 0;

	for (const struct nft_rule *rule = chain->rules; rule; rule = rule->next) {
		struct following f = { .chain = chain, .depth = depth, .surely = surely && !left_to };

		follow_rule(walk, &f, rule);
		left_to |= f.to & ~(unsigned)PASSES;
		if (!(f.to & PASSES))
			return (left_to & (ACCEPTED | DROPPED)) | (left_to & RETURNS ? PASSES : 0);
	}
	return (left_to & (ACCEPTED | DROPPED)) | PASSES;
}

/* ---- base chains ---- */

static bool is_on_way(const struct nft_chain *chain, const struct netfilter_flow *flow, enum nft_hook hook)
{
	uint8_t own = flow->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;

	if (!chain->is_base || chain->is_dormant || chain->hook != hook)
		return false;
	if (hook != NFT_HOOK_EGRESS)
		return chain->family == own || chain->family == NFPROTO_INET;
	if (flow->by_address)
		return false; /* what IPsec protects is ESP there */
	if (!flow->netdev[0])
		return true;
	for (size_t i = 0; i < chain->netdev_count; i++)
		if (!strcmp(chain->netdevs[i], flow->netdev))
			return true;
	return !chain->netdev_count;
}

/* The next one by priority, in the order of the list where that is the same. */
static const struct nft_chain *next_base(const struct nft_walk *walk, enum nft_hook hook, const struct nft_chain *last)
{
	const struct nft_chain *chains = walk->netfilter->chains, *next = NULL;

	for (size_t i = 0; i < walk->netfilter->chain_count; i++) {
		const struct nft_chain *chain = &chains[i];
		bool after = !last || chain->priority > last->priority ||
			     (chain->priority == last->priority && chain > last);

		if (after && is_on_way(chain, walk->flow, hook) && (!next || chain->priority < next->priority))
			next = chain;
	}
	return next;
}

enum netfilter_verdict netfilter_judge(const struct netfilter *netfilter, const struct netfilter_flow *flow,
				       char chain[NETFILTER_CHAIN_MAX])
{
	struct nft_walk walk = { .netfilter = netfilter,
				 .flow = flow,
				 .mark_known = true,
				 .verdict = NETFILTER_CANNOT_HIT,
				 .chain = chain,
				 .steps_left = STEPS_MAX };
	bool surely = true;

	chain[0] = '\0';
	for (enum nft_hook hook = NFT_HOOK_OUTPUT; hook <= NFT_HOOK_EGRESS; hook++) {
		walk.base = NULL;
		while ((walk.base = next_base(&walk, hook, walk.base))) {
			unsigned to = chain_pass(&walk, walk.base, surely, 0);

			if (walk.base->drops && to & PASSES)
				to = (to & ~(unsigned)PASSES) | DROPPED;
			if (to == DROPPED)
				return walk.verdict;
			surely &= !(to & DROPPED);
		}
	}
	return walk.verdict;
}
