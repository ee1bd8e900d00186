// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Messages arrive unchanged, and each check rejects invalid fields. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "messages/protocol.h"
#include "messages/verdict.h"
#include "util/ciphers.h"
#include "util/fd_socket.h"

/* All fields have different values, so that no two can be confused. */
static const struct request full = {
	.kind = REQUEST_QP_ADDRESS,
	.has = UVERBS_HAS_HANDLE | UVERBS_HAS_STATE | UVERBS_HAS_DEST_QPN,
	.driver_id = 14,
	.object_id = 0x101,
	.method_id = 0x202,
	.devx_opcode = 0x80000001,
	.qp_type = 2,
	.handle = 3,
	.qpn = 4,
	.dest_qpn = 5,
	.address = { .dgid = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
		     .flow_label = 8,
		     .sgid_index = 9,
		     .port = 10,
		     .is_global = true },
	.want = { .require = WANT_IPSEC, .granularity = WANT_QP, .setup_timeout_ms = SETUP_TIMEOUT_MAX_MS },
};

static void expect_same(const struct request *a, const struct request *b)
{
	cr_expect_eq(a->kind, b->kind);
	cr_expect_eq(a->has, b->has);
	cr_expect_eq(a->driver_id, b->driver_id);
	cr_expect_eq(a->object_id, b->object_id);
	cr_expect_eq(a->method_id, b->method_id);
	cr_expect_eq(a->devx_opcode, b->devx_opcode);
	cr_expect_eq(a->qp_type, b->qp_type);
	cr_expect_eq(a->handle, b->handle);
	cr_expect_eq(a->qpn, b->qpn);
	cr_expect_eq(a->dest_qpn, b->dest_qpn);
	cr_expect_arr_eq(a->address.dgid, b->address.dgid, 16);
	cr_expect_eq(a->address.flow_label, b->address.flow_label);
	cr_expect_eq(a->address.sgid_index, b->address.sgid_index);
	cr_expect_eq(a->address.port, b->address.port);
	cr_expect_eq(a->address.is_global, b->address.is_global);
	cr_expect_arr_eq(a->sgid, b->sgid, 16);
	cr_expect_eq(a->want.require, b->want.require);
	cr_expect_eq(a->want.granularity, b->want.granularity);
	cr_expect_eq(a->want.setup_timeout_ms, b->want.setup_timeout_ms);
}

/* Reads an unaligned copy that ends at its length, where ASan detects reads beyond it. */
static int read_ask(const void *message, size_t len, struct request *request)
{
	char *odd = malloc(len + 1);
	int err, fd;

	cr_assert_not_null(odd);
	memcpy(odd + 1, message, len);
	err = wire_ask_read(odd + 1, len, request, &fd);
	free(odd);
	return err;
}

static int check_answer(const void *message, size_t len)
{
	char *odd = malloc(len + 1);
	int err;

	cr_assert_not_null(odd);
	memcpy(odd + 1, message, len);
	err = wire_check(odd + 1, len, WIRE_ANSWERS);
	free(odd);
	return err;
}

/* ---- asks ---- */

Test(protocol, keeps_all_fields_of_a_question)
{
	struct request request = full, got;
	struct wire_ask ask;

	for (int kind = REQUEST_NOTHING + 1; kind < REQUEST_KIND_COUNT; kind++) {
		request.kind = kind;
		request.sgid[3] = request_is_cm(kind) ? 5 : 0;
		wire_ask_make(&ask, &request, 7);
		memset(&got, 0xa5, sizeof(got));
		cr_expect_eq(read_ask(&ask, sizeof(ask), &got), 0, "kind %d", kind);
		expect_same(&got, &request);
	}
}

Test(protocol, rejects_ask_of_another_length)
{
	char bytes[sizeof(struct wire_ask) + 1] = { 0 };
	struct request got;

	wire_ask_make((struct wire_ask *)bytes, &full, 7);
	for (size_t len = 0; len <= sizeof(bytes); len++)
		if (len != sizeof(struct wire_ask))
			cr_expect_eq(read_ask(bytes, len, &got), -EBADMSG, "%zu octets", len);
}

