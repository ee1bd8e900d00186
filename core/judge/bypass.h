/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What on this host leads packets elsewhere after their route and their protection were chosen. */
#ifndef RDMASEC_JUDGE_BYPASS_H
#define RDMASEC_JUDGE_BYPASS_H

#include <stdbool.h>

#include "hazards/legacy.h"
#include "hazards/netfilter.h"
#include "hazards/traffic.h"
#include "judge/path.h"
#include "judge/verdict.h"

struct evidence;

/*
 * From where it is known, so that nothing is read for a path that it does not concern. The zeroed struct: nothing is
 * looked at, and nothing known. `context` is the first argument of each function.
 */
struct bypass_view {
	/*
	 * Return what was read, valid until the end of bypass_look(); or NULL and why, *error, which becomes a remark.
	 * NULL: not looked at.
	 */
	const struct netfilter *(*netfilter)(void *context, const char **error);
	const struct traffic *(*traffic)(void *context, int ifindex, const char **error);
	/* Returns NULL as above, without why: there is none but that they are not looked at. */
	const struct legacy_rules *(*legacy)(void *context);
	/* Whether what they lead elsewhere in clear is stopped: gate_stands(). NULL: never. */
	bool (*gated)(void *context, const struct evidence *ev, int ifindex);
	void *context;
	/* Why netfilter is not known is said elsewhere, once: not with each path. */
	bool is_said;
	/* With any remote, rules count that name a single one: packets may be sent to that as well. */
	bool each_remote;
};

/*
 * A protected path of software RoCE whose packets are surely led elsewhere becomes UNPROTECTED, with the reason. Where
 * that is not certain, or not known, `strict` makes it UNKNOWN; else verdict->detour gets a text, printable. While the
 * remote is still to come (REMOTE_SOME), nothing is looked at. Blocks like the functions of `view`.
 */
void bypass_look(const struct bypass_view *view, const struct evidence *ev, const struct path *path, bool strict,
		 struct verdict *verdict);

#endif
