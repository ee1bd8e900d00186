/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The netdevs of this network namespace, and which of them are below software RDMA devices. */
#ifndef RDMASEC_GATE_VIEW_H
#define RDMASEC_GATE_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "evidence/facts.h"
#include "util/attributes.h"

struct gate;

struct gate_view {
	struct evidence evidence; /* links only */
	int *under;               /* indices of the netdevs of software RDMA devices */
	size_t under_count;
};

/*
 * Reads links and RDMA devices of the calling thread's namespace. Returns 0, and gate_view_free() is due; or
 * -errno and a text in `error`. Blocks as evidence_read() and inventory_read() do.
 */
RS_MUST_USE int gate_view_read(struct gate_view *out, char *error, size_t error_size);
/* The two parts of gate_view_read(), for who has to do other things between them: the links, and then the devices. */
RS_MUST_USE int gate_view_read_links(struct gate_view *out, char *error, size_t error_size);
RS_MUST_USE int gate_view_add_devices(struct gate_view *view, char *error, size_t error_size);
void gate_view_free(struct gate_view *view);

/* Whether the gate belongs on this netdev: see gate_is_needed(). */
bool gate_view_needs(const struct gate_view *view, const struct link_evidence *link);

/*
 * Makes the gate look into VXLAN and Geneve: to the ports of this host's VXLAN netdevs, and to those that other hosts
 * use by default. Returns as gate_add_port().
 */
RS_MUST_USE int gate_add_tunnels(struct gate *gate, const struct gate_view *view, char *error, size_t error_size);

#endif
