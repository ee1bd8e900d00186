/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Requests to the kernel over netlink. An answer is either complete and from the kernel, or an error.
 *
 * SA dumps carry key material. So answers go into one fixed buffer, which is kept out of swap and core dumps and is
 * wiped after every datagram; nothing here copies it. libnl's nl_recv() reallocates its buffers, and the objects of
 * libnl-xfrm keep keys on the heap, so neither is used.
 *
 * Functions that wait block for at most NETLINK_DEADLINE_MS for each datagram, and NETLINK_LONGEST_MS for a channel.
 * Source: net/netlink/af_netlink.c.
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
	NETLINK_DEADLINE_MS = 2000, /* for each datagram of an answer: the kernel makes them while they are read */
	NETLINK_LONGEST_MS = 10000, /* for all requests on a channel, from its opening */
};

/* Carries the datagrams: the kernel's sockets, or those that a test has prepared. */
struct netlink_transport {
	/* Returns 0, a handle and the port id that answers will carry; or -errno of socket(2). */
	int (*open)(void *context, int protocol, int *out_handle, uint32_t *out_port);
	int (*send)(void *context, int handle, const struct nlmsghdr *request);
	/*
	 * Like recvmsg(2) with MSG_TRUNC. Returns the length of the datagram, or -errno. -ETIMEDOUT: no datagram came
	 * within timeout_ms. -EINTR: call again.
	 */
	ssize_t (*receive)(void *context, int handle, struct msghdr *message, int timeout_ms);
	void (*close)(void *context, int handle);
	void *context;
};

/* Netlink sockets of the calling thread's network namespace. */
extern const struct netlink_transport netlink_kernel;

/*
 * Prepares a netlink socket of any network namespace for netlink_kernel. Returns 0 and its port id, or -errno. The
 * caller keeps the fd. Does not block.
 */
RS_MUST_USE int netlink_kernel_bind(int fd, uint32_t *out_port);

/*
 * Allocates NETLINK_BUFFER_SIZE octets for datagrams that may carry keys: not in core dumps and, if RLIMIT_MEMLOCK
 * permits, not in swap. Returns 0 or -errno. Free with netlink_buffer_free(), which keeps one for the next call; wipe
 * it before. Any thread. mlock(2) does not last over fork(2).
 */
RS_MUST_USE int netlink_buffer_new(void **out_buffer);
void netlink_buffer_free(void *buffer);

/* One conversation, used by one thread at a time. Made by netlink_open(). */
struct netlink_channel {
	const struct netlink_transport *transport;
	int protocol;
	int handle;
	uint32_t port;
	uint32_t sequence;
	int64_t deadline_ms, last_ms; /* CLOCK_MONOTONIC */
	void *buffer;
	char *error; /* owned by the caller: why the last call failed */
	size_t error_size;
};

/*
 * Opens a channel and starts its deadline. `error` must live as long as the channel. Returns 0, or -errno and a text;
 * -EPROTONOSUPPORT: the kernel has no such netlink protocol. Close with netlink_close().
 */
RS_MUST_USE int netlink_open(struct netlink_channel *channel, const struct netlink_transport *transport, int protocol,
			     char *error, size_t error_size);
void netlink_close(struct netlink_channel *channel);

/* Writes the error text of the channel and returns `err`. For handlers that know the cause. */
RS_MUST_USE int netlink_fail(struct netlink_channel *channel, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Returns the next message of a datagram that begins at *at and has *left octets; both advance. Returns NULL if *left
 * is 0, or if the rest is not a complete message.
 */
const struct nlmsghdr *netlink_next(const char **at, size_t *left);

/*
 * Make a request: a message of this type with the family's header (of 0 octets: none), and one attribute more. Both
 * return NULL if there is no memory, and netlink_put() has then freed `request`; NULL is allowed wherever a request is
 * taken, so only the last call of a chain is checked. The caller frees the request with nlmsg_free().
 */
RS_MUST_USE struct nl_msg *netlink_request(int type, const void *header, size_t size);
RS_MUST_USE struct nl_msg *netlink_put(struct nl_msg *request, int type, const void *data, size_t size);

/* Callbacks for an answer. A message is valid until message() returns. */
struct netlink_reader {
	/* Discards all results. Called before every attempt, and after the last one if it failed. */
	void (*restart)(void *context);
	/*
	 * Returns 0 to continue, or -errno to end the dump: -EPROTO for a malformed message. -EAGAIN restarts the dump:
	 * the message contradicts an earlier one.
	 */
	int (*message)(const struct nlmsghdr *message, void *context);
	void *context;
};

/*
 * Sends a dump request and reads the whole dump. Returns 0: the reader has all of it, from one consistent walk by the
 * kernel. Otherwise returns -errno and a text, and the reader has been restarted. A dump that was interrupted
 * (NLM_F_DUMP_INTR) or overran the socket buffer is read again on a new socket; after NETLINK_TRIES attempts -EAGAIN.
 * Without a request -ENOMEM. Blocks.
 */
RS_MUST_USE int netlink_dump(struct netlink_channel *channel, struct nl_msg *request,
			     const struct netlink_reader *reader);

/* The same, one datagram at a time. The caller keeps request and reader until the dump ends. */
struct netlink_dumping {
	struct nl_msg *request;
	const struct netlink_reader *reader;
	int tries;
};

enum { NETLINK_MORE = 1 };

/* Sends the request. Returns 0, or -errno and a text; without a request -ENOMEM. */
RS_MUST_USE int netlink_dump_begin(struct netlink_channel *channel, struct netlink_dumping *dumping);
/*
 * Reads one datagram. Returns NETLINK_MORE if the dump continues, otherwise like netlink_dump(). Blocks until the
 * kernel has made the datagram.
 */
RS_MUST_USE int netlink_dump_step(struct netlink_channel *channel, struct netlink_dumping *dumping);
/* Restarts the wait for the next datagram, after a pause of the caller between two steps. */
void netlink_resume(struct netlink_channel *channel);
/* Replaces NETLINK_LONGEST_MS with `ms`, counted from now. */
void netlink_allow(struct netlink_channel *channel, int ms);

/*
 * Sends a request that has exactly one message as its answer. Returns 0, or -errno: that of the kernel, that of
 * `message`, or as above. Blocks.
 */
RS_MUST_USE int netlink_ask(struct netlink_channel *channel, struct nl_msg *request,
			    int (*message)(const struct nlmsghdr *message, void *context), void *context);

/* Sends a request that the kernel only acknowledges. Returns 0, or -errno: that of the kernel, or as above. Blocks. */
RS_MUST_USE int netlink_do(struct netlink_channel *channel, struct nl_msg *request);

#endif
