// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "util/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_copy(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

void text_format(char *to, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(to, size, format, args);
	va_end(args);
}

void text_append(char *to, size_t size, const char *format, ...)
{
	size_t len = strnlen(to, size - 1);
	va_list args;

	va_start(args, format);
	vsnprintf(to + len, size - len, format, args);
	va_end(args);
}

void text_printable(char *text)
{
	for (char *c = text; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
}
