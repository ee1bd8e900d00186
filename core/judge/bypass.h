/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What on this host leads packets elsewhere after their route and their protection were chosen. */
#ifndef RDMASEC_JUDGE_BYPASS_H
#define RDMASEC_JUDGE_BYPASS_H

#include <stdbool.h>

#include "hazards/netfilter.h"
#include "judge/path.h"
#include "judge/verdict.h"

struct evidence;

/* What is looked at. The zeroed struct: nothing. */
struct bypass_view {
	/* Rules of nftables. NULL: not looked at; `netfilter_error`: why, if that is to be told. */
	const struct netfilter *netfilter;
	const char *netfilter_error;
	/* Where filters of tc are read, and whether its netdevs are those of this thread: traffic_read(). */
	const struct netlink_transport *traffic;
	bool traffic_is_own;
	/* Whether what they lead elsewhere in clear is stopped: gate_stands(). NULL: never. */
	bool (*gated)(const struct evidence *ev, int ifindex);
};

enum { BYPASS_REMARK_MAX = 320 };

/*
 * A protected path of software RoCE whose packets are surely led elsewhere becomes UNPROTECTED, with the reason. Where
 * that is not certain, or not known, `remark` gets a text, printable; else "". Blocks like traffic_read(), for each
 * netdev by which the packets leave unprotected; not at all where the gate stands.
 */
void bypass_look(const struct bypass_view *view, const struct evidence *ev, const struct path *path,
		 struct verdict *verdict, char remark[BYPASS_REMARK_MAX]);

#endif
