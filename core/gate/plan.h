/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Which netdevs need the gate, and which addresses it lets pass. Pure: nothing here blocks or asks the kernel. */
#ifndef RDMASEC_GATE_PLAN_H
#define RDMASEC_GATE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "gate/shared.h"
#include "util/attributes.h"

struct evidence;
struct link_evidence;
struct policy;

/*
 * Whether packets of a software RDMA device on one of the netdevs `under` (`count` indices) can leave the host by
 * `link`: it has no other netdev below it, and it is below one of `under`, or it is a network card, to which a route, a
 * rule or a tc filter can lead packets. False for MACsec and for tunnels: what is below them is gated.
 */
bool gate_is_needed(const struct evidence *ev, const struct link_evidence *link, const int *under, size_t count);

/*
 * Writes the prefixes that the policy lets go in clear (require = none, or a mode other than enforce): those of rules
 * that match by the remote address alone, and that no rule before them could keep closed. Returns 0 and an array that
 * the caller frees, or -ENOMEM. *out_all: the [default] rule lets everything go in clear. *out_unopened: how many such
 * rules the gate cannot open, because they match by more, or because a rule before them overlaps.
 */
RS_MUST_USE int gate_opened_by(const struct policy *policy, struct gate_prefix **out, size_t *out_count, bool *out_all,
			       size_t *out_unopened);

#endif
