// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The text of a policy file's first mistake. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/internal.h"
#include "util/text.h"

int policy_fail(struct policy_parser *p, int status, unsigned int line, const char *format, ...)
{
	va_list args;

	if (p->status)
		return p->status;
	p->status = status;
	if (line)
		text_format(p->error, p->error_size, "%s:%u: ", p->name, line);
	else
		text_format(p->error, p->error_size, "%s: ", p->name);
	size_t len = strnlen(p->error, p->error_size);

	va_start(args, format);
	vsnprintf(p->error + len, p->error_size - len, format, args);
	va_end(args);
	return status;
}
