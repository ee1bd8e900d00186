// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Walks from the egress down to the netdevs by which frames leave. Sources: drivers/net/bonding/bond_main.c
 * (bond_start_xmit), net/bridge/br_forward.c (br_flood), drivers/net/macvlan.c (macvlan_queue_xmit),
 * net/8021q/vlan_dev.c (vlan_dev_hard_start_xmit), drivers/net/macsec.c (macsec_start_xmit).
 */
#include "judge/stack.h"

#include <string.h>

#include "judge/secy.h"
#include "judge/traits.h"
#include "util/text.h"

struct stack {
	const struct path *path;
	const struct evidence *ev;
	const struct requirement *req;
	unsigned int left; /* netdevs that may still be looked at */
};

bool link_is(const struct link_evidence *link, const char *kind)
{
	return !strcmp(link->kind, kind);
}

const struct link_evidence *link_below(const struct evidence *ev, const struct link_evidence *link)
{
	if (link->lower_in_other_netns || !link->lower_ifindex)
		return NULL;
	return evidence_link(ev, link->lower_ifindex);
}

bool link_is_stacked(const struct evidence *ev, const struct link_evidence *link)
{
	const struct link_evidence *below = link_below(ev, link);

	if (link_is(link, "macsec"))
		return below && below->kind[0];
	return link->kind[0];
}

static bool is_any_of(const struct link_evidence *link, const char *const *kinds)
{
	for (; *kinds; kinds++)
		if (link_is(link, *kinds))
			return true;
	return false;
}

static void judge_netdev(struct stack *stack, const struct link_evidence *link, int depth, struct verdict *out);

static struct why *refuse_at(const char *netdev, enum verdict_kind kind, enum reason reason, struct verdict *out)
{
	struct why *why = verdict_set(out, kind, reason);

	text_copy(why->at, sizeof(why->at), netdev);
	return why;
}

static void judge_below(struct stack *stack, const struct link_evidence *link, int depth, struct verdict *out)
{
	const struct link_evidence *below = link_below(stack->ev, link);

	if (below)
		judge_netdev(stack, below, depth + 1, out);
	else
		refuse_at(link->name, VERDICT_UNKNOWN, REASON_STACK_ELSEWHERE, out);
}

/* What the ports of a bond or a bridge have in common. */
struct ports {
	struct verdict good, bad; /* the first that protects, and the worst that does not */
	bool any_bad, has_macsec, all_drop, all_lack_sas;
};

/* Unknown is worse than unprotected, and the farther from protected the worse. */
static bool is_worse(const struct verdict *a, const struct verdict *b)
{
	if (a->kind != b->kind)
		return a->kind == VERDICT_UNKNOWN;
	return a->nearness < b->nearness;
}

/* No SecY is on this way, and its kind is known. */
static bool is_clear(const struct verdict *port)
{
	return port->why[0].reason == REASON_MACSEC_NO_DEVICE || port->why[0].reason == REASON_MACSEC_NO_DEVICE_BELOW;
}

static void add_port(struct ports *ports, const struct verdict *port)
{
	if (port->kind != VERDICT_PROTECTED) {
		ports->has_macsec |= !is_clear(port);
		ports->all_drop &= port->kernel_drops;
		ports->all_lack_sas &= port->missing_macsec_sa;
		if (!ports->any_bad || is_worse(port, &ports->bad))
			ports->bad = *port;
		ports->any_bad = true;
		return;
	}
	ports->has_macsec = true;
	if (!ports->good.secy_count) {
		ports->good = *port;
		return;
	}
	ports->good.secy_count += port->secy_count;
	ports->good.integrity_only |= port->integrity_only;
	if (port->cipher != ports->good.cipher)
		ports->good.cipher = 0;
}

static void judge_ports(struct stack *stack, const struct link_evidence *link, int depth, struct verdict *out)
{
	struct ports ports = { .all_drop = true, .all_lack_sas = true };

	for (size_t i = 0; i < stack->ev->link_count; i++) {
		const struct link_evidence *port = &stack->ev->links[i];
		struct verdict verdict = { 0 };

		if (port->master_ifindex != link->ifindex)
			continue;
		judge_netdev(stack, port, depth + 1, &verdict);
		add_port(&ports, &verdict);
	}
	*out = ports.any_bad ? ports.bad : ports.good;
	if (!ports.has_macsec)
		refuse_at(link->name, VERDICT_UNPROTECTED, REASON_MACSEC_NO_DEVICE_BELOW, out);
	else if (ports.any_bad && is_clear(&ports.bad))
		text_copy(refuse_at(ports.bad.why[0].at, VERDICT_UNPROTECTED, REASON_MACSEC_CLEAR_PORT, out)->name,
			  IF_NAMESIZE, link->name);
	out->kernel_drops = ports.any_bad && ports.all_drop && out->kind == VERDICT_UNPROTECTED;
	out->missing_macsec_sa = ports.any_bad && ports.all_lack_sas && out->kind == VERDICT_UNPROTECTED;
}

/* A SecY that does not protect may be inside of one that does: encrypt off inside encrypt on. */
static void judge_macsec(struct stack *stack, const struct link_evidence *link, int depth, struct verdict *out)
{
	const struct macsec_evidence *secy = decide_secy(stack->path, stack->ev, stack->req, link, out);
	struct verdict below = { 0 };

	if (out->kind == VERDICT_PROTECTED || out->kernel_drops || !secy || secy->offload ||
	    !link_below(stack->ev, link))
		return;
	judge_below(stack, link, depth, &below);
	if (below.kind == VERDICT_PROTECTED)
		*out = below;
}

static void judge_netdev(struct stack *stack, const struct link_evidence *link, int depth, struct verdict *out)
{
	static const char *const macsec[] = { "macsec", NULL };
	static const char *const on_one[] = { "vlan", "macvlan", NULL }, *const on_ports[] = { "bond", "bridge", NULL };
	static const char *const ends[] = { "", "veth", "dummy", "vxlan", NULL };

	if (depth >= STACK_DEPTH_MAX || !stack->left) {
		verdict_set(out, VERDICT_UNKNOWN, REASON_STACK_TOO_DEEP);
		return;
	}
	stack->left--;
	if (is_any_of(link, macsec) || evidence_secy(stack->ev, link->ifindex))
		judge_macsec(stack, link, depth, out);
	else if (is_any_of(link, on_one))
		judge_below(stack, link, depth, out);
	else if (is_any_of(link, on_ports))
		judge_ports(stack, link, depth, out);
	else if (is_any_of(link, ends))
		refuse_at(link->name, VERDICT_UNPROTECTED, REASON_MACSEC_NO_DEVICE, out);
	else
		text_copy(refuse_at(link->name, VERDICT_UNKNOWN, REASON_STACK_NOT_JUDGED, out)->detail, LINK_KIND_MAX,
			  link->kind);
}

void decide_stack(const struct path *path, const struct evidence *ev, const struct requirement *req,
		  struct verdict *out)
{
	struct stack stack = { .path = path, .ev = ev, .req = req, .left = STACK_NETDEVS_MAX };
	const struct link_evidence *link = evidence_link(ev, path->egress_ifindex);

	/* a NIC applies the SecY of the egress itself (mlx5r_add_gid_macsec_operations()) */
	if (link && path->driver->egress == EGRESS_HOST_STACK)
		judge_netdev(&stack, link, 0, out);
	else
		(void)decide_secy(path, ev, req, link, out);
}
