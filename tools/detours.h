/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What leads packets elsewhere after they were judged, for a survey of this network namespace. */
#ifndef RDMASEC_TOOLS_DETOURS_H
#define RDMASEC_TOOLS_DETOURS_H

#include <stdbool.h>

#include "hazards/cache.h"
#include "judge/survey.h"

struct detours {
	struct hazard_cache *cache;
};

/* Reads nothing yet. Returns false without memory; else detours_close() is due. */
bool detours_open(struct detours *out);
void detours_close(struct detours *detours);

/* Whether rules of netfilter cannot be read for lack of CAP_NET_ADMIN. Blocks like netfilter_read(). */
bool detours_are_forbidden(const struct detours *detours);

/*
 * Has the survey look at them: each row blocks like hazards/cache.h. NULL: it does not. They must live as long as the
 * view.
 */
void detours_look(const struct detours *detours, struct survey_view *view);

#endif
