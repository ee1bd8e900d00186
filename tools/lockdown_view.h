/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What `rdmasec lockdown` knows of the host: its network devices, and which of them are below software RDMA devices. */
#ifndef RDMASEC_TOOLS_LOCKDOWN_VIEW_H
#define RDMASEC_TOOLS_LOCKDOWN_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "evidence/facts.h"
#include "util/attributes.h"

struct lockdown_view {
	struct evidence evidence;
	int *under; /* indices of the netdevs of software RDMA devices */
	size_t under_count;
};

/* Returns 0, and lockdown_view_free() is due; or -errno and a text in `error`. Blocks for the kernel. */
RS_MUST_USE int lockdown_view_read(struct lockdown_view *out, char *error, size_t error_size);
void lockdown_view_free(struct lockdown_view *view);

/* Whether the gate belongs on this device: see gate_is_needed(). */
bool lockdown_is_needed(const struct lockdown_view *view, const struct link_evidence *link);

/* Prints where the gate stands and what it has stopped. Returns the exit status of `lockdown status`. */
int lockdown_show(const struct lockdown_view *view, bool json);

#endif
