// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "judge/verdict.h"

#include <stdarg.h>
#include <stdio.h>

void verdict_set(struct verdict *out, enum verdict_kind kind, enum nearness nearness, const char *format, ...)
{
	va_list args;

	out->kind = kind;
	out->nearness = nearness;
	out->by = BY_NOTHING;
	out->details[0] = '\0';
	out->spi_out = out->spi_in = out->reqid = out->cipher = 0;
	out->sci = 0;
	out->offloaded = out->kernel_drops = out->missing_sa = false;
	va_start(args, format);
	vsnprintf(out->reason, sizeof(out->reason), format, args);
	va_end(args);
}
