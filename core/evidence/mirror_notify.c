// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Notifies the mirror's client of a change, and counts it. */
#include "evidence/mirror_internal.h"

/* A dying SA protects as before. */
static bool changes_verdicts(const struct mirror_change *change)
{
	return change->kind != MIRROR_CHANGE_XFRM || change->xfrm->kind != XFRM_CHANGE_EXPIRING;
}

void mirror_notify(struct mirror *mirror, const struct mirror_change *change)
{
	mirror->generation += changes_verdicts(change);
	if (!mirror->quiet)
		mirror->changed(mirror, change, mirror->arg);
}

void mirror_notify_host(struct mirror *mirror)
{
	mirror_notify(mirror, &(struct mirror_change){ .kind = MIRROR_CHANGE_HOST });
}

void mirror_notify_xfrm(const struct xfrm_change *change, void *arg)
{
	mirror_notify(arg, &(struct mirror_change){ .kind = MIRROR_CHANGE_XFRM, .xfrm = change });
}
