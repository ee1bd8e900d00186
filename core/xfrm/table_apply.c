// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Applies events to an xfrm table. Sources: net/xfrm/xfrm_user.c (xfrm_notify_sa, build_expire,
 * xfrm_notify_policy, build_polexpire, xfrm_notify_userpolicy, build_mapping) and, for what the kernel did,
 * net/xfrm/xfrm_state.c and xfrm_policy.c.
 */
#include <errno.h>
#include <linux/xfrm.h>
#include <string.h>

#include "netlink/attributes.h"
#include "util/text.h"
#include "xfrm/parse.h"
#include "xfrm/table_internal.h"

/* ---- changes ---- */

static struct xfrm_change sa_change(const struct xfrm_sa_evidence *sa, bool added)
{
	return (struct xfrm_change){ .kind = XFRM_CHANGE_SA,
				     .added = added,
				     .family = sa->family,
				     .saddr = sa->saddr,
				     .daddr = sa->daddr,
				     .spi = sa->spi,
				     .reqid = sa->reqid,
				     .mode = sa->mode,
				     .packet_offload = sa->offload.ifindex && sa->offload.packet };
}

static struct xfrm_change policy_change(const struct xfrm_policy_evidence *policy, bool added)
{
	return (struct xfrm_change){ .kind = XFRM_CHANGE_POLICY,
				     .added = added,
				     .dir = policy->dir,
				     .type = policy->type,
				     .sel = policy->sel,
				     .packet_offload = policy->offload.ifindex && policy->offload.packet };
}

/* Returns the change of a replacement: `after` if it describes both entries, else XFRM_CHANGE_EVERYTHING. */
static struct xfrm_change replacing(struct xfrm_change before, struct xfrm_change after)
{
	if (!memcmp(&before, &after, sizeof(before)))
		return after;
	return (struct xfrm_change){ .kind = XFRM_CHANGE_EVERYTHING };
}

/* ---- SAs ---- */

static struct xfrm_change expiring(const struct xfrm_sa_evidence *sa)
{
	struct xfrm_change change = sa_change(sa, true);

	change.kind = XFRM_CHANGE_EXPIRING;
	return change;
}

/* Returns whether they differ in `dying` at most. */
static bool is_known(const struct xfrm_sa_evidence *before, const struct xfrm_sa_evidence *sa)
{
	struct xfrm_sa_evidence same = *sa;

	same.dying = before->dying;
	return !memcmp(before, &same, sizeof(same));
}

int xfrm_table_put_sa(struct xfrm_table *table, const struct xfrm_sa_evidence *sa, struct xfrm_change *out)
{
	struct xfrm_change change = sa_change(sa, true);
	struct xfrm_sa_id id = xfrm_sa_id(sa);
	struct xfrm_sa_entry *before = xfrm_table_sa(table, &id);
	int err;

	if (before && is_known(&before->sa, sa)) {
		if (sa->dying && !before->sa.dying)
			*out = expiring(sa);
		before->sa.dying = sa->dying;
		return 0;
	}
	if (before) {
		change = replacing(sa_change(&before->sa, true), change);
		xfrm_table_drop_sa(table, before);
	}
	err = xfrm_table_add_sa(table, sa);
	if (!err)
		*out = change;
	return err;
}

/*
 * An UPDSA carries the requested values, not the resulting ones. A live SA keeps its keys, reqid and more
 * (xfrm_state_update()). An unknown SA ends a negotiation, since ALLOCSPI has no event; or its new limits ended it at
 * once, and EXPIRE came first (seen on 6.12). So the kernel is asked for the SA, unless the event makes no difference.
 */
static int apply_sa_updated(struct xfrm_table *table, const struct xfrm_sa_evidence *sa)
{
	struct xfrm_sa_id id = xfrm_sa_id(sa);
	const struct xfrm_sa_entry *before = xfrm_table_sa(table, &id);

	return before && !memcmp(&before->sa, sa, sizeof(*sa)) ? 0 : xfrm_question_add(table, &id);
}

static int apply_sa(struct xfrm_table *table, const struct nlmsghdr *message, struct xfrm_change *out)
{
	struct xfrm_sa_evidence sa;
	char why[64];

	if (xfrm_parse_sa(message, &sa, why, sizeof(why)))
		return xfrm_table_stale(table, why);
	if (!sa.spi)
		return 0;
	if (message->nlmsg_type == XFRM_MSG_UPDSA)
		return apply_sa_updated(table, &sa);
	return xfrm_table_put_sa(table, &sa, out);
}

