/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Small facts about a path that several parts of the judgement ask for. */
#ifndef RDMASEC_JUDGE_TRAITS_H
#define RDMASEC_JUDGE_TRAITS_H

#include "judge/path.h"
#include "xfrm/facts.h"

/* Ends the resolution of a path with `state` and the reason, whose facts are in out->why. Always returns false. */
RS_MUST_USE bool path_stop(struct path *out, enum path_state state, enum reason reason);

/* Whether a NIC sends by its own tables, where only packet-offloaded entries count. */
bool nic_applies_xfrm(const struct path *path);
bool is_packet_offloaded(const struct path *path, const struct xfrm_offload_evidence *offload);

#endif