static void ask_magic(struct wire_ask *ask)
{
	ask->header.magic ^= 1;
}
static void ask_version(struct wire_ask *ask)
{
	ask->header.version++;
}
static void ask_version_and_size(struct wire_ask *ask)
{
	ask->header.version++;
	ask->header.size = 4;
}
static void ask_type(struct wire_ask *ask)
{
	ask->header.type = WIRE_ANSWER;
}
static void ask_size(struct wire_ask *ask)
{
	ask->header.size++;
}
static void ask_header_reserved(struct wire_ask *ask)
{
	ask->header.reserved = 1;
}
static void ask_nothing(struct wire_ask *ask)
{
	ask->kind = REQUEST_NOTHING;
}
static void ask_kind_out_of_range(struct wire_ask *ask)
{
	ask->kind = REQUEST_KIND_COUNT;
}
static void ask_unknown_flag(struct wire_ask *ask)
{
	ask->has |= 1 << 7;
}
static void ask_is_global_2(struct wire_ask *ask)
{
	ask->is_global = 2;
}
static void ask_reserved(struct wire_ask *ask)
{
	ask->reserved = 1;
}
static void ask_sgid(struct wire_ask *ask)
{
	ask->sgid[15] = 1;
}
static void ask_require(struct wire_ask *ask)
{
	ask->want_require = WANT_REQUIRE_COUNT;
}
static void ask_granularity(struct wire_ask *ask)
{
	ask->want_granularity = WANT_GRANULARITY_COUNT;
}
static void ask_setup_timeout(struct wire_ask *ask)
{
	ask->want_setup_timeout_ms++;
}
static void ask_subject(struct wire_ask *ask)
{
	ask->subject = UINT32_C(1) << 31;
}
static void ask_fd(struct wire_ask *ask)
{
	ask->fd = UINT32_C(1) << 31;
}

Test(protocol, rejects_invalid_ask)
{
	static const struct {
		const char *name;
		void (*change)(struct wire_ask *ask);
		int err;
	} rows[] = {
		{ "magic", ask_magic, -EBADMSG },
		{ "version", ask_version, -EPROTONOSUPPORT },
		{ "version of another size", ask_version_and_size, -EPROTONOSUPPORT },
		{ "type", ask_type, -EBADMSG },
		{ "size", ask_size, -EBADMSG },
		{ "reserved of the header", ask_header_reserved, -EBADMSG },
		{ "nothing", ask_nothing, -EBADMSG },
		{ "kind", ask_kind_out_of_range, -EBADMSG },
		{ "an unknown flag", ask_unknown_flag, -EBADMSG },
		{ "is_global", ask_is_global_2, -EBADMSG },
		{ "reserved", ask_reserved, -EBADMSG },
		{ "fd", ask_fd, -EBADMSG },
		{ "a GID of librdmacm's with a uverbs command", ask_sgid, -EBADMSG },
		{ "require", ask_require, -EBADMSG },
		{ "granularity", ask_granularity, -EBADMSG },
		{ "setup-timeout", ask_setup_timeout, -EBADMSG },
		{ "subject", ask_subject, -EBADMSG },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct request got, before;
		struct wire_ask ask;

		memset(&got, 0xa5, sizeof(got));
		before = got;
		wire_ask_make(&ask, &full, 7);
		rows[i].change(&ask);
		cr_expect_eq(read_ask(&ask, sizeof(ask), &got), rows[i].err, "%s", rows[i].name);
		cr_expect_eq(memcmp(&got, &before, sizeof(got)), 0, "%s: output written despite the error",
			     rows[i].name);
	}
}

Test(protocol, accepts_ask_for_another_process)
{
	struct request got;
	struct wire_ask ask;

	wire_ask_make(&ask, &full, 7);
	cr_expect_eq(wire_ask_subject(&ask), 0);
	ask.subject = INT32_MAX;
	cr_expect_eq(read_ask(&ask, sizeof(ask), &got), 0);
	cr_expect_eq(wire_ask_subject(&ask), INT32_MAX);
}

/* Padding would send octets of the door's stack to another process. */
Test(protocol, messages_have_no_padding)
{
	struct wire_ask ask;
	struct wire_answer answer;

	cr_expect_eq(sizeof(ask), offsetof(struct wire_ask, subject) + sizeof(ask.subject));
	cr_expect_eq(offsetof(struct wire_ask, want_require), offsetof(struct wire_ask, fd) + 4 + 16);
	cr_expect_eq(sizeof(struct wire_protection), offsetof(struct wire_protection, netdev) + 16);
	cr_expect_eq(offsetof(struct wire_protection, sci), sizeof(struct wire_header) + 8 * 4);
	cr_expect_eq(sizeof(answer), offsetof(struct wire_answer, text) + WIRE_TEXT_MAX);
	cr_expect_eq(offsetof(struct wire_ask, dgid), offsetof(struct wire_ask, flow_label) + 4);
	cr_expect_eq(offsetof(struct wire_ask, devx_opcode), offsetof(struct wire_ask, method_id) + 2);
}

