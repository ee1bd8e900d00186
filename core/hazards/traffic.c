// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Follows a packet through the filters of a netdev at egress: programs of tcx, clsact, and the qdisc with its classes.
 * Sources: sch_handle_egress() in net/core/dev.c, __tcf_classify() in net/sched/cls_api.c, tcf_action_exec() in
 * act_api.c. Where it is not known whether a filter matches, both ways are followed.
 */
#include <linux/pkt_cls.h>
#include <string.h>

#include "hazards/filters.h"
#include "netlink/attributes.h"
#include "util/text.h"

enum {
	CHAINS_MAX = 8, /* one from the other; the kernel restarts at most 16 times */
	STEPS_MAX = 1 << 16,
};

static void find(struct traffic_walk *walk, const char *kind, uint32_t priority, enum netfilter_verdict how)
{
	if (how == NETFILTER_CANNOT_HIT ||
	    (walk->verdict != NETFILTER_CANNOT_HIT && !(how == NETFILTER_HITS && walk->verdict == NETFILTER_MAY_HIT)))
		return;
	if (priority)
		text_format(walk->name, TRAFFIC_FILTER_MAX, "%s pref %u", kind, priority);
	else
		text_copy(walk->name, TRAFFIC_FILTER_MAX, kind);
	text_printable(walk->name);
	walk->verdict = how;
}

/* By the name of its program, as the gate finds its own (filters.c in core/gate). */
static bool is_of_gate(const struct traffic_filter *filter)
{
	static const struct nla_policy policy[TCA_BPF_MAX + 1] = { [TCA_BPF_NAME] = { .type = NLA_STRING } };
	struct nlattr *attrs[TCA_BPF_MAX + 1];

	return !strcmp(filter->kind, "bpf") && filter->options &&
	       !netlink_nested(filter->options, TCA_BPF_MAX, policy, attrs) && attrs[TCA_BPF_NAME] &&
	       !strncmp(nla_get_string(attrs[TCA_BPF_NAME]), "gate_", strlen("gate_"));
}

/* A filter in progress. */
struct following {
	struct traffic_walk *walk;
	const struct traffic_filter *filter;
	bool surely;     /* every packet of the flow is here */
	unsigned int to; /* where packets may have gone */
	bool is_over;    /* no packet is left among its actions */
	int depth;
};

static unsigned int chain_pass(struct traffic_walk *walk, uint32_t chain, bool surely, int depth);

static void take_verdict(struct following *f, int32_t verdict)
{
	f->is_over = true;
	if (TC_ACT_EXT_CMP((uint32_t)verdict, (uint32_t)TC_ACT_GOTO_CHAIN)) {
		f->to |= chain_pass(f->walk, (uint32_t)verdict & TC_ACT_EXT_VAL_MASK, f->surely, f->depth + 1);
		return;
	}
	switch (verdict) {
	case TC_ACT_PIPE:
		f->is_over = false;
		break;
	case TC_ACT_UNSPEC:
		f->to |= TRAFFIC_CONTINUES;
		break;
	case TC_ACT_OK:
		f->to |= TRAFFIC_PASSES;
		break;
	case TC_ACT_SHOT:
	case TC_ACT_STOLEN:
	case TC_ACT_QUEUED:
	case TC_ACT_TRAP:
	case TC_ACT_REDIRECT:
		f->to |= TRAFFIC_ENDS;
		break;
	default: /* jumps over actions, repeats, classifies again */
		f->to |= TRAFFIC_ANYWHERE;
		f->surely = false;
		f->is_over = false;
	}
}

static int take_action(const struct nlattr *item, void *context)
{
	struct following *f = context;
	struct traffic_action action;

	if (f->is_over)
		return 0;
	traffic_action_read(f->walk, item, &action);
	if (action.leads == NETFILTER_HITS && !f->surely)
		action.leads = NETFILTER_MAY_HIT;
	find(f->walk, f->filter->kind, f->filter->priority, action.leads);
	if (action.is_chance) {
		f->to |= TRAFFIC_ANYWHERE;
		f->surely = false;
	} else {
		take_verdict(f, action.verdict);
	}
	return 0;
}

