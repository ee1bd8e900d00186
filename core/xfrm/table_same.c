// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Do two events tell the same? Field by field: there is padding in these structs. Whoever adds a field to one of them
 * is stopped here, to add it below as well.
 */
#include <string.h>

#include "xfrm/table_internal.h"

_Static_assert(sizeof(struct xfrm_selector_evidence) == 52, "compare the new field");
_Static_assert(sizeof(struct xfrm_template_evidence) == 48, "compare the new field");
_Static_assert(sizeof(struct xfrm_policy_evidence) == 384, "compare the new field");
_Static_assert(sizeof(struct xfrm_sa_evidence) == 200, "compare the new field");

static bool addresses_same(const union ip_address *a, const union ip_address *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool marks_same(const struct xfrm_mark_evidence *a, const struct xfrm_mark_evidence *b)
{
	return a->value == b->value && a->mask == b->mask;
}

static bool offloads_same(const struct xfrm_offload_evidence *a, const struct xfrm_offload_evidence *b)
{
	return a->ifindex == b->ifindex && a->packet == b->packet;
}

bool xfrm_selector_same(const struct xfrm_selector_evidence *a, const struct xfrm_selector_evidence *b)
{
	return a->family == b->family && addresses_same(&a->daddr, &b->daddr) && addresses_same(&a->saddr, &b->saddr) &&
	       a->daddr_prefix == b->daddr_prefix && a->saddr_prefix == b->saddr_prefix && a->proto == b->proto &&
	       a->dport == b->dport && a->dport_mask == b->dport_mask && a->sport == b->sport &&
	       a->sport_mask == b->sport_mask && a->ifindex == b->ifindex;
}

static bool templates_same(const struct xfrm_template_evidence *a, const struct xfrm_template_evidence *b)
{
	return a->family == b->family && addresses_same(&a->daddr, &b->daddr) && addresses_same(&a->saddr, &b->saddr) &&
	       a->spi == b->spi && a->reqid == b->reqid && a->proto == b->proto && a->mode == b->mode &&
	       a->optional == b->optional;
}

bool xfrm_policy_same(const struct xfrm_policy_evidence *a, const struct xfrm_policy_evidence *b)
{
	if (a->tmpl_count != b->tmpl_count)
		return false;
	for (size_t i = 0; i < a->tmpl_count; i++)
		if (!templates_same(&a->tmpl[i], &b->tmpl[i]))
			return false;
	return xfrm_selector_same(&a->sel, &b->sel) && a->dir == b->dir && a->action == b->action &&
	       a->type == b->type && a->priority == b->priority && a->index == b->index && a->if_id == b->if_id &&
	       marks_same(&a->mark, &b->mark) && offloads_same(&a->offload, &b->offload);
}

bool xfrm_sa_same(const struct xfrm_sa_evidence *a, const struct xfrm_sa_evidence *b)
{
	return xfrm_selector_same(&a->sel, &b->sel) && addresses_same(&a->daddr, &b->daddr) &&
	       addresses_same(&a->saddr, &b->saddr) && a->family == b->family && a->spi == b->spi &&
	       a->reqid == b->reqid && a->proto == b->proto && a->mode == b->mode && a->if_id == b->if_id &&
	       marks_same(&a->mark, &b->mark) && offloads_same(&a->offload, &b->offload) &&
	       a->has_aead == b->has_aead && !strcmp(a->algorithm, b->algorithm) && a->key_bits == b->key_bits &&
	       a->icv_bits == b->icv_bits && a->expired == b->expired && a->dying == b->dying &&
	       a->pcpu_bound == b->pcpu_bound;
}

bool xfrm_change_same(const struct xfrm_change *a, const struct xfrm_change *b)
{
	return a->kind == b->kind && a->added == b->added && a->family == b->family &&
	       addresses_same(&a->saddr, &b->saddr) && addresses_same(&a->daddr, &b->daddr) && a->spi == b->spi &&
	       a->reqid == b->reqid && a->mode == b->mode && a->dir == b->dir && a->type == b->type &&
	       xfrm_selector_same(&a->sel, &b->sel) && a->packet_offload == b->packet_offload;
}