/* ---- answers ---- */

Test(protocol, accepts_made_answers)
{
	struct wire_answer answer;

	memset(&answer, 0xa5, sizeof(answer));
	wire_answer_make(&answer, WIRE_PASS, 0, NULL);
	cr_expect_eq(check_answer(&answer, sizeof(answer)), WIRE_ANSWER);
	cr_expect_eq(answer.action, WIRE_PASS);
	cr_expect_str_eq(answer.text, "");
	wire_answer_make(&answer, WIRE_PASS, EPERM, "audit");
	cr_expect_eq(check_answer(&answer, sizeof(answer)), WIRE_ANSWER);
	cr_expect_eq(answer.err, 0, "a pass has no errno");
	wire_answer_make(&answer, WIRE_REFUSE, EPERM, "rdmasec: refused");
	cr_expect_eq(check_answer(&answer, sizeof(answer)), WIRE_ANSWER);
	cr_expect_eq(answer.err, EPERM);
	cr_expect_str_eq(answer.text, "rdmasec: refused");
}

Test(protocol, makes_texts_printable_and_truncates_them)
{
	struct wire_answer answer;
	char text[2 * WIRE_TEXT_MAX];

	wire_answer_make(&answer, WIRE_REFUSE, EPERM, "a\nb\x1b[31mc\xc3\xa4\x7f ~");
	cr_expect_str_eq(answer.text, "a?b?[31mc??? ~");
	cr_expect_eq(check_answer(&answer, sizeof(answer)), WIRE_ANSWER);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	wire_answer_make(&answer, WIRE_REFUSE, EPERM, text);
	cr_expect_eq(strlen(answer.text), WIRE_TEXT_MAX - 1);
	cr_expect_eq(check_answer(&answer, sizeof(answer)), WIRE_ANSWER);
}

Test(protocol, rejects_invalid_answer)
{
	static const struct {
		const char *name;
		size_t offset;
		uint32_t value;
		int err;
	} rows[] = {
		{ "magic", offsetof(struct wire_answer, header.magic), 0, -EBADMSG },
		{ "version", offsetof(struct wire_answer, header.version), WIRE_ANSWER << 16 | (WIRE_VERSION + 1),
		  -EPROTONOSUPPORT },
		{ "type", offsetof(struct wire_answer, header.version), WIRE_ASK << 16 | WIRE_VERSION, -EBADMSG },
		{ "size", offsetof(struct wire_answer, header.size), 4, -EBADMSG },
		{ "reserved", offsetof(struct wire_answer, header.reserved), 1, -EBADMSG },
		{ "no action", offsetof(struct wire_answer, action), 0, -EBADMSG },
		{ "passes with an errno", offsetof(struct wire_answer, action), WIRE_PASS, -EBADMSG },
		{ "an action beyond the range", offsetof(struct wire_answer, action), 3, -EBADMSG },
		{ "refuses without an errno", offsetof(struct wire_answer, err), 0, -EBADMSG },
		{ "an errno out of range", offsetof(struct wire_answer, err), 4096, -EBADMSG },
		{ "a negative errno", offsetof(struct wire_answer, err), (uint32_t)-EPERM, -EBADMSG },
		{ "the greatest errno", offsetof(struct wire_answer, err), 4095, WIRE_ANSWER },
		{ "a newline", offsetof(struct wire_answer, text), 0x000a6161, -EBADMSG },
		{ "an escape", offsetof(struct wire_answer, text), 0x0000001b, -EBADMSG },
		{ "beyond ASCII", offsetof(struct wire_answer, text), 0x00000080, -EBADMSG },
		{ "delete", offsetof(struct wire_answer, text), 0x0000007f, -EBADMSG },
		{ "the last of ASCII", offsetof(struct wire_answer, text), 0x0000007e, WIRE_ANSWER },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_answer answer;

		wire_answer_make(&answer, WIRE_REFUSE, EPERM, "no");
		memcpy((char *)&answer + rows[i].offset, &rows[i].value, sizeof(rows[i].value));
		cr_expect_eq(check_answer(&answer, sizeof(answer)), rows[i].err, "%s", rows[i].name);
	}
}

