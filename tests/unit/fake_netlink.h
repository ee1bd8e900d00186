/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A fake kernel: a netlink transport that replays datagrams which the test has prepared. It inserts the sequence number
 * and the port of the request, and checks that every answer is wiped from the buffer.
 */
#ifndef RDMASEC_TESTS_FAKE_NETLINK_H
#define RDMASEC_TESTS_FAKE_NETLINK_H

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netlink/dump.h"

struct fake_datagram {
	void *data;
	size_t len;
	int error;         /* receive fails with this -errno */
	int flags;         /* msg_flags */
	uint32_t sender;   /* nl_pid; 0: the kernel */
	uint32_t off_seq;  /* added to the sequence number of the request */
	uint32_t off_port; /* added to the port of the request */
};

enum { FAKE_DATAGRAMS = 64, FAKE_PORT = 4711 };

struct fake_kernel {
	struct fake_datagram queue[FAKE_DATAGRAMS];
	size_t count, next;
	int open_error, send_error;
	unsigned int send_ms; /* how long sending takes */
	int opens, closes, sends;
	uint32_t seq;
	_Alignas(8) char request[512]; /* the last one */
	void *buffer;                  /* the caller's buffer, and the length of the last answer */
	size_t filled;
};

static inline void fake_check_wiped(struct fake_kernel *fake)
{
	for (size_t i = 0; i < fake->filled; i++)
		cr_assert_eq(((char *)fake->buffer)[i], 0, "octet %zu of an answer was not wiped", i);
	if (fake->buffer)
		ASAN_UNPOISON_MEMORY_REGION(fake->buffer, NETLINK_BUFFER_SIZE);
	fake->filled = 0;
}

static inline int fake_open(void *context, int protocol, int *out_handle, uint32_t *out_port)
{
	struct fake_kernel *fake = context;

	(void)protocol;
	if (fake->open_error)
		return fake->open_error;
	*out_handle = ++fake->opens;
	*out_port = FAKE_PORT;
	return 0;
}

static inline int fake_send(void *context, int handle, const struct nlmsghdr *request)
{
	struct fake_kernel *fake = context;

	cr_assert_eq(handle, fake->opens, "sent on an abandoned socket");
	if (fake->send_error)
		return fake->send_error;
	if (fake->send_ms)
		usleep(fake->send_ms * 1000);
	cr_assert_leq(request->nlmsg_len, sizeof(fake->request));
	cr_assert(request->nlmsg_flags & NLM_F_REQUEST);
	memcpy(fake->request, request, request->nlmsg_len);
	fake->seq = request->nlmsg_seq;
	fake->sends++;
	return 0;
}

/*
 * Stamps each message, also a last one that claims to be longer than the datagram, so that it is refused for its
 * length.
 */
static inline void fake_stamp(const struct fake_kernel *fake, const struct fake_datagram *datagram)
{
	size_t at = 0;

	while (at + sizeof(struct nlmsghdr) <= datagram->len) {
		struct nlmsghdr *message = (struct nlmsghdr *)((char *)datagram->data + at);

		message->nlmsg_seq = fake->seq + datagram->off_seq;
		message->nlmsg_pid = FAKE_PORT + datagram->off_port;
		if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > datagram->len - at)
			break;
		at += NLMSG_ALIGN(message->nlmsg_len);
	}
}

static inline ssize_t fake_receive(void *context, int handle, struct msghdr *message, int timeout_ms)
{
	struct fake_kernel *fake = context;
	struct sockaddr_nl *from = message->msg_name;
	struct fake_datagram *datagram = &fake->queue[fake->next];

	cr_assert_eq(handle, fake->opens);
	cr_assert_geq(timeout_ms, 0);
	fake_check_wiped(fake);
	if (fake->next == fake->count)
		return -ETIMEDOUT;
	fake->next++;
	if (datagram->error)
		return datagram->error;
	fake_stamp(fake, datagram);
	fake->buffer = message->msg_iov->iov_base;
	fake->filled = datagram->len < NETLINK_BUFFER_SIZE ? datagram->len : NETLINK_BUFFER_SIZE;
	memcpy(fake->buffer, datagram->data, fake->filled);
	/* ASan reports a read beyond the datagram, as beyond a malloc'ed block. */
	ASAN_POISON_MEMORY_REGION((char *)fake->buffer + fake->filled, NETLINK_BUFFER_SIZE - fake->filled);
	from->nl_family = AF_NETLINK;
	from->nl_pid = datagram->sender;
	message->msg_namelen = sizeof(*from);
	message->msg_flags = datagram->flags;
	if (datagram->flags & MSG_TRUNC)
		ASAN_UNPOISON_MEMORY_REGION(fake->buffer, NETLINK_BUFFER_SIZE);
	return (ssize_t)datagram->len;
}

