// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Sources: net/netlink/af_netlink.c, include/uapi/linux/netlink.h. */
#include "netlink/dump.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "netlink/attributes.h"
#include "util/clock.h"
#include "util/text.h"

enum { READ_MORE = NETLINK_MORE, READ_END = 0 };

enum expected { EXPECT_ANSWER, EXPECT_DUMP, EXPECT_ACK };

int netlink_fail(struct netlink_channel *channel, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(channel->error, channel->error_size, format, args);
	va_end(args);
	return err;
}

/* ---- channels ---- */

/* The last one that was freed: it is wiped, and locking its pages again would cost more than most answers. */
static _Atomic(void *) spare;

int netlink_buffer_new(void **out_buffer)
{
	void *buffer = atomic_exchange(&spare, NULL);

	if (buffer) {
		*out_buffer = buffer;
		return 0;
	}
	buffer = mmap(NULL, NETLINK_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffer == MAP_FAILED)
		return -errno;
	/* RLIMIT_MEMLOCK may forbid locking; wiping after each datagram does not depend on it. */
	(void)mlock(buffer, NETLINK_BUFFER_SIZE);
	(void)madvise(buffer, NETLINK_BUFFER_SIZE, MADV_DONTDUMP);
	*out_buffer = buffer;
	return 0;
}

void netlink_buffer_free(void *buffer)
{
	buffer = atomic_exchange(&spare, buffer);
	if (buffer)
		munmap(buffer, NETLINK_BUFFER_SIZE);
}

static int channel_connect(struct netlink_channel *channel)
{
	const struct netlink_transport *transport = channel->transport;
	int err = transport->open(transport->context, channel->protocol, &channel->handle, &channel->port);

	return err ? netlink_fail(channel, err, "netlink protocol %d: %s", channel->protocol, strerror(-err)) : 0;
}

static void channel_disconnect(struct netlink_channel *channel)
{
	channel->transport->close(channel->transport->context, channel->handle);
	channel->handle = -1;
}

int netlink_open(struct netlink_channel *channel, const struct netlink_transport *transport, int protocol, char *error,
		 size_t error_size)
{
	struct netlink_channel opened = {
		.transport = transport,
		.protocol = protocol,
		.deadline_ms = clock_ms() + NETLINK_DEADLINE_MS,
		.last_ms = clock_ms() + NETLINK_LONGEST_MS,
		.error = error,
		.error_size = error_size,
	};
	int err = netlink_buffer_new(&opened.buffer);

	if (err)
		return netlink_fail(&opened, err, "no memory for netlink answers");
	err = channel_connect(&opened);
	if (err) {
		netlink_buffer_free(opened.buffer);
		return err;
	}
	*channel = opened;
	return 0;
}

void netlink_close(struct netlink_channel *channel)
{
	if (channel->handle >= 0)
		channel_disconnect(channel);
	netlink_buffer_free(channel->buffer);
	channel->buffer = NULL;
}

struct nl_msg *netlink_request(int type, const void *header, size_t size)
{
	struct nl_msg *request = nlmsg_alloc_simple(type, 0);

	/* nlmsg_append() does not modify the header; its parameter only lacks const */
	if (!request || !size || !nlmsg_append(request, (void *)header, size, NLMSG_ALIGNTO))
		return request;
	nlmsg_free(request);
	return NULL;
}

struct nl_msg *netlink_put(struct nl_msg *request, int type, const void *data, size_t size)
{
	if (!request || !nla_put(request, type, (int)size, data))
		return request;
	nlmsg_free(request);
	return NULL;
}

static int channel_send(struct netlink_channel *channel, struct nl_msg *request, unsigned int flags)
{
	struct nlmsghdr *header;
	int err;

	if (!request)
		return netlink_fail(channel, -ENOMEM, "no memory for a request");
	header = nlmsg_hdr(request);
	header->nlmsg_flags |= NLM_F_REQUEST | flags;
	header->nlmsg_seq = ++channel->sequence;
	header->nlmsg_pid = channel->port;
	err = channel->transport->send(channel->transport->context, channel->handle, header);
	return err ? netlink_fail(channel, err, "cannot send to the kernel: %s", strerror(-err)) : 0;
}

/* ---- messages ---- */

/* Writes the kernel's text (NETLINK_EXT_ACK), or "" if there is none. */
static void extended_ack(const struct nlmsghdr *message, size_t header_size, char *text, size_t size)
{
	static const struct nla_policy policy[NLMSGERR_ATTR_MAX + 1] = { [NLMSGERR_ATTR_MSG] = { .type = NLA_STRING } };
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];

	text[0] = '\0';
	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (netlink_attributes(message, header_size, NLMSGERR_ATTR_MAX, policy, attrs) || !attrs[NLMSGERR_ATTR_MSG])
		return;
	text_format(text, size, ": %s", nla_get_string(attrs[NLMSGERR_ATTR_MSG]));
	text_printable(text);
}