Test(protocol, rejects_answer_of_another_length_or_without_nul)
{
	char bytes[sizeof(struct wire_answer) + 1] = { 0 };
	struct wire_answer *answer = (struct wire_answer *)bytes;

	wire_answer_make(answer, WIRE_REFUSE, EPERM, "no");
	for (size_t len = 0; len <= sizeof(bytes); len++)
		if (len != sizeof(*answer))
			cr_expect_eq(check_answer(bytes, len), -EBADMSG, "%zu octets", len);
	memset(answer->text, 'x', sizeof(answer->text));
	cr_expect_eq(check_answer(answer, sizeof(*answer)), -EBADMSG);
	answer->text[sizeof(answer->text) - 1] = '\0';
	cr_expect_eq(check_answer(answer, sizeof(*answer)), WIRE_ANSWER);
}

/* ---- done ---- */

/* Checks an unaligned copy, as read_ask() does. */
static int check_copy(uint32_t expected, const void *message, size_t len)
{
	char *odd = malloc(len + 1);
	int err;

	cr_assert_not_null(odd);
	memcpy(odd + 1, message, len);
	err = wire_check(odd + 1, len, expected);
	free(odd);
	return err;
}

static void expect_exact_length(uint32_t expected, const void *message, size_t size)
{
	char bytes[sizeof(struct wire_record) + 1] = { 0 };

	memcpy(bytes, message, size);
	for (size_t len = 0; len <= size + 1; len++)
		if (len != size)
			cr_expect_eq(check_copy(expected, bytes, len), -EBADMSG, "%zu octets", len);
}

/* A change of one field in a valid message, and the result of the check. */
struct change {
	const char *name;
	size_t offset;
	uint32_t value;
	int result;
};

#define CHANGES_OF_HEADER(type)                                                                                \
	{ "magic", offsetof(struct wire_header, magic), 0, -EBADMSG },                                         \
		{ "version", offsetof(struct wire_header, version), (type) << 16 | (WIRE_VERSION + 1),         \
		  -EPROTONOSUPPORT },                                                                          \
		{ "type", offsetof(struct wire_header, version), WIRE_ANSWER << 16 | WIRE_VERSION, -EBADMSG }, \
		{ "size", offsetof(struct wire_header, size), 4, -EBADMSG },                                   \
	{                                                                                                      \
		"reserved", offsetof(struct wire_header, reserved), 1, -EBADMSG                                \
	}

static void expect_changes(uint32_t expected, const void *message, size_t size, const struct change *changes,
			   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char copy[sizeof(struct wire_record)];

		memcpy(copy, message, size);
		memcpy(copy + changes[i].offset, &changes[i].value, sizeof(changes[i].value));
		cr_expect_eq(check_copy(expected, copy, size), changes[i].result, "%s: %d", changes[i].name,
			     check_copy(expected, copy, size));
	}
}

Test(protocol, checks_done)
{
	static const struct change changes[] = {
		CHANGES_OF_HEADER(WIRE_DONE),
		{ "an unknown flag", offsetof(struct wire_done, has), UVERBS_HAS_STATE, -EBADMSG },
		{ "a handle without its flag", offsetof(struct wire_done, has), UVERBS_HAS_QPN, -EBADMSG },
		{ "a QP number without its flag", offsetof(struct wire_done, has), UVERBS_HAS_HANDLE, -EBADMSG },
		{ "handle 0", offsetof(struct wire_done, handle), 0, WIRE_DONE },
		{ "reserved of the body", offsetof(struct wire_done, reserved), 1, -EBADMSG },
	};
	struct wire_done done;

	memset(&done, 0xa5, sizeof(done));
	wire_make(&done, WIRE_DONE);
	done.has = UVERBS_HAS_HANDLE | UVERBS_HAS_QPN;
	done.handle = 3;
	done.qpn = 17;
	cr_expect_eq(check_copy(WIRE_BIT(WIRE_DONE), &done, sizeof(done)), WIRE_DONE);
	cr_expect(done.handle == 3 && done.qpn == 17);
	expect_exact_length(WIRE_BIT(WIRE_DONE), &done, sizeof(done));
	expect_changes(WIRE_BIT(WIRE_DONE), &done, sizeof(done), changes, sizeof(changes) / sizeof(changes[0]));
	wire_make(&done, WIRE_DONE);
	cr_expect_eq(check_copy(WIRE_BIT(WIRE_DONE), &done, sizeof(done)), WIRE_DONE);
}

