// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The messages: a table with type, size and checks of each one. Runs inside applications: no allocation, no streams,
 * no library except libc.
 */
#include "messages/protocol.h"

#include <errno.h>
#include <string.h>

#include "messages/verdict.h"
#include "util/ciphers.h"

enum { ERRNO_MAX = 4095 };

/* One field of a message: a number in a range, a set of bits, or a printable text that ends with NUL. */
struct rule {
	enum { RANGE, BITS, TEXT } kind;
	uint16_t offset, size;
	uint32_t low, high; /* RANGE: both included; BITS: `high` is the set of known bits */
};

#define PLACE(message, field) offsetof(struct wire_##message, field), sizeof(((struct wire_##message *)0)->field)
#define RANGE(message, field, low, high)                \
	{                                               \
		RANGE, PLACE(message, field), low, high \
	}
#define BITS(message, field, known)                   \
	{                                             \
		BITS, PLACE(message, field), 0, known \
	}
#define TEXT(message, field)                      \
	{                                         \
		TEXT, PLACE(message, field), 0, 0 \
	}

static const struct rule ask_rules[] = {
	RANGE(ask, kind, REQUEST_NOTHING + 1, REQUEST_KIND_COUNT - 1),
	BITS(ask, has,
	     UVERBS_HAS_HANDLE | UVERBS_HAS_QPN | UVERBS_HAS_ALT_PATH | UVERBS_HAS_SOURCE_QPN | UVERBS_HAS_DEVX |
		     UVERBS_HAS_STATE | UVERBS_HAS_DEST_QPN),
	RANGE(ask, is_global, 0, 1),
	RANGE(ask, reserved, 0, 0),
	RANGE(ask, fd, 0, INT32_MAX),
	RANGE(ask, want_require, 0, WANT_REQUIRE_COUNT - 1),
	RANGE(ask, want_granularity, 0, WANT_GRANULARITY_COUNT - 1),
	RANGE(ask, want_setup_timeout_ms, 0, SETUP_TIMEOUT_MAX_MS),
	RANGE(ask, subject, 0, INT32_MAX),
};

static const struct rule answer_rules[] = {
	RANGE(answer, action, WIRE_PASS, WIRE_REFUSE),
	RANGE(answer, err, 0, ERRNO_MAX),
	TEXT(answer, text),
};

static const struct rule done_rules[] = {
	BITS(done, has, UVERBS_HAS_HANDLE | UVERBS_HAS_QPN),
	RANGE(done, reserved, 0, 0),
};

static const struct rule record_rules[] = {
	RANGE(record, event, 0, WIRE_EVENT_COUNT - 1),
	RANGE(record, outcome, 0, WIRE_OUTCOME_COUNT - 1),
	BITS(record, has, WIRE_RECORD_HAS_GID | WIRE_RECORD_HAS_QPN | WIRE_RECORD_HAS_DEST_QPN),
	RANGE(record, err, 0, ERRNO_MAX),
	RANGE(record, pid, 0, INT32_MAX),
	RANGE(record, verdict, 0, VERDICT_KIND_COUNT - 1),
	RANGE(record, by, 0, PROTECTION_COUNT - 1),
	RANGE(record, reasons[0], 0, REASON_COUNT - 1),
	RANGE(record, reasons[1], 0, REASON_COUNT - 1),
	TEXT(record, command),
	TEXT(record, qp_type),
	TEXT(record, executable),
	TEXT(record, device),
	TEXT(record, gid_type),
	TEXT(record, netdev),
	TEXT(record, local),
	TEXT(record, remote),
	TEXT(record, rule),
	TEXT(record, details),
	TEXT(record, text),
};

static const struct rule end_rules[] = {
	RANGE(end, err, 0, ERRNO_MAX),
	RANGE(end, reserved, 0, 0),
};

static const struct rule wait_rules[] = {
	RANGE(wait, left_ms, 0, SETUP_TIMEOUT_MAX_MS),
	RANGE(wait, reserved, 0, 0),
};