void xfrm_table_sa_gone(struct xfrm_table *table, const struct xfrm_sa_id *id, struct xfrm_change *out)
{
	struct xfrm_sa_entry *entry = xfrm_table_sa(table, id);

	if (!entry)
		return;
	*out = sa_change(&entry->sa, false);
	xfrm_table_drop_sa(table, entry);
}

/* The mark is part of the SA's identity. `header_size`: octets before the attributes. */
static int read_mark(const struct nlmsghdr *message, size_t header_size, struct xfrm_mark_evidence *out)
{
	static const struct nla_policy policy_of[PARSED_XFRMA_MAX + 1] = {
		[XFRMA_MARK] = NETLINK_EXACTLY(sizeof(struct xfrm_mark)),
	};
	struct nlattr *attrs[PARSED_XFRMA_MAX + 1];

	if (netlink_attributes(message, header_size, PARSED_XFRMA_MAX, policy_of, attrs))
		return -EPROTO;
	*out = xfrm_mark_evidence(attrs[XFRMA_MARK]);
	return 0;
}

static int apply_sa_deleted(struct xfrm_table *table, const struct nlmsghdr *message, struct xfrm_change *out)
{
	struct xfrm_usersa_id head;
	struct xfrm_sa_id id = { 0 };

	if (read_mark(message, sizeof(head), &id.mark))
		return xfrm_table_stale(table, "a deleted SA is not understood");
	memcpy(&head, NLMSG_DATA(message), sizeof(head));
	id.family = head.family;
	id.proto = head.proto;
	id.spi = ntohl(head.spi);
	if (xfrm_address_evidence(head.family, &head.daddr, &id.daddr))
		return xfrm_table_stale(table, "a deleted SA is not understood");
	xfrm_table_sa_gone(table, &id, out);
	return 0;
}

static void sa_expires(struct xfrm_table *table, const struct xfrm_sa_id *id, struct xfrm_change *out)
{
	struct xfrm_sa_entry *entry = xfrm_table_sa(table, id);

	if (!entry)
		return;
	entry->sa.dying = true;
	*out = expiring(&entry->sa);
}

/* A hard limit ends the SA, and no DELSA follows (xfrm_timer_handler()). */
static int apply_sa_expired(struct xfrm_table *table, const struct nlmsghdr *message, struct xfrm_change *out)
{
	struct xfrm_user_expire head;
	struct xfrm_sa_id id = { 0 };

	if (read_mark(message, sizeof(head), &id.mark))
		return xfrm_table_stale(table, "an expired SA is not understood");
	memcpy(&head, NLMSG_DATA(message), sizeof(head));
	id.family = head.state.family;
	id.proto = head.state.id.proto;
	id.spi = ntohl(head.state.id.spi);
	if (xfrm_address_evidence(head.state.family, &head.state.id.daddr, &id.daddr))
		return xfrm_table_stale(table, "an expired SA is not understood");
	if (head.hard)
		xfrm_table_sa_gone(table, &id, out);
	else
		sa_expires(table, &id, out);
	return 0;
}

/* ---- policies ---- */

/* A replacement keeps the index, and the kernel reports no deletion (xfrm_policy_insert()). */
static int apply_policy(struct xfrm_table *table, const struct nlmsghdr *message, struct xfrm_change *out)
{
	struct xfrm_policy_evidence policy;
	struct xfrm_policy_entry *before;
	struct xfrm_change change;
	char why[64];
	int err;

	if (xfrm_parse_policy(message, &policy, why, sizeof(why)))
		return xfrm_table_stale(table, why);
	if (policy.dir >= XFRM_POLICY_MAX)
		return 0;
	before = xfrm_table_policy(table, policy.index);
	if (before && !memcmp(&before->policy, &policy, sizeof(policy)))
		return 0;
	if (table->policies_may_have_contexts)
		return xfrm_table_stale(table, "a policy changed, and SELinux may restrict it");
	change = policy_change(&policy, true);
	if (before) {
		change = replacing(policy_change(&before->policy, true), change);
		xfrm_table_drop_policy(table, before);
	}
	err = xfrm_table_add_policy(table, &policy);
	if (!err)
		*out = change;
	return err;
}

static void policy_gone(struct xfrm_table *table, const struct xfrm_userpolicy_info *info, struct xfrm_change *out)
{
	struct xfrm_policy_entry *entry = xfrm_table_policy(table, info->index);

	if (!entry || info->dir >= XFRM_POLICY_MAX)
		return;
	*out = policy_change(&entry->policy, false);
	xfrm_table_drop_policy(table, entry);
}