/* ---- wait, query, protection ---- */

Test(protocol, checks_wait)
{
	static const struct change changes[] = {
		{ "magic", offsetof(struct wire_header, magic), 0, -EBADMSG },
		{ "version", offsetof(struct wire_header, version), WIRE_WAIT << 16 | (WIRE_VERSION + 1),
		  -EPROTONOSUPPORT },
		{ "an answer's type", offsetof(struct wire_header, version), WIRE_ANSWER << 16 | WIRE_VERSION,
		  -EBADMSG },
		{ "size", offsetof(struct wire_header, size), 4, -EBADMSG },
		{ "longer than the greatest setup-timeout", offsetof(struct wire_wait, left_ms),
		  SETUP_TIMEOUT_MAX_MS + 1, -EBADMSG },
		{ "reserved", offsetof(struct wire_wait, reserved), 1, -EBADMSG },
	};
	struct wire_wait wait;

	memset(&wait, 0xa5, sizeof(wait));
	wire_make(&wait, WIRE_WAIT);
	wait.left_ms = SETUP_TIMEOUT_MAX_MS;
	cr_expect_eq(check_copy(WIRE_ANSWERS, &wait, sizeof(wait)), WIRE_WAIT);
	expect_exact_length(WIRE_ANSWERS, &wait, sizeof(wait));
	expect_changes(WIRE_ANSWERS, &wait, sizeof(wait), changes, sizeof(changes) / sizeof(changes[0]));
}

Test(protocol, checks_query)
{
	static const struct change changes[] = {
		CHANGES_OF_HEADER(WIRE_QUERY),
		{ "no fd", offsetof(struct wire_query, fd), UINT32_MAX, -EBADMSG },
		{ "no pid", offsetof(struct wire_query, subject), UINT32_C(1) << 31, -EBADMSG },
		{ "flags", offsetof(struct wire_query, flags), WIRE_QUERY_LOOK << 1, -EBADMSG },
	};
	struct wire_query query;

	memset(&query, 0xa5, sizeof(query));
	wire_make(&query, WIRE_QUERY);
	query.fd = 7;
	query.handle = 17;
	cr_expect_eq(check_copy(WIRE_BIT(WIRE_QUERY), &query, sizeof(query)), WIRE_QUERY);
	cr_expect(query.fd == 7 && query.handle == 17 && query.subject == 0);
	expect_exact_length(WIRE_BIT(WIRE_QUERY), &query, sizeof(query));
	expect_changes(WIRE_BIT(WIRE_QUERY), &query, sizeof(query), changes, sizeof(changes) / sizeof(changes[0]));
}

Test(protocol, checks_protection)
{
	static const struct change changes[] = {
		CHANGES_OF_HEADER(WIRE_PROTECTION),
		{ "the greatest errno", offsetof(struct wire_protection, err), 4095, WIRE_PROTECTION },
		{ "an errno out of range", offsetof(struct wire_protection, err), 4096, -EBADMSG },
		{ "a verdict beyond the range", offsetof(struct wire_protection, verdict), VERDICT_KIND_COUNT,
		  -EBADMSG },
		{ "a mechanism beyond the range", offsetof(struct wire_protection, by), PROTECTION_COUNT, -EBADMSG },
		{ "a cipher beyond the range", offsetof(struct wire_protection, cipher), CIPHER_ESP_AES_CCM_256 << 1,
		  -EBADMSG },
		{ "half offloaded", offsetof(struct wire_protection, offloaded), 2, -EBADMSG },
		{ "an escape in a name", offsetof(struct wire_protection, netdev), 0x1b, -EBADMSG },
		{ "a name", offsetof(struct wire_protection, netdev), 0x306874, WIRE_PROTECTION },
	};
	struct wire_protection protection;

	memset(&protection, 0xa5, sizeof(protection));
	wire_make(&protection, WIRE_PROTECTION);
	cr_expect_eq(check_copy(WIRE_BIT(WIRE_PROTECTION), &protection, sizeof(protection)), WIRE_PROTECTION);
	expect_exact_length(WIRE_BIT(WIRE_PROTECTION), &protection, sizeof(protection));
	expect_changes(WIRE_BIT(WIRE_PROTECTION), &protection, sizeof(protection), changes,
		       sizeof(changes) / sizeof(changes[0]));
	memset(protection.netdev, 'x', sizeof(protection.netdev));
	cr_expect_eq(check_copy(WIRE_BIT(WIRE_PROTECTION), &protection, sizeof(protection)), -EBADMSG, "without NUL");
}

