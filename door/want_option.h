/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What an application asks for: setting one option of it, and two such wishes in one. */
#ifndef RDMASEC_DOOR_WANT_OPTION_H
#define RDMASEC_DOOR_WANT_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attributes.h"
#include "util/want.h"

bool want_is_empty(const struct want *want);

/* One of the setters of enum rdmasec_option. 0; -EINVAL, -EPERM as rdma_sec.h has it, and *want as it was. `value` need
 * not be aligned. */
RS_MUST_USE int want_option_set(struct want *want, int option, const void *value, size_t size);

/* What satisfies both. -EPERM: nothing does, as one wants MACsec and the other IPsec. `out` may be one of them. */
RS_MUST_USE int want_both(const struct want *a, const struct want *b, struct want *out);

#endif
