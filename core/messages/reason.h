/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Why rdmasec refuses, as a stable code: reason.def has them all. Values of the wire protocol. */
#ifndef RDMASEC_MESSAGES_REASON_H
#define RDMASEC_MESSAGES_REASON_H

#include <stddef.h>
#include <stdint.h>

enum reason {
	REASON_NONE = 0,
#define REASON(name, code, nearness, sentence, hint)   REASON_##name,
#define DIRECTED(name, code, nearness, sentence, hint) REASON_OUTBOUND_##name, REASON_INBOUND_##name,
#include "messages/reason.def"
#undef DIRECTED
#undef REASON
	REASON_COUNT,
};

/* Of one refusal: the first says most; the second is REASON_NONE, or what the other mechanism lacks. */
enum { REASONS_MAX = 2, REASONS_TEXT_MAX = 72 };

/* The code; "" for REASON_NONE and for what is none. */
const char *reason_code(uint32_t reason);
/* Why, in words, with {facts}; "" where the words are made elsewhere. */
const char *reason_sentence(uint32_t reason);
/* The instruction that helps, with {facts}; "" where there is none. */
const char *reason_hint(uint32_t reason);
/* "first,second" or "first" or "". Returns `text`. */
const char *reasons_text(const uint32_t reasons[REASONS_MAX], char text[REASONS_TEXT_MAX]);

#endif
