// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The memory and fds of a thread that waits in a notified system call. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "process/same_file.h"
#include "process/status.h"
#include "supervisor_internal.h"
#include "util/fd_socket.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* since 6.9; include/uapi/linux/pidfd.h */
#endif

/*
 * While the kernel has the notification, the thread waits and no other thread has its number. So this is asked after
 * each access by that number.
 */
static bool still_waits(void *context)
{
	const struct notice *notice = context;

	return !ioctl(notice->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &notice->id);
}

static int copy_result(const struct notice *notice, ssize_t got, size_t len)
{
	int err = got < 0 ? -errno : 0;

	if (!still_waits((void *)notice))
		return -ESRCH;
	if (err == -EPERM || err == -ESRCH)
		return -EPERM; /* it exists, but access is denied */
	return err || (size_t)got != len ? -EFAULT : 0;
}

static int read_target(void *context, uint64_t address, void *buffer, size_t len)
{
	const struct notice *notice = context;
	struct iovec local = { .iov_base = buffer, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = len };

	if (!len)
		return 0;
	return copy_result(notice, process_vm_readv(notice->target.tid, &local, 1, &remote, 1, 0), len);
}

/*
 * If the thread dies between the check and the write, and another one gets its number at once, this writes into that
 * one. The kernel allows it only for processes that the supervisor may trace.
 */
static int write_target(void *context, uint64_t address, const void *buffer, size_t len)
{
	const struct notice *notice = context;
	struct iovec local = { .iov_base = (void *)buffer, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = len };

	if (!len)
		return 0;
	if (!still_waits(context))
		return -ESRCH;
	return copy_result(notice, process_vm_writev(notice->target.tid, &local, 1, &remote, 1, 0), len);
}

int notice_process(struct notice *notice)
{
	uint64_t pid;
	int err;

	if (notice->target.pid)
		return 0;
	err = process_status_numbers(notice->target.tid, "Tgid", 10, &pid, 1);
	if (!still_waits(notice))
		return -ESRCH;
	if (!err)
		notice->target.pid = (pid_t)pid;
	return err;
}

/* Of the thread where the kernel has pidfds of threads: a thread may have its own table of fds. */
static int pidfd_of(struct notice *notice)
{
	int pidfd = pidfd_open(notice->target.tid, PIDFD_THREAD), err;

	if (pidfd >= 0 || errno != EINVAL)
		return pidfd < 0 ? -errno : pidfd;
	err = notice_process(notice);
	if (err)
		return err;
	pidfd = pidfd_open(notice->target.pid, 0);
	notice->is_of_process = true;
	return pidfd < 0 ? -errno : pidfd;
}

/* Before kernel 6.9 the fd is the process's: is it the one that the thread calls with? */
static bool is_threads_own(const struct notice *notice, int fd, int number)
{
	bool same = false;

	return !same_open_file(getpid(), fd, notice->target.tid, number, &same) && same;
}

static int fetch_target_fd(void *context, int number, int *out_fd)
{
	struct notice *notice = context;
	int fd, err = 0;

	if (notice->pidfd < 0)
		notice->pidfd = pidfd_of(notice);
	if (notice->pidfd < 0)
		return still_waits(notice) ? -EPERM : -ESRCH;
	fd = pidfd_getfd(notice->pidfd, number, 0);
	if (fd < 0)
		err = errno == EBADF ? -EBADF : -EPERM;
	else if (notice->is_of_process && !is_threads_own(notice, fd, number))
		err = -EPERM;
	if (!still_waits(notice))
		err = -ESRCH;
	if (err && fd >= 0)
		fd_let_go(fd);
	if (!err)
		*out_fd = fd;
	return err;
}

static int put_target_fd(void *context, int fd, uint32_t fd_flags)
{
	const struct notice *notice = context;
	struct seccomp_notif_addfd add = { .id = notice->id, .srcfd = (uint32_t)fd, .newfd_flags = fd_flags };
	int number = ioctl(notice->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	if (number >= 0)
		return number;
	return errno == ENOENT || errno == EINPROGRESS ? -ESRCH : -errno;
}

int notice_open(struct notice *notice, int listener, const struct seccomp_notif *from)
{
	*notice = (struct notice){
		.listener = listener,
		.id = from->id,
		.data = from->data,
		.pidfd = -1,
		.target = { .tid = (pid_t)from->pid,
			    .read = read_target,
			    .write = write_target,
			    .fetch_fd = fetch_target_fd,
			    .put_fd = put_target_fd,
			    .waits = still_waits,
			    .context = notice },
	};
	/* 0: in a pid namespace that is not visible here */
	return from->pid == 0 ? -EPERM : 0;
}

void notice_close(struct notice *notice)
{
	if (notice->pidfd >= 0)
		close(notice->pidfd);
	notice->pidfd = -1;
}
