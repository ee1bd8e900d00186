// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Netfilter sees the packets of software RoCE at output, and tc sees them where netdevs above MACsec or VXLAN send
 * them. What IPsec protects is ESP before tc sees it, except in VXLAN, whose netdev is given the packets as they are.
 */
#include "judge/bypass.h"

#include <string.h>

#include "judge/stack.h"
#include "judge/traits.h"
#include "util/text.h"

struct look {
	const struct bypass_view *view;
	const struct evidence *ev;
	const struct path *path;
	struct verdict *verdict;
	char remark[VERDICT_DETOUR_MAX];
	char unsaid[VERDICT_DETOUR_MAX]; /* what is not known, but is no remark */
	bool by_address;                 /* IPsec */
	bool outer;                      /* the packets of a VXLAN netdev are protected */
	bool integrity_only;
	unsigned int left; /* netdevs that may still be looked at */
};

static void note(struct look *look, const char *text)
{
	text_append(look->remark, sizeof(look->remark), "%s%s", look->remark[0] ? "; " : "", text);
	text_printable(look->remark);
}

/* As the packets pass netfilter: by the netdev of the GID, unless an IPv6 route leads by another. */
static struct netfilter_flow flow_of(const struct look *look)
{
	const struct path *path = look->path;
	bool by_own = path->egress_ifindex == path->gid_ifindex;
	struct netfilter_flow flow = {
		.family = path->family,
		.local = &path->local,
		.remote = path->scope == REMOTE_ONE ? &path->remote : NULL,
		.ifindex = by_own ? path->gid_ifindex : 0,
		.by_address = look->by_address && !look->outer,
	};

	if (by_own)
		text_copy(flow.netdev, sizeof(flow.netdev), path->netdev);
	return flow;
}

/* What surely hits most remotes may miss one that it names, and what misses most may hit one. */
static bool has_each_remote(const struct look *look)
{
	return look->view->each_remote && look->path->scope == REMOTE_EVERY;
}

/* `error` NULL: it was not looked at. */
static void note_unknown(struct look *look, const char *what, const char *error, bool is_said)
{
	char text[VERDICT_DETOUR_MAX];

	text_format(text, sizeof(text), "%s is not known: %s", what, error ? error : "it was not looked at");
	if (error && !is_said)
		note(look, text);
	else
		text_copy(look->unsaid, sizeof(look->unsaid), text);
}

static enum netfilter_verdict judge_rules(const struct look *look, const struct netfilter *netfilter, char *chain)
{
	struct netfilter_flow flow = flow_of(look);
	enum netfilter_verdict verdict = netfilter_judge(netfilter, &flow, chain);

	if (verdict != NETFILTER_CANNOT_HIT || !has_each_remote(look))
		return verdict;
	flow.each_remote = true;
	return netfilter_judge(netfilter, &flow, chain);
}

static void look_at_legacy(struct look *look)
{
	const struct bypass_view *view = look->view;
	const struct legacy_rules *rules = view->legacy ? view->legacy(view->context) : NULL;
	const struct legacy_family *own = !rules ? NULL : look->path->family == AF_INET ? &rules->ip : &rules->ip6;
	const char *name = look->path->family == AF_INET ? "iptables-legacy" : "ip6tables-legacy";
	char text[VERDICT_DETOUR_MAX];

	if (!own || own->state == LEGACY_UNKNOWN) {
		note_unknown(look, name, own ? strerror(-own->err) : NULL, false);
	} else if (own->state == LEGACY_HAS_RULES) {
		text_format(text, sizeof(text), "%s table %s may lead packets past it", name, own->table);
		note(look, text);
	}
}

static void look_at_netfilter(struct look *look)
{
	char chain[NETFILTER_CHAIN_MAX], text[VERDICT_DETOUR_MAX];
	const char *error = NULL;
	const struct bypass_view *view = look->view;
	const struct netfilter *netfilter = view->netfilter ? view->netfilter(view->context, &error) : NULL;
	struct why *why;

	if (!netfilter) {
		note_unknown(look, "netfilter", error, view->is_said);
		return;
	}
	look_at_legacy(look);
	switch (judge_rules(look, netfilter, chain)) {
	case NETFILTER_CANNOT_HIT:
		return;
	case NETFILTER_HITS:
		why = verdict_set(look->verdict, VERDICT_UNPROTECTED, REASON_NETFILTER);
		text_copy(why->detail, sizeof(why->detail), chain);
		return;
	default:
		text_format(text, sizeof(text), "netfilter chain %s may lead packets past it", chain);
		note(look, text);
	}
}

/* ---- tc ---- */

/* What a dummy is given ends there, and an ifb gives it back, unless it has filters itself. */
static enum netfilter_verdict target_of(const void *context, int ifindex)
{
	const struct link_evidence *link = evidence_link(context, ifindex);

	return link && (link_is(link, "dummy") || link_is(link, "ifb")) ? NETFILTER_MAY_HIT : NETFILTER_HITS;
}

static void take_filter(struct look *look, const struct link_evidence *link, const char *filter, bool surely)
{
	char text[VERDICT_DETOUR_MAX];
	struct why *why;

	if (!surely) {
		text_format(text, sizeof(text), "tc filter %s on %s may lead packets past it", filter, link->name);
		note(look, text);
		return;
	}
	why = verdict_set(look->verdict, VERDICT_UNPROTECTED, REASON_TC_FILTER);
	text_copy(why->detail, sizeof(why->detail), filter);
	text_copy(why->name, sizeof(why->name), link->name);
}

static enum netfilter_verdict judge_filters(const struct look *look, const struct traffic *traffic,
					    enum traffic_frame frame, char *filter)
{
	struct netfilter_flow flow = flow_of(look);
	enum netfilter_verdict verdict = traffic_judge(traffic, &flow, frame, target_of, look->ev, filter);

