// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "util/fd_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int wire_address(const char *name, struct sockaddr_un *address, socklen_t *len)
{
	size_t n = strlen(name);

	if (n < 1 + (name[0] == '@') || n >= sizeof(address->sun_path))
		return -EINVAL;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, name, n);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	/* an abstract name has no NUL at its end: unix(7) */
	*len = offsetof(struct sockaddr_un, sun_path) + n + (name[0] != '@');
	return 0;
}

static int bind_and_listen(int s, const char *name, const struct sockaddr_un *address, socklen_t len)
{
	if (!connect(s, (const struct sockaddr *)address, len))
		return -EADDRINUSE;
	if (name[0] == '/' && errno == ECONNREFUSED)
		unlink(name);
	return bind(s, (const struct sockaddr *)address, len) || listen(s, SOMAXCONN) ? -errno : 0;
}

int wire_listen_at(const char *name, int type, mode_t mode)
{
	struct sockaddr_un address;
	socklen_t len;
	int s, err = wire_address(name, &address, &len);
	mode_t mask;

	if (err)
		return err;
	s = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -errno;
	mask = umask(~mode & 0777);
	err = bind_and_listen(s, name, &address, len);
	umask(mask);
	if (!err)
		return s;
	close(s);
	return err;
}

union fd_control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

int wire_send(int socket, const void *message, size_t len, int fd)
{
	struct iovec iov = { .iov_base = (void *)message, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fd_control control;
	ssize_t sent;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS,
						   .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	do
		sent = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == len ? (int)sent : -EBADMSG;
}

void fd_let_go(int fd)
{
	const struct linger off = { .l_onoff = 0 };

	/* most are no sockets: ENOTSOCK */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	close(fd);
}

/* Takes the single fd out of the control data; closes all when there are several. */
static int take_fd(struct msghdr *msg, int *fd)
{
	int count = 0, taken = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++, count++) {
			int one;

			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (taken < 0)
				taken = one;
			else
				fd_let_go(one);
		}
	}
	if (count > 1 || msg->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		if (taken >= 0)
			fd_let_go(taken);
		return -EBADMSG;
	}
	*fd = taken;
	return 0;
}

/* Without room for control data, the kernel says MSG_CTRUNC if there is some, and installs no file. */
int wire_peek(int socket, void *message, size_t size, bool *has_files)
{
	struct iovec iov = { .iov_base = message, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t got = recvmsg(socket, &msg, MSG_PEEK | MSG_DONTWAIT);

	if (got < 0)
		return -errno;
	*has_files = msg.msg_flags & MSG_CTRUNC;
	return msg.msg_flags & MSG_TRUNC ? -EBADMSG : (int)got;
}

int wire_receive(int socket, void *message, size_t size, int *fd)
{
	struct iovec iov = { .iov_base = message, .iov_len = size };
	union fd_control control;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t got = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	int taken, err;

	if (got < 0)
		return -errno;
	err = take_fd(&msg, &taken);
	if (err)
		return err;
	if (fd)
		*fd = taken;
	else if (taken >= 0)
		close(taken);
	return (int)got;
}
