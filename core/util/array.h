/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Arrays on the heap that grow by one element at a time. Their size is a power of two, so no capacity is kept. */
#ifndef RDMASEC_UTIL_ARRAY_H
#define RDMASEC_UTIL_ARRAY_H

#include <stddef.h>

#include "util/attributes.h"

/*
 * Returns the array with room for one element more than `count`, or NULL without memory; the array then stays as it
 * was. For callers that fill the element in place.
 */
void *array_room(void *array, size_t count, size_t element_size);

/*
 * Appends a copy of `element` of `size` octets. `array` points to the caller's pointer to the first element, which is
 * NULL for an empty array. Returns 0, or -ENOMEM with array and count as they were.
 */
RS_MUST_USE int array_append(void *array, size_t *count, const void *element, size_t size);

#endif
