/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The netdevs below the one by which packets leave, and whether MACsec protects every way out. */
#ifndef RDMASEC_JUDGE_STACK_H
#define RDMASEC_JUDGE_STACK_H

#include <stdbool.h>

#include "evidence/facts.h"
#include "judge/path.h"
#include "judge/verdict.h"
#include "policy/policy.h"

enum {
	STACK_DEPTH_MAX = 8,    /* MAX_NEST_DEV in include/linux/netdevice.h */
	STACK_NETDEVS_MAX = 64, /* netdevs that one verdict looks at */
};

bool link_is(const struct link_evidence *link, const char *kind);

/* Returns the netdev below a VLAN, a MACsec device or the like; NULL if it has none in this network namespace. */
const struct link_evidence *link_below(const struct evidence *ev, const struct link_evidence *link);

/* Whether other netdevs than `link` itself decide what leaves by it. */
bool link_is_stacked(const struct evidence *ev, const struct link_evidence *link);

/*
 * Whether SecYs encrypt all that leaves by the path's egress, and check all that arrives. From a bond or a bridge
 * packets may leave by any port, so each port must protect. A device whose kind is not known is VERDICT_UNKNOWN.
 * *out was zeroed. Thread-safe, allocates nothing.
 */
void decide_stack(const struct path *path, const struct evidence *ev, const struct requirement *req,
		  struct verdict *out);

#endif