static inline void fake_close(void *context, int handle)
{
	struct fake_kernel *fake = context;

	cr_assert_eq(handle, fake->opens);
	fake_check_wiped(fake);
	fake->closes++;
}

static inline struct netlink_transport fake_transport(struct fake_kernel *fake)
{
	return (struct netlink_transport){ fake_open, fake_send, fake_receive, fake_close, fake };
}

/* Frees the datagrams and zeroes the fake kernel. */
static inline void fake_reset(struct fake_kernel *fake)
{
	for (size_t i = 0; i < fake->count; i++)
		free(fake->queue[i].data);
	memset(fake, 0, sizeof(*fake));
}

/* ---- building the datagrams ---- */

static inline struct nl_msg *fake_message(int type, const void *header, size_t size)
{
	struct nl_msg *message = nlmsg_alloc_size(32 * 1024);

	cr_assert(message && nlmsg_put(message, 0, 0, type, 0, NLM_F_MULTI));
	cr_assert_eq(nlmsg_append(message, (void *)header, size, NLMSG_ALIGNTO), 0);
	return message;
}

static inline struct fake_datagram *fake_say_octets(struct fake_kernel *fake, const void *data, size_t len)
{
	struct fake_datagram *datagram = &fake->queue[fake->count++];

	cr_assert_leq(fake->count, FAKE_DATAGRAMS);
	datagram->data = malloc(len ? len : 1);
	cr_assert(datagram->data);
	memcpy(datagram->data, data, len);
	datagram->len = len;
	return datagram;
}

/* Adds a datagram with one message. Takes over the message. */
static inline struct fake_datagram *fake_say(struct fake_kernel *fake, struct nl_msg *message)
{
	struct fake_datagram *datagram =
		fake_say_octets(fake, nlmsg_hdr(message), NLMSG_ALIGN(nlmsg_hdr(message)->nlmsg_len));

	nlmsg_free(message);
	return datagram;
}

/* Adds a message to the last datagram. Takes over the message. */
static inline struct fake_datagram *fake_say_too(struct fake_kernel *fake, struct nl_msg *message)
{
	struct fake_datagram *datagram = &fake->queue[fake->count - 1];
	size_t len = NLMSG_ALIGN(nlmsg_hdr(message)->nlmsg_len);

	datagram->data = realloc(datagram->data, datagram->len + len);
	cr_assert(datagram->data);
	memcpy((char *)datagram->data + datagram->len, nlmsg_hdr(message), len);
	datagram->len += len;
	nlmsg_free(message);
	return datagram;
}

static inline struct nlmsghdr *fake_header(struct fake_datagram *datagram)
{
	return datagram->data;
}

static inline struct fake_datagram *fake_done(struct fake_kernel *fake, int error)
{
	return fake_say(fake, fake_message(NLMSG_DONE, &error, sizeof(error)));
}

static inline struct fake_datagram *fake_error(struct fake_kernel *fake, int error)
{
	const struct nlmsgerr body = { .error = error, .msg = { .nlmsg_len = NLMSG_HDRLEN } };

	return fake_say(fake, fake_message(NLMSG_ERROR, &body, sizeof(body)));
}

static inline struct fake_datagram *fake_fails(struct fake_kernel *fake, int error)
{
	struct fake_datagram *datagram = fake_say_octets(fake, "", 0);

	datagram->error = error;
	return datagram;
}

#endif
