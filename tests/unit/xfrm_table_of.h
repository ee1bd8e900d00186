/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Builds an xfrm table from the arrays of a test. */
#ifndef RDMASEC_TESTS_XFRM_TABLE_OF_H
#define RDMASEC_TESTS_XFRM_TABLE_OF_H

#include <criterion/criterion.h>
#include <linux/xfrm.h>

#include "xfrm/table_internal.h"

/*
 * The table is as after a load: no policies of sockets, and the entries in the order of the arrays. Free it with
 * xfrm_table_free().
 */
static inline struct xfrm_table *table_of(const struct xfrm_policy_evidence *policies, size_t policy_count,
					  const struct xfrm_sa_evidence *sas, size_t sa_count)
{
	struct xfrm_table *table = xfrm_table_new();

	cr_assert_not_null(table);
	for (size_t i = 0; i < policy_count; i++)
		if (policies[i].dir < XFRM_POLICY_MAX)
			cr_assert_eq(xfrm_table_add_policy(table, &policies[i]), 0, "policy %zu", i);
	for (size_t i = 0; i < sa_count; i++)
		cr_assert_eq(xfrm_table_add_sa(table, &sas[i]), 0, "SA %zu", i);
	table->state = EVIDENCE_READ;
	table->policies_may_have_contexts = false; /* on every host */
	return table;
}

#endif
