// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Arbitrary octets as a message between door, engine and tools. Encoding a decoded request again yields the same
 * octets. An accepted answer is a printable line. An accepted record becomes JSON with the same content.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/record_json.h"
#include "messages/protocol.h"
#include "must.h"

static void check_ask(const uint8_t *data, size_t size)
{
	struct request request, untouched;
	struct wire_ask again;
	int err, fd;

	memset(&request, 0xa5, sizeof(request));
	untouched = request;
	err = wire_ask_read(data, size, &request, &fd);
	MUST(err == 0 || err == -EBADMSG || err == -EPROTONOSUPPORT);
	if (err) {
		MUST(!memcmp(&request, &untouched, sizeof(request)));
		return;
	}
	MUST(request.kind != REQUEST_NOTHING && request.kind < REQUEST_KIND_COUNT);
	wire_ask_make(&again, &request, fd);
	again.subject = (uint32_t)wire_ask_subject(data);
	MUST(size == sizeof(again) && !memcmp(&again, data, size));
}

static void check_answer(const uint8_t *data, size_t size)
{
	struct wire_answer answer, again;
	int err = wire_check(data, size, WIRE_ANSWERS);

	MUST(err == WIRE_ANSWER || err == WIRE_WAIT || err == -EBADMSG || err == -EPROTONOSUPPORT);
	if (err == WIRE_WAIT)
		MUST(size == sizeof(struct wire_wait));
	if (err != WIRE_ANSWER)
		return;
	MUST(size == sizeof(answer));
	memcpy(&answer, data, size);
	MUST(answer.action == WIRE_PASS || answer.action == WIRE_REFUSE);
	MUST((answer.err == 0) == (answer.action == WIRE_PASS));
	MUST(memchr(answer.text, '\0', sizeof(answer.text)));
	wire_answer_make(&again, answer.action, (int)answer.err, answer.text);
	MUST(!memcmp(&again, &answer, offsetof(struct wire_answer, text)) && !strcmp(again.text, answer.text));
	MUST(wire_check(&again, sizeof(again), WIRE_ANSWERS) == WIRE_ANSWER);
}

static void check_done(const uint8_t *data, size_t size)
{
	struct wire_done done, again;
	int err = wire_check(data, size, WIRE_BIT(WIRE_DONE));

	MUST(err == WIRE_DONE || err == -EBADMSG || err == -EPROTONOSUPPORT);
	if (err < 0)
		return;
	MUST(size == sizeof(done));
	memcpy(&done, data, size);
	wire_make(&again, WIRE_DONE);
	again.has = done.has;
	again.handle = done.handle;
	again.qpn = done.qpn;
	MUST(!memcmp(&again, &done, sizeof(done)));
}

static void check_query(const uint8_t *data, size_t size)
{
	struct wire_query query, again;
	int err = wire_check(data, size, WIRE_BIT(WIRE_QUERY));

	MUST(err == WIRE_QUERY || err == -EBADMSG || err == -EPROTONOSUPPORT);
	if (err == WIRE_QUERY) {
		MUST(size == sizeof(query));
		memcpy(&query, data, size);
		wire_make(&again, WIRE_QUERY);
		again.fd = query.fd;
		again.handle = query.handle;
		again.subject = query.subject;
		again.flags = query.flags;
		MUST(!memcmp(&again, &query, sizeof(query)));
	}
	err = wire_check(data, size, WIRE_BIT(WIRE_PROTECTION));
	MUST(err == WIRE_PROTECTION || err == -EBADMSG || err == -EPROTONOSUPPORT);
	if (err == WIRE_PROTECTION)
		MUST(size == sizeof(struct wire_protection));
}

static void check_request(const uint8_t *data, size_t size)
{
	struct wire_request again;
	int which = wire_check(data, size, WIRE_REQUESTS);

	MUST(which == WIRE_LIST_QPS || which == WIRE_LIST_STATUS || which == WIRE_MONITOR || which == -EBADMSG ||
	     which == -EPROTONOSUPPORT);
	if (which < 0)
		return;
	wire_make(&again, which);
	MUST(size == sizeof(again) && !memcmp(&again, data, size));
}

