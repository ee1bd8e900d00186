// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Any octets as a message between door and engine. An ask that is understood says in its octets exactly what was
 * understood: written again, it is the same. An answer that is taken is a line fit for a terminal.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"
#include "protocol.h"

static void check_ask(const uint8_t *data, size_t size)
{
	struct uverbs_command command, untouched;
	struct wire_ask again;
	int err, fd;

	memset(&command, 0xa5, sizeof(command));
	untouched = command;
	err = wire_ask_read(data, size, &command, &fd);
	MUST(err == 0 || err == -EBADMSG || err == -EPROTONOSUPPORT);
	if (err) {
		MUST(!memcmp(&command, &untouched, sizeof(command)));
		return;
	}
	MUST(command.kind != UVERBS_NOTHING && command.kind < UVERBS_KIND_COUNT);
	wire_ask_from_command(&again, &command, fd);
	MUST(size == sizeof(again) && !memcmp(&again, data, size));
}

static void check_answer(const uint8_t *data, size_t size)
{
	struct wire_answer answer, again;
	int err = wire_answer_check(data, size);

	MUST(err == 0 || err == -EBADMSG || err == -EPROTONOSUPPORT);
	if (err)
		return;
	MUST(size == sizeof(answer));
	memcpy(&answer, data, size);
	MUST(answer.action == WIRE_PASS || answer.action == WIRE_REFUSE);
	MUST((answer.err == 0) == (answer.action == WIRE_PASS));
	MUST(memchr(answer.text, '\0', sizeof(answer.text)));
	wire_answer_make(&again, answer.action, (int)answer.err, answer.text);
	MUST(!memcmp(&again, &answer, offsetof(struct wire_answer, text)) && !strcmp(again.text, answer.text));
	MUST(wire_answer_check(&again, sizeof(again)) == 0);
}

/* Whatever text an engine has: what is made of it is taken. */
static void check_made(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct wire_answer answer;

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	wire_answer_make(&answer, WIRE_REFUSE, EPERM, text);
	MUST(wire_answer_check(&answer, sizeof(answer)) == 0);
	wire_answer_make(&answer, WIRE_PASS, EPERM, text);
	MUST(wire_answer_check(&answer, sizeof(answer)) == 0);
	free(text);
}

/* The first octet: 1, 2: give it the header and the length of a good ask, or answer, so that what follows is read. */
static size_t mend(uint8_t how, uint8_t *message, size_t size)
{
	struct wire_header header = { .magic = WIRE_MAGIC, .version = WIRE_VERSION };
	size_t want = how & 1 ? sizeof(struct wire_ask) : sizeof(struct wire_answer);

	if (!(how & 3))
		return size;
	header.type = how & 1 ? WIRE_ASK : WIRE_ANSWER;
	header.size = want;
	memcpy(message, &header, sizeof(header));
	return want;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = size ? *data : 0, *message;
	size_t room = sizeof(struct wire_answer), len = size ? size - 1 : 0;

	message = calloc(1, len > room ? len : room);
	MUST(message);
	if (len)
		memcpy(message, data + 1, len);
	len = mend(how, message, len);
	/* of its exact length, for ASan to see a step beyond */
	message = realloc(message, len ? len : 1);
	MUST(message);
	check_ask(message, len);
	check_answer(message, len);
	check_made(message, len);
	free(message);
	return 0;
}
