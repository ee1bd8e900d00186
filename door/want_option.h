/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The options of an application: sets one, and combines two sets. */
#ifndef RDMASEC_DOOR_WANT_OPTION_H
#define RDMASEC_DOOR_WANT_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attributes.h"
#include "util/want.h"

bool want_is_empty(const struct want *want);

/* Sets one option (enum rdmasec_option). 0; -EINVAL or -EPERM as in rdma_sec.h, without a change. `value` need not be
 * aligned. */
RS_MUST_USE int want_option_set(struct want *want, int option, const void *value, size_t size);

/* Combines both. -EPERM: one requires MACsec and the other IPsec. `out` may be one of them. */
RS_MUST_USE int want_both(const struct want *a, const struct want *b, struct want *out);

#endif