/* ---- lists ---- */

Test(protocol, checks_requests)
{
	static const enum wire_type requests[] = { WIRE_LIST_QPS, WIRE_LIST_STATUS, WIRE_MONITOR };
	static const struct change changes[] = { CHANGES_OF_HEADER(WIRE_LIST_QPS) };
	struct wire_request request;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		memset(&request, 0xa5, sizeof(request));
		wire_make(&request, requests[i]);
		cr_expect_eq(check_copy(WIRE_REQUESTS, &request, sizeof(request)), (int)requests[i]);
		expect_exact_length(WIRE_REQUESTS, &request, sizeof(request));
		expect_changes(WIRE_REQUESTS, &request, sizeof(request), changes, sizeof(changes) / sizeof(changes[0]));
	}
	request.header.type = WIRE_RECORD;
	cr_expect_eq(check_copy(WIRE_REQUESTS, &request, sizeof(request)), -EBADMSG, "a type that is no request");
}

Test(protocol, checks_records)
{
	static const struct change changes[] = {
		CHANGES_OF_HEADER(WIRE_RECORD),
		{ "an event beyond the range", offsetof(struct wire_record, event), WIRE_EVENT_COUNT, -EBADMSG },
		{ "the last event", offsetof(struct wire_record, event), WIRE_EVENT_COUNT - 1, WIRE_RECORD },
		{ "an outcome beyond the range", offsetof(struct wire_record, outcome), WIRE_OUTCOME_COUNT, -EBADMSG },
		{ "the last outcome", offsetof(struct wire_record, outcome), WIRE_OUTCOME_COUNT - 1, WIRE_RECORD },
		{ "a verdict beyond the range", offsetof(struct wire_record, verdict), VERDICT_KIND_COUNT, -EBADMSG },
		{ "the last verdict", offsetof(struct wire_record, verdict), VERDICT_KIND_COUNT - 1, WIRE_RECORD },
		{ "a mechanism beyond the range", offsetof(struct wire_record, by), PROTECTION_COUNT, -EBADMSG },
		{ "the last mechanism", offsetof(struct wire_record, by), PROTECTION_COUNT - 1, WIRE_RECORD },
		{ "an unknown flag", offsetof(struct wire_record, has), 1 << 3, -EBADMSG },
		{ "all facts", offsetof(struct wire_record, has), (1 << 3) - 1, WIRE_RECORD },
		{ "an errno out of range", offsetof(struct wire_record, err), 4096, -EBADMSG },
		{ "the greatest errno", offsetof(struct wire_record, err), 4095, WIRE_RECORD },
		{ "a reason beyond the range", offsetof(struct wire_record, reasons[0]), REASON_COUNT, -EBADMSG },
		{ "the last reason", offsetof(struct wire_record, reasons[0]), REASON_COUNT - 1, WIRE_RECORD },
		{ "a second reason beyond the range", offsetof(struct wire_record, reasons[1]), REASON_COUNT,
		  -EBADMSG },
		{ "a negative pid", offsetof(struct wire_record, pid), UINT32_MAX, -EBADMSG },
		{ "the greatest pid", offsetof(struct wire_record, pid), INT32_MAX, WIRE_RECORD },
	};
	struct wire_record record, empty = { 0 };

	memset(&record, 0xa5, sizeof(record));
	wire_make(&record, WIRE_RECORD);
	cr_expect_eq(memcmp(&record.event, &empty.event, sizeof(record) - offsetof(struct wire_record, event)), 0);
	cr_expect_eq(check_copy(WIRE_LISTS, &record, sizeof(record)), WIRE_RECORD);
	expect_exact_length(WIRE_LISTS, &record, sizeof(record));
	expect_changes(WIRE_LISTS, &record, sizeof(record), changes, sizeof(changes) / sizeof(changes[0]));
}

