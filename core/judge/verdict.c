// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "judge/verdict.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/text.h"

static const enum nearness nearness_of[REASON_COUNT] = {
#define REASON(name, code, nearness, hint) [REASON_##name] = NEARNESS_##nearness,
#define DIRECTED(name, code, nearness, hint) \
	[REASON_OUTBOUND_##name] = NEARNESS_##nearness, [REASON_INBOUND_##name] = NEARNESS_##nearness,
#include "messages/reason.def"
#undef DIRECTED
#undef REASON
};

void verdict_set(struct verdict *out, enum verdict_kind kind, enum reason reason, const char *format, ...)
{
	va_list args;

	out->kind = kind;
	out->nearness = nearness_of[reason];
	out->reasons[0] = reason;
	out->reasons[1] = REASON_NONE;
	out->by = BY_NOTHING;
	out->details[0] = '\0';
	out->spi_out = out->spi_in = out->reqid = out->cipher = 0;
	out->sci = 0;
	out->offloaded = out->kernel_drops = out->missing_sa = false;
	va_start(args, format);
	vsnprintf(out->text, sizeof(out->text), format, args);
	va_end(args);
}

void verdict_add(struct verdict *out, enum reason reason, const char *why)
{
	out->reasons[1] = out->reasons[0];
	out->reasons[0] = reason;
	text_append(out->text, sizeof(out->text), "; %s", why);
	text_printable(out->text);
}
