/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The options of rdma_cm ids. Thread-safe. */
#ifndef RDMASEC_CM_ID_OPTIONS_H
#define RDMASEC_CM_ID_OPTIONS_H

#include <rdma/rdma_cma.h>

#include "door/want_table.h"

/* Zero without options. */
void id_options_get(const struct rdma_cm_id *id, struct want *out);

/* Errors as want_table_set(). */
RS_MUST_USE int id_options_set(const struct rdma_cm_id *id, int option, const void *value, size_t size);

/* Copies the options of a listener to a new id, unless that has some. True: the table has taken `spare`. */
RS_MUST_USE bool id_options_inherit(const struct rdma_cm_id *listener, const struct rdma_cm_id *id,
				    struct want_entry *spare);

/* Around the destruction of an id: removes its entry (or NULL), which the caller frees, or gives back on failure. */
struct want_entry *id_options_take(const struct rdma_cm_id *id);
void id_options_give_back(struct want_entry *entry);

#endif
