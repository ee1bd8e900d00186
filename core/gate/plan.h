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

/* What a policy lets go in clear, or with less than encryption. */
struct gate_opening {
	struct gate_prefix *prefixes; /* of remotes that need no protection; freed by gate_opening_free() */
	size_t count;
	bool all;           /* the [default] rule lets everything go in clear */
	bool authenticated; /* some rule is content with MACsec that does not encrypt: integrity-only = yes */
	size_t unopened;    /* rules that let packets go in clear and that the gate cannot open for */
};

/*
 * Finds what the policy lets go in clear (require = none, or a mode other than enforce): rules that match by the remote
 * address alone, and that no rule before them could keep closed. Returns 0 with *out for gate_opening_free(), or
 * -ENOMEM with nothing opened.
 */
RS_MUST_USE int gate_opened_by(const struct policy *policy, struct gate_opening *out);
void gate_opening_free(struct gate_opening *opening);

#endif