static int kernel_error(struct netlink_channel *channel, const struct nlmsghdr *message, size_t header_size, int error)
{
	char words[96];

	if (error > 0 || error < -4095) /* MAX_ERRNO in include/linux/err.h */
		return netlink_fail(channel, -EPROTO, "the kernel answered with an invalid error number");
	extended_ack(message, header_size, words, sizeof(words));
	return netlink_fail(channel, error, "%s%s", strerror(-error), words);
}

static int read_error(struct netlink_channel *channel, const struct nlmsghdr *message, enum expected expected)
{
	size_t header_size = sizeof(struct nlmsgerr);
	struct nlmsgerr error;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(error)))
		return netlink_fail(channel, -EPROTO, "truncated error message");
	memcpy(&error, NLMSG_DATA(message), sizeof(error));
	if (!error.error && expected == EXPECT_ACK)
		return READ_END;
	if (!error.error)
		return netlink_fail(channel, -EPROTO, "an acknowledgement instead of an answer");
	if (!(message->nlmsg_flags & NLM_F_CAPPED) && error.msg.nlmsg_len >= NLMSG_HDRLEN &&
	    error.msg.nlmsg_len <= message->nlmsg_len)
		header_size += error.msg.nlmsg_len - NLMSG_HDRLEN; /* the whole request is repeated */
	return kernel_error(channel, message, header_size, error.error);
}

/* netlink_dump_done() in the kernel: this message alone reports that a dump failed half way. */
static int read_done(struct netlink_channel *channel, const struct nlmsghdr *message)
{
	int error;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(error)))
		return netlink_fail(channel, -EPROTO, "truncated end of a dump");
	memcpy(&error, NLMSG_DATA(message), sizeof(error));
	return error ? kernel_error(channel, message, sizeof(error), error) : READ_END;
}

static int read_control(struct netlink_channel *channel, const struct nlmsghdr *message, enum expected expected)
{
	switch (message->nlmsg_type) {
	case NLMSG_NOOP:
		return READ_MORE;
	case NLMSG_ERROR:
		return read_error(channel, message, expected);
	case NLMSG_OVERRUN:
		return netlink_fail(channel, -EAGAIN, "the kernel lost part of its answer");
	case NLMSG_DONE:
		if (expected == EXPECT_DUMP)
			return read_done(channel, message);
		/* fall through */
	default:
		return netlink_fail(channel, -EPROTO, "unexpected control message %u", message->nlmsg_type);
	}
}

static int read_message(struct netlink_channel *channel, const struct nlmsghdr *message,
			const struct netlink_reader *reader, enum expected expected)
{
	int err;

	if (message->nlmsg_seq != channel->sequence || message->nlmsg_pid != channel->port)
		return netlink_fail(channel, -EPROTO, "netlink reply with unexpected sequence number or port");
	if (expected == EXPECT_DUMP && message->nlmsg_flags & NLM_F_DUMP_INTR)
		return netlink_fail(channel, -EAGAIN, "the kernel's list changed during each attempt to read it");
	if (expected == EXPECT_DUMP && message->nlmsg_flags & NLM_F_DUMP_FILTERED)
		return netlink_fail(channel, -EPROTO, "the kernel filtered its answer");
	if (message->nlmsg_type < NLMSG_MIN_TYPE)
		return read_control(channel, message, expected);
	if (expected == EXPECT_ACK)
		return netlink_fail(channel, -EPROTO, "an answer instead of an acknowledgement");
	err = reader->message(message, reader->context);
	if (err)
		return err;
	return expected == EXPECT_DUMP ? READ_MORE : READ_END;
}

const struct nlmsghdr *netlink_next(const char **at, size_t *left)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)*at;
	size_t step;

	if (*left < sizeof(*message) || message->nlmsg_len < sizeof(*message) || message->nlmsg_len > *left)
		return NULL;
	step = NLMSG_ALIGN(message->nlmsg_len);
	step = step < *left ? step : *left; /* the padding of the last message may be missing */
	*at += step;
	*left -= step;
	return message;
}

static int read_datagram(struct netlink_channel *channel, size_t len, const struct netlink_reader *reader,
			 enum expected expected)
{
	const struct nlmsghdr *message;
	const char *at = channel->buffer;
	int rc = READ_MORE;

	while ((message = netlink_next(&at, &len))) {
		if (rc == READ_END)
			return netlink_fail(channel, -EPROTO, "a message after the end of the answer");
		rc = read_message(channel, message, reader, expected);
		if (rc < 0)
			return rc;
	}
	return len ? netlink_fail(channel, -EPROTO, "a message does not fit its datagram") : rc;
}

void netlink_resume(struct netlink_channel *channel)
{
	int64_t next = clock_ms() + NETLINK_DEADLINE_MS;

	channel->deadline_ms = next < channel->last_ms ? next : channel->last_ms;
}

/*
 * Waits for a datagram until the deadline. `late`: whether the deadline had passed before. On a busy host this process
 * can come to it late, while the answer has been there for long: that is taken, but once, and not after last_ms.
 */
static ssize_t receive_until(const struct netlink_channel *channel, struct msghdr *message, bool *late)
{
	const int64_t now_ms = clock_ms(), left_ms = channel->deadline_ms - now_ms;

	if (left_ms <= 0 && (*late || now_ms >= channel->last_ms))
		return -ETIMEDOUT;
	*late = left_ms <= 0;
	return channel->transport->receive(channel->transport->context, channel->handle, message,
					   *late ? 0 : (int)left_ms);
}

