// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "container_message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "messages/protocol.h"
#include "util/fd_socket.h"
#include "util/text.h"

enum { PIECE_MAX = 16384 };

int container_message_init(struct container_message *message)
{
	*message = (struct container_message){ .tokener = json_tokener_new_ex(CONTAINER_STATE_DEPTH) };
	if (!message->tokener)
		return -ENOMEM;
	/* no comments, no trailing commas; container_message_add() checks what follows the text. Not
	 * JSON_TOKENER_VALIDATE_UTF8, which rejects a character that arrives in two pieces. */
	json_tokener_set_flags(message->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	return 0;
}

void container_message_free(struct container_message *message)
{
	json_object_put(message->json);
	json_tokener_free(message->tokener);
	for (size_t i = 0; i < message->fd_count; i++)
		if (message->fds[i] >= 0)
			fd_let_go(message->fds[i]);
	*message = (struct container_message){ 0 };
}

static bool is_space(char octet)
{
	return octet == ' ' || octet == '\t' || octet == '\n' || octet == '\r';
}

int container_message_add(struct container_message *message, const char *octets, size_t len)
{
	enum json_tokener_error error;
	size_t end;

	if (message->json)
		return -EBADMSG;
	if (len > CONTAINER_STATE_MAX - message->size)
		return -E2BIG;
	if (!len)
		return 0;
	message->size += len;
	message->json = json_tokener_parse_ex(message->tokener, octets, (int)len);
	error = json_tokener_get_error(message->tokener);
	if (error == json_tokener_continue)
		return 0;
	/* a JSON null is NULL too */
	if (error != json_tokener_success || !message->json)
		return -EBADMSG;
	for (end = json_tokener_get_parse_end(message->tokener); end < len; end++)
		if (!is_space(octets[end]))
			return -EBADMSG;
	return 1;
}

/* Takes the fds of a message; closes those that do not fit. 0 or -EMFILE. */
static int take_fds(struct container_message *message, struct msghdr *msg)
{
	int err = msg->msg_flags & MSG_CTRUNC ? -EMFILE : 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (message->fd_count < CONTAINER_FDS_MAX) {
				message->fds[message->fd_count++] = fd;
				continue;
			}
			fd_let_go(fd);
			err = -EMFILE;
		}
	}
	return err;
}

int container_message_receive(struct container_message *message, int socket)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(CONTAINER_FDS_MAX * sizeof(int))];
	} control;
	char piece[PIECE_MAX];
	struct iovec iov = { .iov_base = piece, .iov_len = sizeof(piece) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t got = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	int err;

	if (got < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	err = take_fds(message, &msg);
	if (err)
		return err;
	return got ? container_message_add(message, piece, (size_t)got) : -ECONNRESET;
}

bool seccomp_fd_is_one(int fd)
{
	static const char is[] = "anon_inode:seccomp notify";
	char name[64], target[sizeof(is) + 1];
	ssize_t len;

	/* No file has such a name: its path would begin with a slash. An ioctl(2) to find out could have an effect on
	 * an unknown file. */
	text_format(name, sizeof(name), "/proc/self/fd/%d", fd);
	len = readlink(name, target, sizeof(target));
	return len == (ssize_t)sizeof(is) - 1 && !memcmp(target, is, sizeof(is) - 1);
}

int container_message_read(struct container_message *message, struct container_state *out, int *out_fd,
			   char error[CONTAINER_ERROR_MAX])
{
	struct container_state state;
	int err = container_state_read(message->json, &state, error);

	text_copy(out->id, sizeof(out->id), state.id);
	if (err)
		return err;
	if (message->fd_count != state.fd_count) {
		text_format(error, CONTAINER_ERROR_MAX, "it names %zu fds, but %zu were sent", state.fd_count,
			    message->fd_count);
		return -EBADMSG;
	}
	if (!seccomp_fd_is_one(message->fds[state.seccomp_fd])) {
		text_format(error, CONTAINER_ERROR_MAX, "\"seccompFd\" is not the notification fd of a seccomp filter");
		return -EBADMSG;
	}
	*out = state;
	*out_fd = message->fds[state.seccomp_fd];
	message->fds[state.seccomp_fd] = -1;
	return 0;
}
