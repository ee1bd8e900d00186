// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "util/array.h"

#include <stdlib.h>

void *array_room(void *array, size_t count, size_t element_size)
{
	if (count & (count - 1))
		return array;
	return reallocarray(array, count ? count * 2 : 1, element_size);
}
