// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "judge/verdict.h"

#include "util/text.h"

static const enum nearness nearness_of[REASON_COUNT] = {
#define REASON(name, code, nearness, sentence, hint) [REASON_##name] = NEARNESS_##nearness,
#define DIRECTED(name, code, nearness, sentence, hint) \
	[REASON_OUTBOUND_##name] = NEARNESS_##nearness, [REASON_INBOUND_##name] = NEARNESS_##nearness,
#include "messages/reason.def"
#undef DIRECTED
#undef REASON
};

struct why *verdict_set(struct verdict *out, enum verdict_kind kind, enum reason reason)
{
	out->kind = kind;
	out->nearness = nearness_of[reason];
	out->why[0] = (struct why){ .reason = reason };
	out->why[1] = (struct why){ .reason = REASON_NONE };
	out->by = BY_NOTHING;
	out->spi_out = out->spi_in = out->reqid = out->cipher = 0;
	out->sci = 0;
	out->secy_count = 0;
	out->secy[0] = '\0';
	out->outer = false;
	out->detour[0] = '\0';
	out->offloaded = out->integrity_only = out->kernel_drops = out->missing_sa = out->missing_macsec_sa = false;
	return &out->why[0];
}

void verdict_set_unread(struct verdict *out, enum reason reason, const char *error)
{
	struct why *why = verdict_set(out, VERDICT_UNKNOWN, reason);

	text_copy(why->detail, sizeof(why->detail), error[0] ? error : "not asked");
}
