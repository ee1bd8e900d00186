/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The options that applications set on QPs. They end when the QP is destroyed, or when a new context is opened on the
 * same fd number. Thread-safe; no function blocks.
 */
#ifndef RDMASEC_DOOR_QP_OPTIONS_H
#define RDMASEC_DOOR_QP_OPTIONS_H

#include "uverbs/decode.h"
#include "want_table.h"

/* QPs that this thread creates from now on get the options `want` (NULL: none). Returns the previous ones, for
 * restoring. */
struct want qp_options_make_with(const struct want *want);

bool qp_options_get(int fd, uint32_t handle, struct want *out);

/* `qp_type`: enum ibv_qp_type. Errors as want_table_set(). */
RS_MUST_USE int qp_options_set(int fd, uint32_t handle, uint32_t qp_type, int option, const void *value, size_t size);

/* The change that an ioctl makes to the options, once the kernel has executed it. */
struct qp_options_change {
	struct want_entry *made; /* the entry of the new QP */
	uint64_t destroyed;      /* the serial of the entry of the destroyed QP */
};

/*
 * Before an ioctl: fills *want, and prepares what has to be done after it. 0 and *change, which is due to
 * qp_options_after(); -EPERM: the QPs that an address handle may serve ask for what cannot be had together; -ENOMEM.
 */
RS_MUST_USE int qp_options_before(int fd, const struct uverbs_command *command, struct want *want,
				  struct qp_options_change *change);

/* After it. `reply`: its decoded result; NULL: it failed or was refused. Keeps errno. */
void qp_options_after(int fd, const struct qp_options_change *change, const struct uverbs_command *reply);

#endif