static void check_record(const struct wire_record *record)
{
	json_object *object = record_to_json(record), *again, *text;
	const char *line;

	MUST(object);
	line = json_object_to_json_string_ext(object, RECORD_JSON_LINE);
	MUST(!strchr(line, '\n'));
	again = json_tokener_parse(line);
	MUST(again && json_object_equal(object, again));
	if (record->text[0])
		MUST(json_object_object_get_ex(again, "text", &text) &&
		     !strcmp(json_object_get_string(text), record->text));
	json_object_put(object);
	json_object_put(again);
}

static void check_list(const uint8_t *data, size_t size)
{
	struct wire_record record;
	struct wire_end end, again;
	int which = wire_check(data, size, WIRE_LISTS);

	MUST(which == WIRE_RECORD || which == WIRE_END || which == -EBADMSG || which == -EPROTONOSUPPORT);
	if (which == WIRE_RECORD) {
		MUST(size == sizeof(record));
		memcpy(&record, data, size);
		check_record(&record);
	} else if (which == WIRE_END) {
		MUST(size == sizeof(end));
		memcpy(&end, data, size);
		wire_make(&again, WIRE_END);
		again.err = end.err;
		MUST(!memcmp(&again, &end, sizeof(end)));
	}
}

/* An answer made from any text of an engine is accepted. */
static void check_made(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct wire_answer answer;

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	wire_answer_make(&answer, WIRE_REFUSE, EPERM, text);
	MUST(wire_check(&answer, sizeof(answer), WIRE_ANSWERS) == WIRE_ANSWER);
	wire_answer_make(&answer, WIRE_PASS, EPERM, text);
	MUST(wire_check(&answer, sizeof(answer), WIRE_ANSWERS) == WIRE_ANSWER);
	free(text);
}

/* The first octet selects a valid header and length for the message, so that its content is decoded; 0: unchanged. */
static size_t mend(uint8_t how, uint8_t *message, size_t size)
{
	static const struct {
		enum wire_type type;
		size_t size;
	} messages[] = {
		{ WIRE_ASK, sizeof(struct wire_ask) },         { WIRE_ANSWER, sizeof(struct wire_answer) },
		{ WIRE_DONE, sizeof(struct wire_done) },       { WIRE_LIST_QPS, sizeof(struct wire_request) },
		{ WIRE_RECORD, sizeof(struct wire_record) },   { WIRE_END, sizeof(struct wire_end) },
		{ WIRE_MONITOR, sizeof(struct wire_request) }, { WIRE_WAIT, sizeof(struct wire_wait) },
		{ WIRE_QUERY, sizeof(struct wire_query) },     { WIRE_PROTECTION, sizeof(struct wire_protection) },
	};
	struct wire_header header = { .magic = WIRE_MAGIC, .version = WIRE_VERSION };
	size_t which = how % (sizeof(messages) / sizeof(messages[0]) + 1);

	if (!which)
		return size;
	header.type = messages[which - 1].type;
	header.size = (uint32_t)messages[which - 1].size;
	memcpy(message, &header, sizeof(header));
	return header.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = size ? *data : 0, *message;
	size_t room = sizeof(struct wire_record), len = size ? size - 1 : 0;

	message = calloc(1, len > room ? len : room);
	MUST(message);
	if (len)
		memcpy(message, data + 1, len);
	len = mend(how, message, len);
	/* a block of the exact length, so that ASan detects an overrun */
	message = realloc(message, len ? len : 1);
	MUST(message);
	check_ask(message, len);
	check_answer(message, len);
	check_done(message, len);
	check_query(message, len);
	check_request(message, len);
	check_list(message, len);
	check_made(message, len);
	free(message);
	return 0;
}