	if (verdict != NETFILTER_CANNOT_HIT || !has_each_remote(look))
		return verdict;
	flow.each_remote = true;
	return traffic_judge(traffic, &flow, frame, target_of, look->ev, filter);
}

static void look_at_filters(struct look *look, const struct link_evidence *link, enum traffic_frame frame, bool surely)
{
	char what[IF_NAMESIZE + sizeof("tc on ")], filter[TRAFFIC_FILTER_MAX];
	const char *error = NULL;
	const struct bypass_view *view = look->view;
	const struct traffic *traffic = view->traffic ? view->traffic(view->context, link->ifindex, &error) : NULL;
	enum netfilter_verdict verdict;

	if (!traffic) {
		text_format(what, sizeof(what), "tc on %s", link->name);
		note_unknown(look, what, error, false);
		return;
	}
	verdict = judge_filters(look, traffic, frame, filter);
	if (verdict != NETFILTER_CANNOT_HIT)
		take_filter(look, link, filter, surely && verdict == NETFILTER_HITS);
}

static bool encrypts(const struct look *look, const struct link_evidence *link)
{
	const struct macsec_evidence *secy = evidence_secy(look->ev, link->ifindex);

	return secy && secy->protect && (secy->encrypt || look->integrity_only);
}

static size_t count_ports(const struct look *look, const struct link_evidence *link)
{
	size_t count = 0;

	for (size_t i = 0; i < look->ev->link_count; i++)
		count += look->ev->links[i].master_ifindex == link->ifindex;
	return count;
}

/* From a netdev down to the one that protects. A bond sends by one of its ports. */
static void look_down(struct look *look, const struct link_evidence *link, enum traffic_frame frame, bool surely,
		      int depth)
{
	if (!link || !look->left || depth >= STACK_DEPTH_MAX || look->verdict->kind != VERDICT_PROTECTED)
		return;
	look->left--;
	look_at_filters(look, link, frame, surely);
	if (encrypts(look, link) || link_is(link, "vxlan"))
		return;
	if (link_is(link, "vlan") || link_is(link, "macsec"))
		frame = TRAFFIC_FRAME_OTHER;
	if (link_is(link, "vlan") || link_is(link, "macsec") || link_is(link, "macvlan")) {
		look_down(look, link_below(look->ev, link), frame, surely, depth + 1);
		return;
	}
	surely &= count_ports(look, link) == 1;
	for (size_t i = 0; i < look->ev->link_count; i++)
		if (look->ev->links[i].master_ifindex == link->ifindex)
			look_down(look, &look->ev->links[i], frame, surely, depth + 1);
}

static bool is_above(const struct evidence *ev, const struct link_evidence *link, int ifindex)
{
	for (int i = 0; i < STACK_DEPTH_MAX && link; i++) {
		if (link->ifindex == ifindex)
			return true;
		link = link_below(ev, link);
	}
	return false;
}

/* An IPv6 route may lead by another netdev than the GID's, also by a VLAN on the egress. */
static void look_at_traffic(struct look *look)
{
	const struct evidence *ev = look->ev;
	const struct path *path = look->path;
	const struct link_evidence *own = evidence_link(ev, path->gid_ifindex);

	if (own && is_above(ev, own, path->egress_ifindex))
		look_down(look, own, TRAFFIC_FRAME_IP, true, 0);
	else
		look_down(look, evidence_link(ev, path->egress_ifindex), TRAFFIC_FRAME_IP, true, 0);
	if (path->family == AF_INET || path->gid_ifindex == path->egress_ifindex)
		return;
	for (size_t i = 0; i < ev->link_count && look->verdict->kind == VERDICT_PROTECTED; i++)
		if (link_is(&ev->links[i], "vlan") && ev->links[i].lower_ifindex == path->egress_ifindex &&
		    ev->links[i].ifindex != path->gid_ifindex)
			look_at_filters(look, &ev->links[i], TRAFFIC_FRAME_IP, false);
}

static bool is_concerned(const struct path *path, const struct verdict *verdict)
{
	return verdict->kind == VERDICT_PROTECTED && path->state == PATH_RESOLVED && path->scope != REMOTE_SOME &&
	       (verdict->by == BY_MACSEC || verdict->by == BY_IPSEC) && path->driver->egress == EGRESS_HOST_STACK;
}

static void conclude(const struct look *look, bool strict)
{
	struct verdict *verdict = look->verdict;
	const char *text = look->remark[0] ? look->remark : look->unsaid;
	struct why *why;

	if (verdict->kind != VERDICT_PROTECTED)
		return;
	if (strict && text[0]) {
		why = verdict_set(verdict, VERDICT_UNKNOWN, REASON_STRICT);
		text_copy(why->detail, sizeof(why->detail), text);
	} else {
		text_copy(verdict->detour, sizeof(verdict->detour), look->remark);
	}
}

void bypass_look(const struct bypass_view *view, const struct evidence *ev, const struct path *path, bool strict,
		 struct verdict *verdict)
{
	struct look look = { .view = view,
			     .ev = ev,
			     .path = path,
			     .verdict = verdict,
			     .by_address = verdict->by == BY_IPSEC,
			     .outer = verdict->outer,
			     .integrity_only = verdict->integrity_only,
			     .left = STACK_NETDEVS_MAX };

	if (!is_concerned(path, verdict) || (view->gated && view->gated(view->context, ev, path->gid_ifindex)))
		return;
	look_at_netfilter(&look);
	if (verdict->kind == VERDICT_PROTECTED && (!look.by_address || look.outer))
		look_at_traffic(&look);
	conclude(&look, strict);
}
