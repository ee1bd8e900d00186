/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The error dialect of the whole tree: a function that can fail returns 0 or -errno and is RS_MUST_USE;
 * it writes its outputs only on success. Whoever first knows what went wrong writes the text an operator
 * reads, once, with the names an operator knows; the caller passes it on.
 */
#ifndef RDMASEC_UTIL_ATTRIBUTES_H
#define RDMASEC_UTIL_ATTRIBUTES_H

#define RS_MUST_USE           __attribute__((warn_unused_result))
#define RS_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

#endif