/*
 * Receives one datagram from the kernel; blocks until the deadline. Other processes can also send to this port id:
 * their datagrams are dropped.
 */
static int channel_receive(struct netlink_channel *channel, size_t *out_len)
{
	bool late = false;

	for (;;) {
		struct sockaddr_nl from = { .nl_family = AF_UNSPEC };
		struct iovec into = { .iov_base = channel->buffer, .iov_len = NETLINK_BUFFER_SIZE };
		struct msghdr message = {
			.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &into, .msg_iovlen = 1
		};
		ssize_t len = receive_until(channel, &message, &late);

		if (len == -EINTR)
			continue;
		if (len == -ENOBUFS)
			return netlink_fail(channel, -EAGAIN, "the kernel's answer overran the socket's buffer");
		if (len < 0)
			return netlink_fail(channel, (int)len, "no answer from the kernel: %s", strerror(-(int)len));
		if (message.msg_flags & MSG_TRUNC || len > NETLINK_BUFFER_SIZE) {
			explicit_bzero(channel->buffer, NETLINK_BUFFER_SIZE);
			return netlink_fail(channel, -EMSGSIZE, "an answer of more than %d octets",
					    NETLINK_BUFFER_SIZE);
		}
		if (message.msg_namelen == sizeof(from) && from.nl_family == AF_NETLINK && from.nl_pid == 0) {
			netlink_resume(channel);
			*out_len = (size_t)len;
			return 0;
		}
		explicit_bzero(channel->buffer, (size_t)len);
	}
}

static int channel_read_one(struct netlink_channel *channel, const struct netlink_reader *reader,
			    enum expected expected)
{
	size_t len = 0;
	int rc = channel_receive(channel, &len);

	if (rc)
		return rc;
	rc = len ? read_datagram(channel, len, reader, expected) : netlink_fail(channel, -EPROTO, "an empty answer");
	explicit_bzero(channel->buffer, len);
	return rc;
}

static int channel_read(struct netlink_channel *channel, const struct netlink_reader *reader, enum expected expected)
{
	int rc;

	do
		rc = channel_read_one(channel, reader, expected);
	while (rc == READ_MORE);
	return rc;
}

/* Opens a new socket, because the old one may still deliver the rest of the last attempt. */
static int channel_reconnect(struct netlink_channel *channel)
{
	if (channel->handle >= 0)
		channel_disconnect(channel);
	return channel_connect(channel);
}

void netlink_allow(struct netlink_channel *channel, int ms)
{
	channel->last_ms = clock_ms() + ms;
	netlink_resume(channel);
}

static int dump_send(struct netlink_channel *channel, struct netlink_dumping *dumping)
{
	dumping->reader->restart(dumping->reader->context);
	return channel_send(channel, dumping->request, NLM_F_DUMP);
}

/*
 * Returns NETLINK_MORE if another attempt has begun. Otherwise returns -errno: `err` permits no retry, the retry
 * failed, or no attempt is left.
 */
static int dump_again(struct netlink_channel *channel, struct netlink_dumping *dumping, int err)
{
	while (err == -EAGAIN && ++dumping->tries < NETLINK_TRIES) {
		err = channel_reconnect(channel);
		if (!err)
			err = dump_send(channel, dumping);
	}
	if (!err)
		return NETLINK_MORE;
	dumping->reader->restart(dumping->reader->context);
	return err;
}

int netlink_dump_begin(struct netlink_channel *channel, struct netlink_dumping *dumping)
{
	int err;

	dumping->tries = 0;
	err = dump_send(channel, dumping);
	if (err)
		err = dump_again(channel, dumping, err);
	return err == NETLINK_MORE ? 0 : err;
}

int netlink_dump_step(struct netlink_channel *channel, struct netlink_dumping *dumping)
{
	int rc = channel_read_one(channel, dumping->reader, EXPECT_DUMP);

	return rc < 0 ? dump_again(channel, dumping, rc) : rc;
}

int netlink_dump(struct netlink_channel *channel, struct nl_msg *request, const struct netlink_reader *reader)
{
	struct netlink_dumping dumping = { .request = request, .reader = reader };
	int rc = netlink_dump_begin(channel, &dumping);

	if (rc)
		return rc;
	do
		rc = netlink_dump_step(channel, &dumping);
	while (rc == NETLINK_MORE);
	return rc;
}

int netlink_ask(struct netlink_channel *channel, struct nl_msg *request,
		int (*message)(const struct nlmsghdr *message, void *context), void *context)
{
	const struct netlink_reader reader = { .message = message, .context = context };
	int err = channel_send(channel, request, 0);

	return err ? err : channel_read(channel, &reader, EXPECT_ANSWER);
}

int netlink_do(struct netlink_channel *channel, struct nl_msg *request)
{
	const struct netlink_reader nothing = { 0 };
	int err = channel_send(channel, request, NLM_F_ACK);

	return err ? err : channel_read(channel, &nothing, EXPECT_ACK);
}
