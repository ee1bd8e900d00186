// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "messages/reason.h"

#include "util/text.h"

static const struct {
	const char *code, *sentence, *hint;
} table[REASON_COUNT] = {
	[REASON_NONE] = { "", "", "" },
#define REASON(name, code, nearness, sentence, hint) [REASON_##name] = { code, sentence, hint },
#define DIRECTED(name, code, nearness, sentence, hint)                   \
	[REASON_OUTBOUND_##name] = { "outbound-" code, sentence, hint }, \
	[REASON_INBOUND_##name] = { "inbound-" code, sentence, hint },
#include "messages/reason.def"
#undef DIRECTED
#undef REASON
};

const char *reason_code(uint32_t reason)
{
	return table[reason < REASON_COUNT ? reason : REASON_NONE].code;
}

const char *reason_sentence(uint32_t reason)
{
	return table[reason < REASON_COUNT ? reason : REASON_NONE].sentence;
}

const char *reason_hint(uint32_t reason)
{
	return table[reason < REASON_COUNT ? reason : REASON_NONE].hint;
}

const char *reasons_text(const uint32_t reasons[REASONS_MAX], char text[REASONS_TEXT_MAX])
{
	text_format(text, REASONS_TEXT_MAX, "%s%s%s", reason_code(reasons[0]), reasons[1] ? "," : "",
		    reason_code(reasons[1]));
	return text;
}
