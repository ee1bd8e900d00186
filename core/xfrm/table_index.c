// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The index of an xfrm table. A selector of two host addresses matches one pair of addresses only, and an SA belongs to
 * one pair (or, if its source is zero, to one destination). So the entries that could match a flow are in two lists. An
 * iteration merges them in the order of arrival, which is that of the kernel's dump.
 */
#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "xfrm/table_internal.h"

/* ---- groups ---- */

static struct xfrm_group *group_find(struct xfrm_group *groups, const struct xfrm_group_key *key)
{
	struct xfrm_group *group;

	HASH_FIND(hh, groups, key, sizeof(*key), group);
	return group;
}

static struct xfrm_group *group_make(struct xfrm_group **groups, const struct xfrm_group_key *key)
{
	struct xfrm_group *group = group_find(*groups, key);

	if (group)
		return group;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->key = *key;
	HASH_ADD(hh, *groups, key, sizeof(group->key), group);
	if (group->hh.tbl)
		return group;
	free(group);
	return NULL;
}

int xfrm_groups_join(struct xfrm_group **groups, struct xfrm_entry *entry, const struct xfrm_group_key *keys,
		     size_t count)
{
	entry->link_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct xfrm_link *link = &entry->links[i];

		link->group = group_make(groups, &keys[i]);
		if (!link->group) {
			xfrm_groups_leave(groups, entry);
			return -ENOMEM;
		}
		link->entry = entry;
		DL_APPEND(link->group->members, link);
		entry->link_count++;
	}
	return 0;
}

void xfrm_groups_leave(struct xfrm_group **groups, struct xfrm_entry *entry)
{
	for (size_t i = 0; i < entry->link_count; i++) {
		struct xfrm_group *group = entry->links[i].group;

		DL_DELETE(group->members, &entry->links[i]);
		if (group->members)
			continue;
		HASH_DELETE(hh, *groups, group);
		free(group);
	}
	entry->link_count = 0;
}

/* ---- keys ---- */

static void key_address(union ip_address *to, int family, const union ip_address *from)
{
	memcpy(to->bytes, from->bytes, family == AF_INET ? sizeof(from->v4) : sizeof(from->v6));
}

static struct xfrm_group_key pair_key(enum xfrm_group_kind kind, int family, const union ip_address *saddr,
				      const union ip_address *daddr)
{
	struct xfrm_group_key key = { .kind = kind, .family = (uint32_t)family };

	key_address(&key.saddr, family, saddr);
	key_address(&key.daddr, family, daddr);
	return key;
}

size_t xfrm_sa_groups(const struct xfrm_sa_evidence *sa, struct xfrm_group_key keys[XFRM_LINKS_MAX])
{
	keys[0] = (struct xfrm_group_key){ .kind = SAS_ALL };
	keys[1] = (struct xfrm_group_key){ .kind = SAS_OF_REQID, .reqid = sa->reqid };
	keys[2] = pair_key(SAS_OF_PAIR, sa->family, &sa->saddr, &sa->daddr);
	keys[3] = keys[2];
	keys[3].kind = SAS_OF_PAIR_AND_REQID;
	keys[3].reqid = sa->reqid;
	return 4;
}

static bool selects_hosts(const struct xfrm_selector_evidence *sel)
{
	int bits = sel->family == AF_INET ? 32 : 128;

	return sel->saddr_prefix == bits && sel->daddr_prefix == bits;
}

size_t xfrm_policy_groups(const struct xfrm_policy_evidence *policy, struct xfrm_group_key keys[XFRM_LINKS_MAX])
{
	const struct xfrm_selector_evidence *sel = &policy->sel;

	keys[0] = (struct xfrm_group_key){ .kind = POLICIES_ALL };
	if (selects_hosts(sel))
		keys[1] = pair_key(POLICIES_OF_HOSTS, sel->family, &sel->saddr, &sel->daddr);
	else
		keys[1] = (struct xfrm_group_key){ .kind = POLICIES_OF_NETS, .family = (uint32_t)sel->family };
	keys[0].dir = keys[1].dir = policy->dir;
	return 2;
}

/* ---- iterations ---- */

static const void *members_of(const struct xfrm_table *table, const struct xfrm_group_key *key)
{
	const struct xfrm_group *group = table ? group_find(table->groups, key) : NULL;

	return group ? group->members : NULL;
}

static const struct xfrm_entry *walk(struct xfrm_walk *walk)
{
	const struct xfrm_link *first = walk->next[0], *second = walk->next[1];
	bool from_second = !first || (second && second->entry->sequence < first->entry->sequence);
	const struct xfrm_link *link = from_second ? second : first;

	if (!link)
		return NULL;
	walk->next[from_second] = link->next;
	return link->entry;
}

const struct xfrm_policy_evidence *xfrm_walk_policy(struct xfrm_walk *w)
{
	const struct xfrm_policy_entry *entry = (const struct xfrm_policy_entry *)walk(w);

	return entry ? &entry->policy : NULL;
}

const struct xfrm_sa_evidence *xfrm_walk_sa(struct xfrm_walk *w)
{
	const struct xfrm_sa_entry *entry = (const struct xfrm_sa_entry *)walk(w);

	return entry ? &entry->sa : NULL;
}

void xfrm_table_policies(const struct xfrm_table *table, uint8_t dir, int family, const union ip_address *saddr,
			 const union ip_address *daddr, struct xfrm_walk *out)
{
	struct xfrm_group_key key = { .kind = POLICIES_ALL, .dir = dir };

	*out = (struct xfrm_walk){ { NULL, NULL } };
	if (!saddr || !daddr) {
		out->next[0] = members_of(table, &key);
		return;
	}
	key = (struct xfrm_group_key){ .kind = POLICIES_OF_NETS, .dir = dir, .family = (uint32_t)family };
	out->next[0] = members_of(table, &key);
	key = pair_key(POLICIES_OF_HOSTS, family, saddr, daddr);
	key.dir = dir;
	out->next[1] = members_of(table, &key);
}

void xfrm_table_sas(const struct xfrm_table *table, const struct xfrm_sa_query *query, struct xfrm_walk *out)
{
	static const union ip_address zero;
	uint32_t reqid = query->any_reqid ? 0 : query->reqid;
	struct xfrm_group_key key = { .kind = query->any_reqid ? SAS_ALL : SAS_OF_REQID, .reqid = reqid };

	*out = (struct xfrm_walk){ { NULL, NULL } };
	if (!query->saddr || !query->daddr) {
		out->next[0] = members_of(table, &key);
		return;
	}
	key = pair_key(query->any_reqid ? SAS_OF_PAIR : SAS_OF_PAIR_AND_REQID, query->family, query->saddr,
		       query->daddr);
	key.reqid = reqid;
	out->next[0] = members_of(table, &key);
	key.saddr = zero;
	out->next[1] = members_of(table, &key);
}
