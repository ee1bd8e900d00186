// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The messages. Runs inside applications: no allocation, no streams, no dependency but libc. */
#include "messages/protocol.h"

#include <errno.h>
#include <string.h>

static struct wire_header make_header(enum wire_type type, uint32_t size)
{
	return (struct wire_header){ .magic = WIRE_MAGIC, .version = WIRE_VERSION, .type = type, .size = size };
}

static int header_check(const struct wire_header *header, size_t len, enum wire_type type, size_t size)
{
	if (len < sizeof(*header) || header->magic != WIRE_MAGIC)
		return -EBADMSG;
	if (header->version != WIRE_VERSION)
		return -EPROTONOSUPPORT;
	if (header->type != type || header->reserved || header->size != size || len != size)
		return -EBADMSG;
	return 0;
}

static const uint32_t known_facts = UVERBS_HAS_HANDLE | UVERBS_HAS_QPN | UVERBS_HAS_ALT_PATH | UVERBS_HAS_SOURCE_QPN |
				    UVERBS_HAS_DEVX | UVERBS_HAS_STATE | UVERBS_HAS_DEST_QPN;

void wire_ask_make(struct wire_ask *ask, const struct request *request, int fd)
{
	memset(ask, 0, sizeof(*ask));
	ask->header = make_header(WIRE_ASK, sizeof(*ask));
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

static int ask_fields_check(const struct wire_ask *ask)
{
	static const uint8_t none[sizeof(ask->sgid)];

	if (ask->kind == REQUEST_NOTHING || ask->kind >= REQUEST_KIND_COUNT || ask->has & ~known_facts)
		return -EBADMSG;
	if (ask->is_global > 1 || ask->reserved || ask->subject > INT32_MAX || ask->fd > INT32_MAX)
		return -EBADMSG;
	if (!request_is_cm(ask->kind) && memcmp(ask->sgid, none, sizeof(none)))
		return -EBADMSG;
	return ask->want_require < WANT_REQUIRE_COUNT && ask->want_granularity < WANT_GRANULARITY_COUNT &&
			       ask->want_setup_timeout_ms <= SETUP_TIMEOUT_MAX_MS
		       ? 0
		       : -EBADMSG;
}

int wire_ask_read(const void *message, size_t len, struct request *request, int *out_fd)
{
	struct wire_ask ask;
	int err;

	if (len < sizeof(ask.header))
		return -EBADMSG;
	memset(&ask, 0, sizeof(ask));
	memcpy(&ask, message, len < sizeof(ask) ? len : sizeof(ask));
	err = header_check(&ask.header, len, WIRE_ASK, sizeof(ask));
	if (!err)
		err = ask_fields_check(&ask);
	if (err)
		return err;
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
	memset(answer, 0, sizeof(*answer));
	answer->header = make_header(WIRE_ANSWER, sizeof(*answer));
	answer->action = action;
	answer->err = action == WIRE_REFUSE ? err : 0;
	for (size_t i = 0; text && text[i] && i + 1 < sizeof(answer->text); i++)
		answer->text[i] = text[i] < 0x20 || text[i] > 0x7e ? '?' : text[i];
}

static int text_is_printable(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return 0;
	return len < size;
}

static int wait_check(const void *message, size_t len)
{
	struct wire_wait wait;
	int err;

	memset(&wait, 0, sizeof(wait));
	memcpy(&wait, message, len < sizeof(wait) ? len : sizeof(wait));
	err = header_check(&wait.header, len, WIRE_WAIT, sizeof(wait));
	if (err)
		return err;
	return wait.left_ms > SETUP_TIMEOUT_MAX_MS || wait.reserved ? -EBADMSG : WIRE_WAIT;
}

int wire_answer_check(const void *message, size_t len)
{
	struct wire_answer answer;
	int err;

	if (len < sizeof(answer.header))
		return -EBADMSG;
	/* a copy: the message need not lie as a struct does */
	memset(&answer, 0, sizeof(answer));
	memcpy(&answer, message, len < sizeof(answer) ? len : sizeof(answer));
	if (answer.header.type == WIRE_WAIT)
		return wait_check(message, len);
	err = header_check(&answer.header, len, WIRE_ANSWER, sizeof(answer));
	if (err)
		return err;
	if (answer.action == WIRE_PASS ? answer.err != 0
				       : answer.action != WIRE_REFUSE || answer.err == 0 || answer.err > 4095)
		return -EBADMSG;
	return text_is_printable(answer.text, sizeof(answer.text)) ? WIRE_ANSWER : -EBADMSG;
}

void wire_wait_make(struct wire_wait *wait, uint32_t left_ms)
{
	*wait = (struct wire_wait){ .header = make_header(WIRE_WAIT, sizeof(*wait)), .left_ms = left_ms };
}

void wire_query_make(struct wire_query *query, int fd, uint32_t handle)
{
	*query = (struct wire_query){ .header = make_header(WIRE_QUERY, sizeof(*query)),
				      .fd = (uint32_t)fd,
				      .handle = handle };
}

int wire_query_check(const void *message, size_t len)
{
	struct wire_query query;
	int err;

	memset(&query, 0, sizeof(query));
	memcpy(&query, message, len < sizeof(query) ? len : sizeof(query));
	err = header_check(&query.header, len, WIRE_QUERY, sizeof(query));
	if (err)
		return err;
	return query.fd > INT32_MAX || query.subject > INT32_MAX || query.flags & ~(uint32_t)WIRE_QUERY_LOOK ? -EBADMSG
													     : 0;
}

void wire_protection_make(struct wire_protection *protection)
{
	memset(protection, 0, sizeof(*protection));
	protection->header = make_header(WIRE_PROTECTION, sizeof(*protection));
}

int wire_protection_check(const void *message, size_t len)
{
	struct wire_protection protection;
	int err;

	memset(&protection, 0, sizeof(protection));
	memcpy(&protection, message, len < sizeof(protection) ? len : sizeof(protection));
	err = header_check(&protection.header, len, WIRE_PROTECTION, sizeof(protection));
	if (err)
		return err;
	return protection.err > 4095 || protection.offloaded > 1 ||
			       !text_is_printable(protection.netdev, sizeof(protection.netdev))
		       ? -EBADMSG
		       : 0;
}

void wire_done_make(struct wire_done *done, uint32_t has, uint32_t handle, uint32_t qpn)
{
	*done = (struct wire_done){
		.header = make_header(WIRE_DONE, sizeof(*done)), .has = has, .handle = handle, .qpn = qpn
	};
}

int wire_done_check(const void *message, size_t len)
{
	struct wire_done done;
	int err;

	memset(&done, 0, sizeof(done));
	memcpy(&done, message, len < sizeof(done) ? len : sizeof(done));
	err = header_check(&done.header, len, WIRE_DONE, sizeof(done));
	if (err)
		return err;
	if (done.has & ~(uint32_t)(UVERBS_HAS_HANDLE | UVERBS_HAS_QPN) || done.reserved)
		return -EBADMSG;
	return (!(done.has & UVERBS_HAS_HANDLE) && done.handle) || (!(done.has & UVERBS_HAS_QPN) && done.qpn) ? -EBADMSG
													      : 0;
}

void wire_request_make(struct wire_request *request, enum wire_type which)
{
	request->header = make_header(which, sizeof(*request));
}

int wire_request_check(const void *message, size_t len)
{
	static const enum wire_type requests[] = { WIRE_LIST_QPS, WIRE_LIST_STATUS, WIRE_MONITOR };
	struct wire_request request;
	int err = -EBADMSG;

	memset(&request, 0, sizeof(request));
	memcpy(&request, message, len < sizeof(request) ? len : sizeof(request));
	for (size_t i = 0; err == -EBADMSG && i < sizeof(requests) / sizeof(requests[0]); i++)
		if (!(err = header_check(&request.header, len, requests[i], sizeof(request))))
			return requests[i];
	return err;
}

void wire_record_make(struct wire_record *record)
{
	memset(record, 0, sizeof(*record));
	record->header = make_header(WIRE_RECORD, sizeof(*record));
}

void wire_end_make(struct wire_end *end, int err)
{
	*end = (struct wire_end){ .header = make_header(WIRE_END, sizeof(*end)), .err = (uint32_t)err };
}

static int texts_are_printable(const struct wire_record *record)
{
#define TEXT(field)                                  \
	{                                            \
		record->field, sizeof(record->field) \
	}
	const struct {
		const char *text;
		size_t size;
	} texts[] = { TEXT(command), TEXT(qp_type), TEXT(executable), TEXT(device),  TEXT(gid_type), TEXT(netdev),
		      TEXT(local),   TEXT(remote),  TEXT(rule),       TEXT(details), TEXT(text) };
#undef TEXT

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!text_is_printable(texts[i].text, texts[i].size))
			return 0;
	return 1;
}

