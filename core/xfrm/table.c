// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The entries and the state of an xfrm table. load.c fills it, table_apply.c applies events, table_ask.c asks the
 * kernel.
 */
#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"
#include "xfrm/table_internal.h"

/* ---- the table ---- */

/*
 * init_sel_fs() registers selinuxfs unless SELinux was disabled at boot. If the list cannot be read, SELinux is
 * assumed.
 */
static bool kernel_has_selinux(void)
{
	FILE *file = fopen("/proc/filesystems", "re");
	bool found = !file;
	char line[64];

	while (!found && fgets(line, sizeof(line), file))
		found = strstr(line, "selinuxfs");
	if (file)
		fclose(file);
	return found;
}

struct xfrm_table *xfrm_table_new(void)
{
	struct xfrm_table *table = calloc(1, sizeof(*table));

	if (table)
		table->policies_may_have_contexts = kernel_has_selinux();
	return table;
}

void xfrm_table_limit(struct xfrm_table *table, size_t max)
{
	table->entries_max = max;
}

static bool is_full(const struct xfrm_table *table)
{
	return table->entries_max && HASH_COUNT(table->sas) + HASH_COUNT(table->policies) >= table->entries_max;
}

void xfrm_table_drop_policies(struct xfrm_table *table)
{
	struct xfrm_policy_entry *policy, *next;

	HASH_ITER (hh, table->policies, policy, next)
		xfrm_table_drop_policy(table, policy);
}

void xfrm_table_drop_sas(struct xfrm_table *table)
{
	struct xfrm_sa_entry *sa, *next;

	HASH_ITER (hh, table->sas, sa, next)
		xfrm_table_drop_sa(table, sa);
}

void xfrm_table_reset(struct xfrm_table *table, enum evidence_state state, const char *error)
{
	xfrm_table_drop_policies(table);
	xfrm_table_drop_sas(table);
	xfrm_questions_drop(table);
	table->state = state;
	text_copy(table->error, sizeof(table->error), error);
}

int xfrm_table_stale(struct xfrm_table *table, const char *why)
{
	text_format(table->error, sizeof(table->error), "%s: not read again yet", why);
	return -ESTALE;
}

void xfrm_table_break(struct xfrm_table *table)
{
	xfrm_questions_drop(table);
	table->state = EVIDENCE_BROKEN;
}

void xfrm_table_free(struct xfrm_table *table)
{
	if (!table)
		return;
	xfrm_table_reset(table, EVIDENCE_UNREAD, "");
	free(table);
}

enum evidence_state xfrm_table_state(const struct xfrm_table *table)
{
	if (!table)
		return EVIDENCE_UNREAD;
	return table->questions ? EVIDENCE_BROKEN : table->state;
}

const char *xfrm_table_error(const struct xfrm_table *table)
{
	if (!table)
		return "";
	return table->questions ? "an SA was updated: not read yet" : table->error;
}

size_t xfrm_table_policy_count(const struct xfrm_table *table)
{
	return HASH_COUNT(table->policies);
}

size_t xfrm_table_sa_count(const struct xfrm_table *table)
{
	return HASH_COUNT(table->sas);
}

bool xfrm_table_has_offload(const struct xfrm_table *table)
{
	return table->offloaded;
}

bool xfrm_table_has_packet_offload(const struct xfrm_table *table, uint8_t dir)
{
	return table->packet_offloaded[dir];
}

/* ---- SAs ---- */

struct xfrm_sa_id xfrm_sa_id(const struct xfrm_sa_evidence *sa)
{
	return (struct xfrm_sa_id){
		.family = (uint32_t)sa->family, .proto = sa->proto, .spi = sa->spi, .mark = sa->mark, .daddr = sa->daddr
	};
}

struct xfrm_sa_entry *xfrm_table_sa(const struct xfrm_table *table, const struct xfrm_sa_id *id)
{
	struct xfrm_sa_entry *entry;

	HASH_FIND(hh, table->sas, id, sizeof(*id), entry);
	return entry;
}

static int sa_enter(struct xfrm_table *table, struct xfrm_sa_entry *entry)
{
	struct xfrm_group_key keys[XFRM_LINKS_MAX];
	size_t count = xfrm_sa_groups(&entry->sa, keys);

	if (is_full(table) || xfrm_groups_join(&table->groups, &entry->entry, keys, count))
		return -ENOMEM;
	HASH_ADD(hh, table->sas, id, sizeof(entry->id), entry);
	if (entry->hh.tbl)
		return 0;
	xfrm_groups_leave(&table->groups, &entry->entry);
	return -ENOMEM;
}

