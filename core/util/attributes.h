/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The error convention of the whole tree: a function that can fail returns 0 or -errno and is RS_MUST_USE. It writes
 * its outputs only on success. The function that detects an error writes its text, once, with the names that an
 * operator knows; callers pass the text on.
 */
#ifndef RDMASEC_UTIL_ATTRIBUTES_H
#define RDMASEC_UTIL_ATTRIBUTES_H

#define RS_MUST_USE           __attribute__((warn_unused_result))
#define RS_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

#endif
