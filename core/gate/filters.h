/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The tc filters of a netdev, as far as the gate must know them. */
#ifndef RDMASEC_GATE_FILTERS_H
#define RDMASEC_GATE_FILTERS_H

#include <bpf/libbpf.h>

#include "gate/gate.h"

struct gate_filters {
	enum gate_place place;
	size_t others;
};

/*
 * Reads the filters of clsact at one hook, in their order. Returns 0; without clsact there are none. Or -errno and a
 * text. Blocks as netlink_dump().
 */
RS_MUST_USE int gate_read_filters(int ifindex, enum bpf_tc_attach_point point, uint32_t handle,
				  struct gate_filters *out, char *error, size_t error_size);

#endif