int xfrm_table_add_sa(struct xfrm_table *table, const struct xfrm_sa_evidence *sa)
{
	struct xfrm_sa_id id = xfrm_sa_id(sa);
	struct xfrm_sa_entry *entry;

	if (xfrm_table_sa(table, &id))
		return -EEXIST;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->sa = *sa;
	entry->id = id;
	entry->entry.sequence = table->sequence++;
	if (sa_enter(table, entry)) {
		free(entry);
		return -ENOMEM;
	}
	table->offloaded += sa->offload.ifindex != 0;
	return 0;
}

void xfrm_table_drop_sa(struct xfrm_table *table, struct xfrm_sa_entry *entry)
{
	HASH_DELETE(hh, table->sas, entry);
	xfrm_groups_leave(&table->groups, &entry->entry);
	table->offloaded -= entry->sa.offload.ifindex != 0;
	free(entry);
}

/* ---- policies ---- */

struct xfrm_policy_entry *xfrm_table_policy(const struct xfrm_table *table, uint32_t index)
{
	struct xfrm_policy_entry *entry;

	HASH_FIND(hh, table->policies, &index, sizeof(index), entry);
	return entry;
}

static int policy_enter(struct xfrm_table *table, struct xfrm_policy_entry *entry)
{
	struct xfrm_group_key keys[XFRM_LINKS_MAX];
	size_t count = xfrm_policy_groups(&entry->policy, keys);

	if (is_full(table) || xfrm_groups_join(&table->groups, &entry->entry, keys, count))
		return -ENOMEM;
	HASH_ADD(hh, table->policies, policy.index, sizeof(entry->policy.index), entry);
	if (entry->hh.tbl)
		return 0;
	xfrm_groups_leave(&table->groups, &entry->entry);
	return -ENOMEM;
}

/* `by` is 1 or -1. */
static void count_policy(struct xfrm_table *table, const struct xfrm_policy_evidence *policy, int by)
{
	bool offloaded = policy->offload.ifindex != 0;

	table->offloaded += (size_t)(offloaded ? by : 0);
	table->packet_offloaded[policy->dir] += (size_t)(offloaded && policy->offload.packet ? by : 0);
}

int xfrm_table_add_policy(struct xfrm_table *table, const struct xfrm_policy_evidence *policy)
{
	struct xfrm_policy_entry *entry;

	if (xfrm_table_policy(table, policy->index))
		return -EEXIST;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->policy = *policy;
	entry->entry.sequence = table->sequence++;
	if (policy_enter(table, entry)) {
		free(entry);
		return -ENOMEM;
	}
	count_policy(table, policy, 1);
	return 0;
}

void xfrm_table_drop_policy(struct xfrm_table *table, struct xfrm_policy_entry *entry)
{
	HASH_DELETE(hh, table->policies, entry);
	xfrm_groups_leave(&table->groups, &entry->entry);
	count_policy(table, &entry->policy, -1);
	free(entry);
}

/* ---- questions: SAs to ask the kernel for ---- */

static bool has_spi(uint32_t proto)
{
	return proto == IPPROTO_ESP || proto == IPPROTO_AH || proto == IPPROTO_COMP;
}

/*
 * The kernel looks up SAs of other protocols by their source, and never finds an SA whose mark its own mask excludes.
 */
static bool can_be_asked_for(const struct xfrm_sa_id *id)
{
	return has_spi(id->proto) && !(id->mark.value & ~id->mark.mask);
}

int xfrm_question_add(struct xfrm_table *table, const struct xfrm_sa_id *id)
{
	struct xfrm_question *question;

	HASH_FIND(hh, table->questions, id, sizeof(*id), question);
	if (question)
		return 0;
	if (!can_be_asked_for(id))
		return xfrm_table_stale(table, "an SA was updated that cannot be asked for");
	if (HASH_COUNT(table->questions) == XFRM_QUESTIONS_MAX)
		return xfrm_table_stale(table, "many SAs were updated at once");
	question = calloc(1, sizeof(*question));
	if (!question)
		return -ENOMEM;
	question->id = *id;
	HASH_ADD(hh, table->questions, id, sizeof(question->id), question);
	if (question->hh.tbl)
		return 0;
	free(question);
	return -ENOMEM;
}

void xfrm_questions_drop(struct xfrm_table *table)
{
	struct xfrm_question *question, *next;

	HASH_ITER (hh, table->questions, question, next) {
		HASH_DELETE(hh, table->questions, question);
		free(question);
	}
}

bool xfrm_table_has_questions(const struct xfrm_table *table)
{
	return table->questions;
}