/* The head has the index only if the policy was deleted by index; XFRMA_POLICY has the head of a NEWPOLICY. */
static int apply_policy_deleted(struct xfrm_table *table, const struct nlmsghdr *message, struct xfrm_change *out)
{
	static const struct nla_policy policy_of[PARSED_XFRMA_MAX + 1] = {
		[XFRMA_POLICY] = NETLINK_AT_LEAST(sizeof(struct xfrm_userpolicy_info)),
	};
	struct nlattr *attrs[PARSED_XFRMA_MAX + 1];
	struct xfrm_userpolicy_info info;

	if (netlink_attributes(message, sizeof(struct xfrm_userpolicy_id), PARSED_XFRMA_MAX, policy_of, attrs) ||
	    !attrs[XFRMA_POLICY])
		return xfrm_table_stale(table, "a deleted policy is not understood");
	memcpy(&info, nla_data(attrs[XFRMA_POLICY]), sizeof(info));
	policy_gone(table, &info, out);
	return 0;
}

static int apply_policy_expired(struct xfrm_table *table, const struct nlmsghdr *message, struct xfrm_change *out)
{
	struct xfrm_user_polexpire head;

	memcpy(&head, NLMSG_DATA(message), sizeof(head));
	if (head.hard)
		policy_gone(table, &head.pol, out);
	return 0;
}

/* ---- the rest ---- */

/* The event does not name the single entries, or not their new state. */
static int apply_flush(struct xfrm_table *table, const struct nlmsghdr *message, struct xfrm_change *out)
{
	(void)message;
	(void)out;
	return xfrm_table_stale(table, "many SAs or policies changed at once");
}

/*
 * No verdict depends on these events. MAPPING reports that a peer behind a NAT has another port or address, which
 * changes no SA. GETDEFAULT and SETDEFAULT report defaults: "block" drops packets that no policy covers, which are not
 * protected either way.
 */
static int apply_nothing(struct xfrm_table *table, const struct nlmsghdr *message, struct xfrm_change *out)
{
	(void)table;
	(void)message;
	(void)out;
	return 0;
}

static int dispatch(struct xfrm_table *table, const struct nlmsghdr *message, struct xfrm_change *out)
{
	static const struct {
		uint16_t type;
		uint16_t size; /* of the header, where apply() does not check it */
		int (*apply)(struct xfrm_table *table, const struct nlmsghdr *message, struct xfrm_change *out);
	} events[] = {
		{ XFRM_MSG_NEWSA, 0, apply_sa },
		{ XFRM_MSG_UPDSA, 0, apply_sa },
		{ XFRM_MSG_DELSA, 0, apply_sa_deleted },
		{ XFRM_MSG_EXPIRE, 0, apply_sa_expired },
		{ XFRM_MSG_FLUSHSA, 0, apply_flush },
		{ XFRM_MSG_NEWPOLICY, 0, apply_policy },
		{ XFRM_MSG_UPDPOLICY, 0, apply_policy },
		{ XFRM_MSG_DELPOLICY, 0, apply_policy_deleted },
		{ XFRM_MSG_POLEXPIRE, sizeof(struct xfrm_user_polexpire), apply_policy_expired },
		{ XFRM_MSG_FLUSHPOLICY, 0, apply_flush },
		{ XFRM_MSG_GETDEFAULT, sizeof(struct xfrm_userpolicy_default), apply_nothing },
		{ XFRM_MSG_SETDEFAULT, sizeof(struct xfrm_userpolicy_default), apply_nothing },
		{ XFRM_MSG_MIGRATE, 0, apply_flush },
		{ XFRM_MSG_MAPPING, sizeof(struct xfrm_user_mapping), apply_nothing },
	};

	if (message->nlmsg_len < NLMSG_HDRLEN)
		return xfrm_table_stale(table, "a message is truncated");
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (events[i].type != message->nlmsg_type)
			continue;
		if (message->nlmsg_len < NLMSG_LENGTH((uint32_t)events[i].size))
			return xfrm_table_stale(table, "a message is truncated");
		return events[i].apply(table, message, out);
	}
	return xfrm_table_stale(table, "an event is not known");
}

int xfrm_table_apply(struct xfrm_table *table, const struct nlmsghdr *message, struct xfrm_change *out)
{
	struct xfrm_change change = { .kind = XFRM_CHANGE_NOTHING };
	int err;

	if (table->state != EVIDENCE_READ)
		return -ESTALE;
	err = dispatch(table, message, &change);
	if (err) {
		if (err != -ESTALE)
			text_copy(table->error, sizeof(table->error), "no memory for an event");
		xfrm_table_break(table);
		return err;
	}
	*out = change;
	return 0;
}