/* Returns where packets go that the filter matches. */
static unsigned int follow_filter(struct traffic_walk *walk, const struct traffic_filter *filter, bool surely,
				  int depth)
{
	struct following f = { .walk = walk, .filter = filter, .surely = surely, .depth = depth };
	bool is_program;
	const struct nlattr *actions = traffic_actions(filter, &is_program);

	if (is_program) {
		find(walk, filter->kind, filter->priority, NETFILTER_MAY_HIT);
		return TRAFFIC_ANYWHERE;
	}
	if (actions && netlink_list(actions, take_action, &f)) {
		find(walk, filter->kind, filter->priority, NETFILTER_MAY_HIT);
		return TRAFFIC_ANYWHERE;
	}
	/* the end of the actions, and a filter without, ends the search: TC_ACT_OK */
	return f.is_over ? f.to : f.to | TRAFFIC_PASSES;
}

static unsigned int chain_pass(struct traffic_walk *walk, uint32_t chain, bool surely, int depth)
{
	const struct traffic_block *block = walk->block;
	unsigned int left_to = 0;

	if (depth > CHAINS_MAX) {
		find(walk, "chain", 0, NETFILTER_MAY_HIT);
		return TRAFFIC_ANYWHERE;
	}
	for (size_t i = 0; i < block->count; i++) {
		const struct traffic_filter *filter = &block->filters[i];
		enum answer match;
		unsigned int to;

		if (filter->chain != chain || is_of_gate(filter))
			continue;
		if (!walk->steps_left) {
			find(walk, filter->kind, filter->priority, NETFILTER_MAY_HIT);
			return TRAFFIC_ANYWHERE;
		}
		walk->steps_left--;
		match = traffic_match(walk, filter);
		if (match == ANSWER_NO)
			continue;
		to = follow_filter(walk, filter, surely && match == ANSWER_YES && !left_to, depth);
		left_to |= to & ~(unsigned int)TRAFFIC_CONTINUES;
		if (match == ANSWER_YES && !(to & TRAFFIC_CONTINUES))
			return left_to;
	}
	return left_to | TRAFFIC_PASSES;
}

/* Returns where packets go. A class or a deeper qdisc has some of them only. */
static unsigned int place_pass(struct traffic_walk *walk, enum traffic_place place, bool surely)
{
	unsigned int to = TRAFFIC_PASSES;

	for (size_t i = 0; i < walk->traffic->block_count; i++) {
		walk->block = &walk->traffic->blocks[i];
		if (walk->block->place == place)
			to = chain_pass(walk, 0, surely && place != TRAFFIC_DEEP, 0);
	}
	return to;
}

enum netfilter_verdict traffic_judge(const struct traffic *traffic, const struct netfilter_flow *flow,
				     enum traffic_frame frame, traffic_target_fn target, const void *context,
				     char filter[TRAFFIC_FILTER_MAX])
{
	struct traffic_walk walk = { .traffic = traffic,
				     .flow = flow,
				     .frame = frame,
				     .target = target,
				     .context = context,
				     .verdict = NETFILTER_CANNOT_HIT,
				     .name = filter,
				     .steps_left = STEPS_MAX };
	static const enum traffic_place places[] = { TRAFFIC_CLSACT, TRAFFIC_ROOT, TRAFFIC_DEEP };
	bool surely = !traffic->programs;

	filter[0] = '\0';
	if (frame == TRAFFIC_FRAME_IP)
		packet_transport_header(&walk.packet, packet_network_header(flow, &walk.packet));
	if (traffic->programs)
		find(&walk, "bpf of tcx", 0, NETFILTER_MAY_HIT);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		unsigned int to = place_pass(&walk, places[i], surely);

		if (!(to & TRAFFIC_PASSES))
			break;
		surely &= to == TRAFFIC_PASSES;
	}
	return walk.verdict;
}
