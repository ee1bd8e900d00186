/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Hash tables: uthash. A table that gets no memory does not end the process: after HASH_ADD() the element is in the
 * table if its hh.tbl is not NULL, and the caller must look.
 */
#ifndef RDMASEC_UTIL_HASH_H
#define RDMASEC_UTIL_HASH_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
