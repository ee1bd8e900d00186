/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Small helpers for fixed-size texts; all of them always end the text with NUL. */
#ifndef RDMASEC_UTIL_TEXT_H
#define RDMASEC_UTIL_TEXT_H

#include <stddef.h>

#include "util/attributes.h"

/* Copies as much of `from` as fits. */
void text_copy(char *to, size_t size, const char *from);

/* Formats; what does not fit is cut off. */
void text_format(char *to, size_t size, const char *format, ...) RS_PRINTF(3, 4);

/* Appends to what is there. */
void text_append(char *to, size_t size, const char *format, ...) RS_PRINTF(3, 4);

/* Replaces every octet that is not printable ASCII with '?': for what others (an executable's name) chose. */
void text_printable(char *text);

#endif