static const struct rule query_rules[] = {
	RANGE(query, fd, 0, INT32_MAX),
	RANGE(query, subject, 0, INT32_MAX),
	BITS(query, flags, WIRE_QUERY_LOOK),
};

static const struct rule protection_rules[] = {
	RANGE(protection, err, 0, ERRNO_MAX),
	RANGE(protection, verdict, 0, VERDICT_KIND_COUNT - 1),
	RANGE(protection, by, 0, PROTECTION_COUNT - 1),
	BITS(protection, cipher, (1 << POLICY_CIPHERS) - 1),
	RANGE(protection, offloaded, 0, 1),
	TEXT(protection, netdev),
};

/* ---- between fields ---- */

/* A message with the alignment of its struct. */
union message {
	struct wire_header header;
	struct wire_ask ask;
	struct wire_answer answer;
	struct wire_done done;
	struct wire_request request;
	struct wire_record record;
	struct wire_end end;
	struct wire_wait wait;
	struct wire_query query;
	struct wire_protection protection;
};

static bool ask_fits(const union message *message)
{
	static const uint8_t none[sizeof(message->ask.sgid)];

	return request_is_cm(message->ask.kind) || !memcmp(message->ask.sgid, none, sizeof(none));
}

static bool answer_fits(const union message *message)
{
	return (message->answer.action == WIRE_PASS) == (message->answer.err == 0);
}

static bool done_fits(const union message *message)
{
	const struct wire_done *done = &message->done;

	return (done->has & UVERBS_HAS_HANDLE || !done->handle) && (done->has & UVERBS_HAS_QPN || !done->qpn);
}

/* ---- the table ---- */

#define RULES(name) name##_rules, sizeof(name##_rules) / sizeof(name##_rules[0])

static const struct {
	uint32_t size; /* 0: no message has this type */
	const struct rule *rules;
	size_t rule_count;
	bool (*fits)(const union message *message); /* NULL: no rule between fields */
} messages[WIRE_TYPE_COUNT] = {
	[WIRE_ASK] = { sizeof(struct wire_ask), RULES(ask), ask_fits },
	[WIRE_ANSWER] = { sizeof(struct wire_answer), RULES(answer), answer_fits },
	[WIRE_DONE] = { sizeof(struct wire_done), RULES(done), done_fits },
	[WIRE_LIST_QPS] = { sizeof(struct wire_request), NULL, 0, NULL },
	[WIRE_LIST_STATUS] = { sizeof(struct wire_request), NULL, 0, NULL },
	[WIRE_MONITOR] = { sizeof(struct wire_request), NULL, 0, NULL },
	[WIRE_RECORD] = { sizeof(struct wire_record), RULES(record), NULL },
	[WIRE_END] = { sizeof(struct wire_end), RULES(end), NULL },
	[WIRE_WAIT] = { sizeof(struct wire_wait), RULES(wait), NULL },
	[WIRE_QUERY] = { sizeof(struct wire_query), RULES(query), NULL },
	[WIRE_PROTECTION] = { sizeof(struct wire_protection), RULES(protection), NULL },
};

void wire_make(void *message, enum wire_type type)
{
	const struct wire_header header = {
		.magic = WIRE_MAGIC, .version = WIRE_VERSION, .type = type, .size = messages[type].size
	};

	memset(message, 0, header.size);
	memcpy(message, &header, sizeof(header));
}

/* ---- checks ---- */

static bool text_is_printable(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return len < size;
}

static bool holds(const struct rule *rule, const union message *message)
{
	const char *field = (const char *)message + rule->offset;
	uint32_t value;
	uint8_t octet;

	if (rule->kind == TEXT)
		return text_is_printable(field, rule->size);
	if (rule->size == sizeof(octet)) {
		memcpy(&octet, field, sizeof(octet));
		value = octet;
	} else {
		memcpy(&value, field, sizeof(value));
	}
	return rule->kind == BITS ? !(value & ~rule->high) : value >= rule->low && value <= rule->high;
}

