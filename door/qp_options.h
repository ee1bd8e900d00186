/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What applications ask for, QP by QP, and when it goes: when the QP is destroyed, or another context is opened on the
 * fd's number. Thread-safe.
 */
#ifndef RDMASEC_DOOR_QP_OPTIONS_H
#define RDMASEC_DOOR_QP_OPTIONS_H

#include "uverbs/decode.h"
#include "want_table.h"

/*
 * QPs that this thread makes from now on ask for `want` from the beginning; NULL: for nothing. Returns what it was
 * until now, which the caller restores.
 */
struct want qp_options_make_with(const struct want *want);

bool qp_options_get(int fd, uint32_t handle, struct want *out);

/* `qp_type`: enum ibv_qp_type. Errors as want_table_set(). */
RS_MUST_USE int qp_options_set(int fd, uint32_t handle, uint32_t qp_type, int option, const void *value, size_t size);

/* What an ioctl that the kernel has yet to do will change here. */
struct qp_options_change {
	struct want_entry *made; /* the entry of the QP to come */
	uint64_t destroyed;      /* that of the QP to go */
};

/*
 * Before an ioctl: fills *want, and prepares what has to be done after it. 0 and *change, which is due to
 * qp_options_after(); -EPERM: the QPs that an address handle may serve ask for what cannot be had together; -ENOMEM.
 */
RS_MUST_USE int qp_options_before(int fd, const struct uverbs_command *command, struct want *want,
				  struct qp_options_change *change);

/* After it. `reply`: what came out of it, decoded; NULL: the kernel did not do it, or was never asked. */
void qp_options_after(int fd, const struct qp_options_change *change, const struct uverbs_command *reply);

#endif
