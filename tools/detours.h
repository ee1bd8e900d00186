/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What leads packets elsewhere after they were judged, for a survey of this network namespace. */
#ifndef RDMASEC_TOOLS_DETOURS_H
#define RDMASEC_TOOLS_DETOURS_H

#include <stdbool.h>

#include "judge/survey.h"

struct detours {
	struct netfilter *netfilter; /* NULL: not read */
	bool forbidden;              /* for lack of CAP_NET_ADMIN */
	char error[128];             /* else */
};

/* Reads them. Blocks like netfilter_read(). detours_free() is due. */
void detours_read(struct detours *out);
void detours_free(struct detours *detours);

/* Has the survey look at them. NULL: it does not. They must live as long as the view. */
void detours_look(const struct detours *detours, struct survey_view *view);

#endif