static int record_check(const struct wire_record *record)
{
	const uint32_t has = WIRE_RECORD_HAS_GID | WIRE_RECORD_HAS_QPN | WIRE_RECORD_HAS_DEST_QPN;

	return record->event < WIRE_EVENT_COUNT && record->outcome < WIRE_OUTCOME_COUNT &&
			       record->reasons[0] < REASON_COUNT && record->reasons[1] < REASON_COUNT &&
			       !(record->has & ~has) && record->err <= 4095 && record->pid >= 0 &&
			       texts_are_printable(record)
		       ? WIRE_RECORD
		       : -EBADMSG;
}

int wire_list_check(const void *message, size_t len)
{
	struct wire_record record;
	struct wire_end end;
	int err;

	memset(&record, 0, sizeof(record));
	memcpy(&record, message, len < sizeof(record) ? len : sizeof(record));
	err = header_check(&record.header, len, WIRE_RECORD, sizeof(record));
	if (!err)
		return record_check(&record);
	memset(&end, 0, sizeof(end));
	memcpy(&end, message, len < sizeof(end) ? len : sizeof(end));
	err = header_check(&end.header, len, WIRE_END, sizeof(end));
	if (err)
		return err;
	return end.err <= 4095 && !end.reserved ? WIRE_END : -EBADMSG;
}
