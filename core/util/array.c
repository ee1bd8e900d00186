// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "util/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *array_room(void *array, size_t count, size_t element_size)
{
	if (count & (count - 1))
		return array;
	return reallocarray(array, count ? count * 2 : 1, element_size);
}

int array_append(void *array, size_t *count, const void *element, size_t size)
{
	void *elements;

	/* copied, since a pointer to another type cannot be read through a void ** */
	memcpy(&elements, array, sizeof(elements));
	elements = array_room(elements, *count, size);
	if (!elements)
		return -ENOMEM;
	memcpy(array, &elements, sizeof(elements));
	memcpy((char *)elements + *count * size, element, size);
	++*count;
	return 0;
}
