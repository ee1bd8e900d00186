/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_UTIL_ARRAY_H
#define RDMASEC_UTIL_ARRAY_H

#include <stddef.h>

/*
 * The array with room for one element more than `count`, or NULL, and the old one stands. Sizes are powers of two, so
 * no capacity is kept: always append one at a time.
 */
void *array_room(void *array, size_t count, size_t element_size);

#endif