Test(protocol, checks_each_text_of_a_record)
{
#define TEXT(field)                                                                                      \
	{                                                                                                \
#field, offsetof(struct wire_record, field), sizeof(((struct wire_record *)NULL)->field) \
	}
	static const struct {
		const char *name;
		size_t offset, size;
	} texts[] = { TEXT(command), TEXT(qp_type), TEXT(executable), TEXT(device),  TEXT(gid_type), TEXT(netdev),
		      TEXT(local),   TEXT(remote),  TEXT(rule),       TEXT(details), TEXT(text) };
#undef TEXT
	size_t end = offsetof(struct wire_record, command);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct wire_record record;
		char *text = (char *)&record + texts[i].offset;

		cr_expect_eq(texts[i].offset, end, "%s does not begin at the end of the previous text", texts[i].name);
		end += texts[i].size;
		wire_make(&record, WIRE_RECORD);
		memset(text, '~', texts[i].size - 1);
		cr_expect_eq(check_copy(WIRE_LISTS, &record, sizeof(record)), WIRE_RECORD, "%s", texts[i].name);
		text[texts[i].size - 1] = '~';
		cr_expect_eq(check_copy(WIRE_LISTS, &record, sizeof(record)), -EBADMSG, "%s without NUL",
			     texts[i].name);
		for (const char *bad = "\n\x1b\x7f\x80"; *bad; bad++) {
			wire_make(&record, WIRE_RECORD);
			text[0] = 'a';
			text[1] = *bad;
			cr_expect_eq(check_copy(WIRE_LISTS, &record, sizeof(record)), -EBADMSG, "%s with %02x",
				     texts[i].name, *bad & 0xff);
		}
	}
	cr_expect_eq(end, sizeof(struct wire_record), "padding, or a text that this test does not check");
}

Test(protocol, checks_end)
{
	static const struct change changes[] = {
		CHANGES_OF_HEADER(WIRE_END),
		{ "an errno out of range", offsetof(struct wire_end, err), 4096, -EBADMSG },
		{ "the greatest errno", offsetof(struct wire_end, err), 4095, WIRE_END },
		{ "reserved of the body", offsetof(struct wire_end, reserved), 1, -EBADMSG },
	};
	struct wire_end end;

	memset(&end, 0xa5, sizeof(end));
	wire_make(&end, WIRE_END);
	end.err = EACCES;
	cr_expect_eq(check_copy(WIRE_LISTS, &end, sizeof(end)), WIRE_END);
	cr_expect_eq(end.err, EACCES);
	expect_exact_length(WIRE_LISTS, &end, sizeof(end));
	expect_changes(WIRE_LISTS, &end, sizeof(end), changes, sizeof(changes) / sizeof(changes[0]));
}

/* ---- the socket ---- */

static void make_pair(int pair[2])
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

