// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Control messages on the sockets of engine and agent: descriptors (SCM_RIGHTS), credentials (SCM_CREDENTIALS), cut and
 * oversized messages, on SOCK_SEQPACKET and SOCK_STREAM. The kernel delivers them.
 *
 * Input: one octet chooses the receiver. Each message is three octets (descriptors and credentials; length; room of the
 * receiver), and its octets.
 *
 * No descriptor stays open, none but a single one is handed out, and no message is longer than its buffer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/container_message.h"
#include "must.h"
#include "util/fd_socket.h"

enum { FDS_MAX = 7, LENGTH_MAX = 255, MESSAGES_MAX = 16 };
enum { AGENT = 1 << 0, STREAM = 1 << 1, PASSES_CREDENTIALS = 1 << 2, TAKES_NO_FD = 1 << 3 };

struct input {
	const uint8_t *data;
	size_t size;
};

static uint8_t next(struct input *input)
{
	if (!input->size)
		return 0;
	input->size--;
	return *input->data++;
}

static int new_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	MUST(fd >= 0);
	return fd;
}

/* The kernel attaches the credentials of the sender if the receiver has asked for them. */
static void add_credentials(struct msghdr *message, char *control)
{
	const struct ucred own = { .pid = getpid(), .uid = getuid(), .gid = getgid() };
	struct cmsghdr *header = (struct cmsghdr *)(control + message->msg_controllen);

	*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(own)),
				    .cmsg_level = SOL_SOCKET,
				    .cmsg_type = SCM_CREDENTIALS };
	memcpy(CMSG_DATA(header), &own, sizeof(own));
	message->msg_controllen += CMSG_SPACE(sizeof(own));
}

static void add_fds(struct msghdr *message, char *control, unsigned int count, int fd)
{
	struct cmsghdr *header = (struct cmsghdr *)(control + message->msg_controllen);

	*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(count * sizeof(int)),
				    .cmsg_level = SOL_SOCKET,
				    .cmsg_type = SCM_RIGHTS };
	for (unsigned int i = 0; i < count; i++)
		memcpy(CMSG_DATA(header) + i * sizeof(int), &fd, sizeof(fd));
	message->msg_controllen += CMSG_SPACE(count * sizeof(int));
}

/* Returns the number of descriptors, or -1: the kernel did not take the message. */
static int send_one(int socket, struct input *input, uint8_t *text, size_t *len)
{
	uint8_t how = next(input);
	struct iovec iov = { .iov_base = text };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FDS_MAX * sizeof(int))] = {
		0
	};
	unsigned int fds = how & 7;
	int fd = fds ? new_fd() : -1;
	ssize_t sent;

	for (*len = next(input); iov.iov_len < *len; iov.iov_len++)
		text[iov.iov_len] = next(input);
	message.msg_control = control;
	if (how & 8 && how & 16)
		add_credentials(&message, control);
	if (fds)
		add_fds(&message, control, fds, fd);
	if (how & 8 && !(how & 16))
		add_credentials(&message, control);
	if (!message.msg_controllen)
		message.msg_control = NULL;
	sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (fd >= 0)
		close(fd);
	return sent < 0 ? -1 : (int)fds;
}

static void receive_for_engine(int socket, uint8_t how, size_t room, const uint8_t *text, size_t len, int fds)
{
	char *buffer = malloc(room ? room : 1); /* of the exact size */
	int fd = -77, got;

	MUST(buffer);
	got = wire_receive(socket, buffer, room, how & TAKES_NO_FD ? NULL : &fd);
	MUST(got <= (int)room);
	if (got >= 0) {
		MUST(fds <= 1 && (how & STREAM || len <= room));
		MUST(how & TAKES_NO_FD || (fds == 1) == (fd >= 0));
		MUST(!memcmp(buffer, text, (size_t)got));
	} else {
		MUST(fd == -77);
	}
	if (fd >= 0) {
		MUST(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		fd_let_go(fd);
	}
	free(buffer);
}

/* Reads what is left, so that the next message begins alone. */
static void drain(int socket)
{
	char rest[LENGTH_MAX];

	while (recv(socket, rest, sizeof(rest), MSG_DONTWAIT) > 0)
		;
}

static void run_engine(int sockets[2], uint8_t how, struct input *input)
{
	for (int i = 0; i < MESSAGES_MAX && input->size; i++) {
		uint8_t text[LENGTH_MAX];
		size_t room = next(input), len;
		int fds = send_one(sockets[0], input, text, &len);

		if (fds < 0 || (how & STREAM && !len))
			continue;
		receive_for_engine(sockets[1], how, room, text, len, fds);
		drain(sockets[1]);
	}
}

static void run_agent(int sockets[2], struct input *input)
{
	struct container_message message;
	struct container_state state;
	char error[CONTAINER_ERROR_MAX];
	int got = 0, fd;

	MUST(!container_message_init(&message));
	for (int i = 0; i < MESSAGES_MAX && input->size && got == 0; i++) {
		uint8_t text[LENGTH_MAX];
		size_t len;

		(void)next(input);
		if (send_one(sockets[0], input, text, &len) >= 0 && len)
			got = container_message_receive(&message, sockets[1]);
		if (got == -EAGAIN)
			got = 0;
		MUST(message.fd_count <= CONTAINER_FDS_MAX);
	}
	if (got == 1 && !container_message_read(&message, &state, &fd, error))
		close(fd);
	container_message_free(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	int before = new_fd(), sockets[2], on = 1, after;
	uint8_t how = next(&input);
	bool stream = how & (AGENT | STREAM);

	close(before);
	MUST(!socketpair(AF_UNIX, (stream ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets));
	if (how & PASSES_CREDENTIALS)
		MUST(!setsockopt(sockets[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	if (how & AGENT)
		run_agent(sockets, &input);
	else
		run_engine(sockets, how, &input);
	close(sockets[0]);
	close(sockets[1]);
	after = new_fd();
	close(after);
	MUST(after == before); /* the lowest free number */
	return 0;
}
