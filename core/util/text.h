/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Texts in buffers of fixed size. Every function ends the text with NUL. */
#ifndef RDMASEC_UTIL_TEXT_H
#define RDMASEC_UTIL_TEXT_H

#include <stddef.h>

#include "util/attributes.h"

/* Copies as much of `from` as fits. */
void text_copy(char *to, size_t size, const char *from);

/* Formats, and cuts off the rest that does not fit. */
void text_format(char *to, size_t size, const char *format, ...) RS_PRINTF(3, 4);

/* Formats behind the text that is there. */
void text_append(char *to, size_t size, const char *format, ...) RS_PRINTF(3, 4);

/* Replaces every octet that is not printable ASCII with '?': for names that a user chose. */
void text_printable(char *text);

#endif