static int check_header(const struct wire_header *header, size_t len, uint32_t expected)
{
	if (header->magic != WIRE_MAGIC)
		return -EBADMSG;
	if (header->version != WIRE_VERSION)
		return -EPROTONOSUPPORT;
	if (header->type >= WIRE_TYPE_COUNT || !(WIRE_BIT(header->type) & expected) || header->reserved)
		return -EBADMSG;
	return len == header->size && len == messages[header->type].size ? 0 : -EBADMSG;
}

int wire_check(const void *message, size_t len, uint32_t expected)
{
	union message copy;
	unsigned type;
	int err;

	if (len < sizeof(copy.header))
		return -EBADMSG;
	memset(&copy, 0, sizeof(copy));
	memcpy(&copy, message, len < sizeof(copy) ? len : sizeof(copy));
	err = check_header(&copy.header, len, expected);
	if (err)
		return err;
	type = copy.header.type;
	for (size_t i = 0; i < messages[type].rule_count; i++)
		if (!holds(&messages[type].rules[i], &copy))
			return -EBADMSG;
	return !messages[type].fits || messages[type].fits(&copy) ? (int)type : -EBADMSG;
}

/* ---- questions and answers ---- */

void wire_ask_make(struct wire_ask *ask, const struct request *request, int fd)
{
	wire_make(ask, WIRE_ASK);
	ask->kind = request->kind;
	ask->has = request->has;
	ask->driver_id = request->driver_id;
	ask->object_id = request->object_id;
	ask->method_id = request->method_id;
	ask->devx_opcode = request->devx_opcode;
	ask->qp_type = request->qp_type;
	ask->handle = request->handle;
	ask->qpn = request->qpn;
	ask->dest_qpn = request->dest_qpn;
	ask->flow_label = request->address.flow_label;
	memcpy(ask->dgid, request->address.dgid, sizeof(ask->dgid));
	ask->sgid_index = request->address.sgid_index;
	ask->port = request->address.port;
	ask->is_global = request->address.is_global;
	ask->fd = (uint32_t)fd;
	memcpy(ask->sgid, request->sgid, sizeof(ask->sgid));
	ask->want_require = request->want.require;
	ask->want_granularity = request->want.granularity;
	ask->want_setup_timeout_ms = request->want.setup_timeout_ms;
}

int wire_ask_read(const void *message, size_t len, struct request *request, int *out_fd)
{
	struct wire_ask ask;
	int err;

	err = wire_check(message, len, WIRE_BIT(WIRE_ASK));
	if (err < 0)
		return err;
	memcpy(&ask, message, sizeof(ask));
	*request = (struct request){
		.kind = ask.kind,
		.has = ask.has,
		.driver_id = ask.driver_id,
		.object_id = ask.object_id,
		.method_id = ask.method_id,
		.devx_opcode = ask.devx_opcode,
		.qp_type = ask.qp_type,
		.handle = ask.handle,
		.qpn = ask.qpn,
		.dest_qpn = ask.dest_qpn,
		.address = { .flow_label = ask.flow_label,
			     .sgid_index = ask.sgid_index,
			     .port = ask.port,
			     .is_global = ask.is_global },
		.want = { .require = ask.want_require,
			  .granularity = ask.want_granularity,
			  .setup_timeout_ms = ask.want_setup_timeout_ms },
	};
	memcpy(request->address.dgid, ask.dgid, sizeof(ask.dgid));
	memcpy(request->sgid, ask.sgid, sizeof(ask.sgid));
	*out_fd = (int)ask.fd;
	return 0;
}

int32_t wire_ask_subject(const void *message)
{
	uint32_t subject;

	memcpy(&subject, (const char *)message + offsetof(struct wire_ask, subject), sizeof(subject));
	return (int32_t)subject;
}

void wire_answer_make(struct wire_answer *answer, enum wire_action action, int err, const char *text)
{
	wire_make(answer, WIRE_ANSWER);
	answer->action = action;
	answer->err = action == WIRE_REFUSE ? err : 0;
	for (size_t i = 0; text && text[i] && i + 1 < sizeof(answer->text); i++)
		answer->text[i] = text[i] < 0x20 || text[i] > 0x7e ? '?' : text[i];
}
