// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The kernel's netlink sockets. Sources: net/netlink/af_netlink.c. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "netlink/dump.h"

/*
 * The kernel sizes a dump's skbs by the largest buffer that this socket has received with so far, and on a new socket
 * by a page (netlink_dump(), netlink_recvmsg()). macsec_dump_txsc() silently ends the dump at a SecY that does not fit.
 * So the socket receives something with a large buffer before the first dump: the acknowledgement of a NLMSG_NOOP,
 * which netlink_rcv_skb() sends without asking the family.
 */
static int kernel_announce_buffer(int fd)
{
	const struct nlmsghdr noop = {
		.nlmsg_len = sizeof(noop),
		.nlmsg_type = NLMSG_NOOP,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
	};
	char buffer[NETLINK_BUFFER_SIZE / 2];

	if (send(fd, &noop, sizeof(noop), 0) < 0)
		return -errno;
	return recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) < 0 ? -errno : 0;
}

int netlink_kernel_bind(int fd, uint32_t *out_port)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(address);
	const int one = 1;

	/* Both only improve the error texts. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    getsockname(fd, (struct sockaddr *)&address, &len))
		return -errno;
	*out_port = address.nl_pid;
	return kernel_announce_buffer(fd);
}

/* nl_connect() is not used: libnl's error numbers do not distinguish EPROTONOSUPPORT. */
static int kernel_open(void *context, int protocol, int *out_handle, uint32_t *out_port)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	int err;

	(void)context;
	if (fd < 0)
		return -errno;
	err = netlink_kernel_bind(fd, out_port);
	if (err) {
		close(fd);
		return err;
	}
	*out_handle = fd;
	return 0;
}

static int kernel_send(void *context, int handle, const struct nlmsghdr *request)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	(void)context;
	sent = sendto(handle, request, request->nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
	return sent < 0 ? -errno : 0;
}

static ssize_t kernel_receive(void *context, int handle, struct msghdr *message, int timeout_ms)
{
	struct pollfd waited = { .fd = handle, .events = POLLIN };
	ssize_t len = recvmsg(handle, message, MSG_DONTWAIT | MSG_TRUNC);
	int ready;

	(void)context;
	/* mostly the kernel has answered within send(2) */
	if (len >= 0 || errno != EAGAIN)
		return len < 0 ? -errno : len;
	ready = poll(&waited, 1, timeout_ms);
	if (ready <= 0)
		return ready ? -errno : -ETIMEDOUT;
	len = recvmsg(handle, message, MSG_DONTWAIT | MSG_TRUNC);
	if (len < 0)
		return errno == EAGAIN ? -EINTR : -errno;
	return len;
}

static void kernel_close(void *context, int handle)
{
	(void)context;
	close(handle);
}

const struct netlink_transport netlink_kernel = {
	.open = kernel_open,
	.send = kernel_send,
	.receive = kernel_receive,
	.close = kernel_close,
};
