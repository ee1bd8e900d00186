/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What was asked for of rdma_cm ids. Thread-safe. */
#ifndef RDMASEC_CM_ID_OPTIONS_H
#define RDMASEC_CM_ID_OPTIONS_H

#include <rdma/rdma_cma.h>

#include "door/want_table.h"

/* Zeros where nothing was. */
void id_options_get(const struct rdma_cm_id *id, struct want *out);

/* Errors as want_table_set(). */
RS_MUST_USE int id_options_set(const struct rdma_cm_id *id, int option, const void *value, size_t size);

/* A new id asks for what its listener does, unless more has been asked of it since. True: `spare` is used. */
RS_MUST_USE bool id_options_inherit(const struct rdma_cm_id *listener, const struct rdma_cm_id *id,
				    struct want_entry *spare);

/* Around an id's destruction: its entry, or NULL, for free(3) or, when the id stays, to be given back. */
struct want_entry *id_options_take(const struct rdma_cm_id *id);
void id_options_give_back(struct want_entry *entry);

#endif
