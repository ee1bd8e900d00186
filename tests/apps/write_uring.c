// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * A preload that sends each verbs command by an io_uring(7): it fails ioctl() as a kernel without verbs does, so that
 * libibverbs uses write(2), and hands what is written to an RDMA device to the ring. A thread of the kernel's executes
 * it, and no system call of the program names the device. At its end it prints how many commands went so.
 */
#include <dlfcn.h>
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ioctl_function.h"

typedef ssize_t write_fn(int fd, const void *data, size_t size);

static const char devices[] = "/dev/infiniband/uverbs";
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct io_uring ring;
static unsigned long commands;

IOCTL_FUNCTION(EXPORTED, ioctl)
{
	if (request == RDMA_VERBS_IOCTL) {
		errno = ENOTTY;
		return -1;
	}
	return ioctl_enter(fd, request, arg);
}

static void tell(void)
{
	fprintf(stderr, "write_uring: %lu commands\n", commands);
}

static bool is_device(int fd)
{
	char link[64], path[sizeof(devices)];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path));
	return len == (ssize_t)sizeof(path) && !memcmp(path, devices, sizeof(devices) - 1);
}

/* Returns what write(2) would, or -errno. */
static ssize_t write_by_ring(int fd, const void *data, size_t size)
{
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int err;

	if (!commands) {
		err = io_uring_queue_init(1, &ring, 0);
		if (err)
			return err;
		atexit(tell);
	}
	commands++;
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_write(sqe, fd, data, (unsigned int)size, 0);
	err = io_uring_submit(&ring);
	if (err != 1)
		return err < 0 ? err : -EIO;
	do
		err = io_uring_wait_cqe(&ring, &cqe);
	while (err == -EINTR);
	if (err)
		return err;
	err = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return err;
}

EXPORTED ssize_t write(int fd, const void *data, size_t size)
{
	static write_fn *next;
	ssize_t done;

	if (!is_device(fd)) {
		if (!next)
			next = (write_fn *)dlsym(RTLD_NEXT, "write");
		return next(fd, data, size);
	}
	pthread_mutex_lock(&lock);
	done = write_by_ring(fd, data, size);
	pthread_mutex_unlock(&lock);
	if (done >= 0)
		return done;
	errno = (int)-done;
	return -1;
}