Test(protocol, receives_a_descriptor)
{
	int pair[2], fd = -2, sent = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct stat a, b;
	char got[8];

	make_pair(pair);
	cr_expect_eq(wire_send(pair[0], "hello", 6, sent), 6);
	cr_expect_eq(wire_receive(pair[1], got, sizeof(got), &fd), 6);
	cr_expect_str_eq(got, "hello");
	cr_assert_geq(fd, 0);
	cr_expect_neq(fd, sent);
	cr_expect(!fstat(fd, &a) && !fstat(sent, &b) && a.st_rdev == b.st_rdev && a.st_ino == b.st_ino);
	cr_expect_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

Test(protocol, receives_a_message_without_descriptor)
{
	int pair[2], fd = -2;
	char got[8];

	make_pair(pair);
	cr_expect_eq(wire_send(pair[0], "hello", 6, -1), 6);
	cr_expect_eq(wire_receive(pair[1], got, sizeof(got), &fd), 6);
	cr_expect_eq(fd, -1);
	close(pair[0]);
	cr_expect_eq(wire_receive(pair[1], got, sizeof(got), &fd), 0, "end of stream");
	cr_expect_lt(wire_send(pair[1], "x", 1, -1), 0, "an error instead of SIGPIPE");
}

Test(protocol, closes_an_unrequested_descriptor)
{
	int pair[2], before;
	char got[8];

	make_pair(pair);
	before = open_fds();
	cr_expect_eq(wire_send(pair[0], "hello", 6, pair[0]), 6);
	cr_expect_eq(wire_receive(pair[1], got, sizeof(got), NULL), 6);
	cr_expect_eq(open_fds(), before);
}

Test(protocol, rejects_a_message_that_does_not_fit)
{
	int pair[2], fd = -2, before;
	char got[4];

	make_pair(pair);
	before = open_fds();
	cr_expect_eq(wire_send(pair[0], "hello", 6, pair[0]), 6);
	cr_expect_eq(wire_receive(pair[1], got, sizeof(got), &fd), -EBADMSG);
	cr_expect_eq(fd, -2, "not written");
	cr_expect_eq(open_fds(), before, "the descriptor is closed");
}

/* Control data is aligned, so the space for one descriptor holds two, but not three. */
Test(protocol, rejects_more_than_one_descriptor)
{
	for (size_t count = 2; count <= 5; count++) {
		union {
			struct cmsghdr header;
			char space[CMSG_SPACE(5 * sizeof(int))];
		} control = { .header = { .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS,
					  .cmsg_len = CMSG_LEN(count * sizeof(int)) } };
		struct iovec iov = { "hello", 6 };
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = &control,
				      .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
		int pair[2], fd = -2, before;
		char got[8];

		make_pair(pair);
		for (size_t i = 0; i < count; i++)
			memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &pair[0], sizeof(int));
		before = open_fds();
		cr_assert_eq(sendmsg(pair[0], &msg, 0), 6);
		cr_expect_eq(wire_receive(pair[1], got, sizeof(got), &fd), -EBADMSG, "%zu descriptors", count);
		cr_expect_eq(fd, -2);
		cr_expect_eq(open_fds(), before, "%zu descriptors: some are left open", count);
	}
}

/* ---- names ---- */

Test(protocol, converts_socket_names)
{
	char longest[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct sockaddr_un address;
	socklen_t len;

	cr_expect_eq(wire_address("/run/x", &address, &len), 0);
	cr_expect_eq(len, offsetof(struct sockaddr_un, sun_path) + 7);
	cr_expect_str_eq(address.sun_path, "/run/x");
	cr_expect_eq(wire_address("@x", &address, &len), 0);
	cr_expect_eq(len, offsetof(struct sockaddr_un, sun_path) + 2);
	cr_expect_arr_eq(address.sun_path, "\0x", 3);
	cr_expect_eq(wire_address("", &address, &len), -EINVAL);
	cr_expect_eq(wire_address("@", &address, &len), -EINVAL);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	cr_expect_eq(wire_address(longest, &address, &len), -EINVAL);
	longest[sizeof(longest) - 2] = '\0';
	cr_expect_eq(wire_address(longest, &address, &len), 0);
	cr_expect_leq(len, sizeof(address));
}

Test(protocol, private_engines_get_different_names)
{
	char first[WIRE_NAME_MAX], second[WIRE_NAME_MAX];
	struct sockaddr_un address;
	socklen_t len;
	int a = wire_listen(first), b = wire_listen(second), s = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	cr_assert(a >= 0 && b >= 0 && s >= 0);
	cr_expect_str_neq(first, second);
	cr_expect_eq(first[0], '@');
	cr_expect_eq(fcntl(a, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	cr_assert_eq(wire_address(first, &address, &len), 0);
	cr_expect_eq(connect(s, (struct sockaddr *)&address, len), 0);
}

Test(protocol, trusts_root_and_folder_owner)
{
	static const struct {
		mode_t mode;
		uid_t owner, listener;
		bool trusted;
	} rows[] = {
		{ S_IFDIR | 0755, 0, 0, true },        { S_IFDIR | 0755, 0, 1000, false },
		{ S_IFDIR | 0755, 1000, 1000, true },  { S_IFDIR | 0755, 1000, 0, true },
		{ S_IFDIR | 0755, 1000, 1001, false }, { S_IFDIR | 0700, 1000, 1000, true },
		{ S_IFDIR | 0775, 0, 0, false },       { S_IFDIR | 0757, 0, 0, false },
		{ S_IFDIR | 01777, 0, 0, false },      { S_IFREG | 0755, 0, 0, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct stat folder = { .st_mode = rows[i].mode, .st_uid = rows[i].owner };

		cr_expect_eq(wire_system_engine_trusted(&folder, rows[i].listener), rows[i].trusted, "row %zu", i);
	}
}
