/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Shared by the files of this room. */
#ifndef RDMASEC_GATE_PRIVATE_H
#define RDMASEC_GATE_PRIVATE_H

#include "gate/gate.h"
#include "gate/gate.skel.h"

struct gate {
	struct gate_bpf *object;
};

/* Writes "the gate: WHAT: " and the error's name. Returns err. */
int gate_fail(char *error, size_t size, int err, const char *what);

#endif
