/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Asking the kernel by netlink, so that the answer is either complete and from the kernel, or an error.
 *
 * What an SA dump carries is key material. It therefore lands in one fixed buffer that is kept out of swap and core
 * dumps and wiped after every datagram; nothing here copies it. (libnl's nl_recv() reallocates its buffers, and
 * libnl-xfrm's objects keep keys on the heap: neither is used.)
 */
#ifndef RDMASEC_NETLINK_DUMP_H
#define RDMASEC_NETLINK_DUMP_H

#include <linux/netlink.h>
#include <netlink/msg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "util/attributes.h"

enum {
	/* netlink_dump() in net/netlink/af_netlink.c makes skbs of at most 32 KiB unless the family asks for more */
	NETLINK_BUFFER_SIZE = 64 * 1024,
	NETLINK_TRIES = 5,
	NETLINK_DEADLINE_MS = 2000, /* for the next datagram of an answer: the kernel makes them while they are read */
	NETLINK_LONGEST_MS = 10000, /* for all that is asked on a channel, from its opening */
};

/* What carries the datagrams: the kernel's sockets, or in tests whatever a test wants the kernel to have said. */
struct netlink_transport {
	/* 0, a handle and the port id that answers will carry; or -errno as socket(2) says */
	int (*open)(void *context, int protocol, int *out_handle, uint32_t *out_port);
	int (*send)(void *context, int handle, const struct nlmsghdr *request);
	/* As recvmsg(2) with MSG_TRUNC: the datagram's length, or -errno. -ETIMEDOUT: nothing came. -EINTR: ask again.
	 */
	ssize_t (*receive)(void *context, int handle, struct msghdr *message, int timeout_ms);
	void (*close)(void *context, int handle);
	void *context;
};

extern const struct netlink_transport netlink_kernel;

/* Makes a netlink socket, wherever it was opened, ready for the rest of netlink_kernel. It stays the caller's. */
RS_MUST_USE int netlink_kernel_bind(int fd, uint32_t *out_port);

/* Memory of NETLINK_BUFFER_SIZE for what may carry keys: kept out of swap and of core dumps, as far as one may. */
RS_MUST_USE int netlink_buffer_new(void **out_buffer);
void netlink_buffer_free(void *buffer);

/* One conversation. One thread at a time. */
struct netlink_channel {
	const struct netlink_transport *transport;
	int protocol;
	int handle;
	uint32_t port;
	uint32_t sequence;
	int64_t deadline_ms, last_ms; /* CLOCK_MONOTONIC */
	void *buffer;
	char *error; /* the caller's: why the last call failed */
	size_t error_size;
};

/*
 * Opens a channel and starts its deadline. `error` must live as long as the channel. 0, or -errno and a text;
 * -EPROTONOSUPPORT: this kernel has no such netlink protocol. Close with netlink_close().
 */
RS_MUST_USE int netlink_open(struct netlink_channel *channel, const struct netlink_transport *transport, int protocol,
			     char *error, size_t error_size);
void netlink_close(struct netlink_channel *channel);

/* Writes the channel's text and returns `err`, for a handler that knows what is wrong. */
RS_MUST_USE int netlink_fail(struct netlink_channel *channel, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The messages of a datagram, from *at with *left octets, which move on. NULL: its end, and *left is 0; or what is left
 * is no message, and *left is not 0.
 */
const struct nlmsghdr *netlink_next(const char **at, size_t *left);

/* Handlers of an answer's messages, which are valid until message() returns. */
struct netlink_reader {
	/* Forget everything: called before every try, and after the last one if it failed. */
	void (*restart)(void *context);
	/*
	 * 0, or -errno which ends the dump; -EPROTO for a message that is not understood. -EAGAIN: it contradicts
	 * what came before, and the dump is read anew.
	 */
	int (*message)(const struct nlmsghdr *message, void *context);
	void *context;
};

/*
 * Sends a dump request and reads the dump to its end. 0: the reader has all of it, from one consistent walk of the
 * kernel's. Else -errno and a text, and the reader has been restarted. A dump that was interrupted (NLM_F_DUMP_INTR) or
 * overran the socket's buffer is read anew on a new socket, NETLINK_TRIES times in all, then -EAGAIN.
 */
RS_MUST_USE int netlink_dump(struct netlink_channel *channel, struct nl_msg *request,
			     const struct netlink_reader *reader);

/* The same, a datagram at a time. Request and reader stay the caller's. */
struct netlink_dumping {
	struct nl_msg *request;
	const struct netlink_reader *reader;
	int tries;
};

enum { NETLINK_MORE = 1 };

/* 0, or -errno and a text. */
RS_MUST_USE int netlink_dump_begin(struct netlink_channel *channel, struct netlink_dumping *dumping);
/* NETLINK_MORE: it goes on; else as netlink_dump(). Waits for a datagram, which the kernel makes when it is asked. */
RS_MUST_USE int netlink_dump_step(struct netlink_channel *channel, struct netlink_dumping *dumping);
/* What has passed since the last step is not the kernel's silence. */
void netlink_resume(struct netlink_channel *channel);
/* In place of NETLINK_LONGEST_MS, from now. */
void netlink_allow(struct netlink_channel *channel, int ms);

/* Sends a request that has exactly one message for an answer. 0; or -errno, as the kernel says or as above. */
RS_MUST_USE int netlink_ask(struct netlink_channel *channel, struct nl_msg *request,
			    int (*message)(const struct nlmsghdr *message, void *context), void *context);

/* Sends a request that the kernel only acknowledges. 0; or -errno, as the kernel says or as above. */
RS_MUST_USE int netlink_do(struct netlink_channel *channel, struct nl_msg *request);

#endif
