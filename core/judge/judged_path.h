/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A path with its verdict, as far as later changes can concern it. Without texts: each watched QP keeps one. */
#ifndef RDMASEC_JUDGE_JUDGED_PATH_H
#define RDMASEC_JUDGE_JUDGED_PATH_H

#include "judge/decide.h"
#include "xfrm/acquire.h"

/* Members as in struct path and struct verdict. */
struct judged_path {
	enum path_state state;
	enum remote_scope scope;
	enum driver_egress egress;
	int family;
	union ip_address local, remote;
	int gid_ifindex, egress_ifindex;
	bool stacked, tunnelled, has_sport;
	uint16_t sport;
	enum verdict_kind verdict;
	enum protection by;
	uint32_t spi_out, spi_in, policy_out;
	int secy_ifindex;
};

struct judged_path judged_path_from(const struct path *path, const struct verdict *verdict);

/* The flow to the remote of a REMOTE_ONE path. */
struct acquire_flow judged_path_flow(const struct judged_path *judged);

#endif
