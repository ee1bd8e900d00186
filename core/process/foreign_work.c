// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What a helper does. Nothing here closes a foreign file before the reply: see foreign_close_leftovers(). */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "process/foreign_private.h"
#include "process/same_file.h"
#include "util/fd_socket.h"

enum { MESSAGE_MAX = 4096 }; /* of a client: what is longer is cut, and malformed */

void foreign_leave(struct foreign_leftovers *left, int fd)
{
	left->fds[left->count++] = fd;
}

void foreign_close_leftovers(struct foreign_leftovers *left)
{
	while (left->count)
		fd_let_go(left->fds[--left->count]);
}

static int fetch(const struct process *process, pid_t thread, int number, int *out)
{
	return thread ? process_fetch_thread_fd(process, thread, number, out) : process_fetch_fd(process, number, out);
}

int foreign_take_here(const char *sysfs, const struct process *process, pid_t thread, int number, dev_t rdev,
		      struct foreign_file *out, struct foreign_leftovers *left)
{
	struct foreign_file file = { .rdev = rdev, .thread = thread };
	int err = fetch(process, thread, number, &file.fd);

	if (err)
		return err;
	if (rdev)
		err = process_fd_is_of(file.fd, rdev) ? 0 : -ENODEV;
	else
		err = process_uverbs_rdev(sysfs, file.fd, &file.rdev);
	if (err)
		foreign_leave(left, file.fd);
	else
		*out = file;
	return err ? -ENODEV : 0;
}

static int compare_in(const struct process *process, pid_t thread, int number, int fd, struct foreign_leftovers *left)
{
	int theirs, err = fetch(process, thread, number, &theirs);
	bool same = false;

	if (err)
		return err;
	err = same_open_file(getpid(), theirs, getpid(), fd, &same);
	/* the same file has a reference more: nothing is released, and a uverbs file has no ->flush */
	if (!err && same)
		close(theirs);
	else
		foreign_leave(left, theirs);
	return err ? err : same ? 0 : -EBADF;
}

/*
 * Is the file that the process has under this number the one that came with its message? Otherwise it may be in a table
 * that only a thread has, from which older kernels cannot take it (-EINVAL).
 */
static int compare(const struct process *process, int number, struct foreign_file *file, struct foreign_leftovers *left)
{
	int thread_err, err = compare_in(process, 0, number, file->fd, left);

	if (err != -EBADF && err != -ESRCH)
		return err;
	thread_err = process_find_thread_with(process, number, file->fd, &file->thread);
	if (thread_err)
		return err;
	err = compare_in(process, file->thread, number, file->fd, left);
	return err == -EINVAL ? -EPERM : err;
}

int foreign_receive_here(const char *sysfs, int socket, const struct process *process, int number,
			 struct foreign_file *out, struct foreign_leftovers *left)
{
	struct foreign_file file = { .same_err = 0 };
	char message[MESSAGE_MAX];
	int fds[FOREIGN_FDS_MAX];
	size_t count = FOREIGN_FDS_MAX;
	int err, got = foreign_receive_message(socket, message, sizeof(message), fds, &count, MSG_DONTWAIT);

	if (got <= 0 || count != 1) {
		for (size_t i = 0; i < count; i++)
			foreign_leave(left, fds[i]);
		return -EBADMSG;
	}
	file.fd = fds[0];
	err = process_uverbs_rdev(sysfs, file.fd, &file.rdev);
	if (err) {
		foreign_leave(left, file.fd);
		return -ENODEV;
	}
	file.same_err = compare(process, number, &file, left);
	*out = file;
	return 0;
}

int foreign_same_here(pid_t thread, int number, const struct foreign_place *places, size_t count,
		      struct foreign_slot *slot, size_t *out)
{
	for (size_t i = 0; i < count; i++) {
		bool same;

		if (slot) {
			atomic_store(&slot->account, places[i].account);
			atomic_store(&slot->number, (int32_t)i);
		}
		if (!same_open_file(places[i].thread, places[i].number, thread, number, &same) && same) {
			*out = i;
			return 0;
		}
	}
	return -ENOENT;
}

/* ---- messages with fds ---- */

union fds_control {
	struct cmsghdr header;
	char space[CMSG_SPACE(FOREIGN_FDS_MAX * sizeof(int))];
};

int foreign_send(int socket, const void *message, size_t len, const int *fds, size_t count, int flags)
{
	struct iovec iov = { .iov_base = (void *)message, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fds_control control;
	ssize_t sent;

	if (count) {
		memset(&control, 0, sizeof(control));
		control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS,
						   .cmsg_len = CMSG_LEN(count * sizeof(int)) };
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	do
		sent = sendmsg(socket, &msg, MSG_NOSIGNAL | flags);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : (int)sent;
}

int foreign_receive_message(int socket, void *message, size_t size, int *fds, size_t *count, int flags)
{
	struct iovec iov = { .iov_base = message, .iov_len = size };
	union fds_control control;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	size_t room = *count;
	ssize_t got;

	*count = 0;
	do
		got = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC | flags);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n && *count < room; i++)
			memcpy(&fds[(*count)++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
	return msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EBADMSG : (int)got;
}
