/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A FUSE server with one file. It never answers FLUSH, or after fuse_flush_ms: close(2) of the file lasts as long. As
 * any user can make it, in namespaces of its own. Its messages: linux/fuse.h.
 */
#ifndef RDMASEC_TESTS_FUSE_FIXTURE_H
#define RDMASEC_TESTS_FUSE_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/spawn.h"
#include "util/fd_socket.h"

/* The server lasts no longer, whatever becomes of the test: processes that wait for it hold up all that read /proc. */
enum { FUSE_SECONDS = 10 };

static pid_t fuse_server;
static int fuse_flush_ms = -1; /* never */

static inline void fuse_reply(int device, uint64_t unique, int err, const void *body, size_t len)
{
	struct {
		struct fuse_out_header header;
		char body[256];
	} out = { .header = { .len = (uint32_t)(sizeof(out.header) + len), .error = -err, .unique = unique } };

	memcpy(out.body, body, len);
	if (write(device, &out, out.header.len) < 0)
		_exit(0);
}

static inline void fuse_answer(int device, const struct fuse_in_header *in)
{
	const struct fuse_attr attr = { .ino = in->nodeid,
					.mode = in->nodeid == FUSE_ROOT_ID ? S_IFDIR | 0777 : S_IFREG | 0666,
					.nlink = 1 };
	const struct fuse_init_out init = { .major = 7, .minor = 31, .max_write = 4096, .time_gran = 1 };
	struct fuse_entry_out entry = { .nodeid = 2, .entry_valid = 60, .attr_valid = 60, .attr = attr };
	const struct fuse_attr_out attributes = { .attr_valid = 60, .attr = attr };
	const struct fuse_open_out opened = { .fh = 1 };

	entry.attr.ino = 2;
	entry.attr.mode = S_IFREG | 0666;
	switch (in->opcode) {
	case FUSE_INIT:
		fuse_reply(device, in->unique, 0, &init, sizeof(init));
		return;
	case FUSE_LOOKUP:
		fuse_reply(device, in->unique, 0, &entry, sizeof(entry));
		return;
	case FUSE_GETATTR:
		fuse_reply(device, in->unique, 0, &attributes, sizeof(attributes));
		return;
	case FUSE_OPEN:
		fuse_reply(device, in->unique, 0, &opened, sizeof(opened));
		return;
	case FUSE_FLUSH:
		if (fuse_flush_ms < 0)
			return;
		usleep((useconds_t)fuse_flush_ms * 1000);
		fuse_reply(device, in->unique, 0, "", 0);
		return;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		return;
	default:
		fuse_reply(device, in->unique, in->opcode == FUSE_RELEASE ? 0 : ENOSYS, "", 0);
	}
}

static inline _Noreturn void fuse_serve(int device)
{
	static char request[FUSE_MIN_READ_BUFFER + 65536];

	while (read(device, request, sizeof(request)) > 0)
		fuse_answer(device, (const struct fuse_in_header *)request);
	_exit(0);
}

/* The user of a mount must be mapped in its user namespace. */
static inline int fuse_become_root(uid_t uid)
{
	char map[32];
	int fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC), err = fd < 0 || write(fd, "deny", 4) != 4;

	close(fd);
	snprintf(map, sizeof(map), "0 %u 1", uid);
	for (int i = 0; i < 2 && !err; i++) {
		fd = open(i ? "/proc/self/gid_map" : "/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
		err = fd < 0 || write(fd, map, strlen(map)) < 0;
		close(fd);
	}
	return err;
}

/* Opens the file in a process of its own, and sends it over `to`. */
static inline _Noreturn void fuse_mount_and_send(int to, const char *place)
{
	char options[96], path[96];
	const uid_t uid = getuid();
	int device, file;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) || fuse_become_root(uid))
		_exit(1);
	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	if (device < 0 || mount("fuse", place, "fuse", MS_NOSUID | MS_NODEV, options))
		_exit(1);
	if (fork() == 0) {
		snprintf(path, sizeof(path), "%s/file", place);
		file = open(path, O_RDWR | O_CLOEXEC);
		if (file < 0 || wire_send(to, "", 1, file) < 0)
			_exit(1);
		/* ends when the server has ended */
		_exit(0);
	}
	fuse_serve(device);
}

/* Returns an fd of the file; -1: FUSE cannot be mounted here. fuse_end() is due before the fd is closed. */
static inline int fuse_file(void)
{
	const struct timeval limit = { .tv_sec = 10 };
	char place[] = "/tmp/rdmasec-fuse-XXXXXX", octet;
	int pair[2], fd = -1;

	cr_assert(mkdtemp(place));
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	cr_assert_eq(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	fuse_server = fork();
	if (fuse_server == 0) {
		/* a test that fails or hangs leaves nothing that hangs */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(FUSE_SECONDS);
		/* nor do the test's pipes stay open */
		spawn_close_all_but(&pair[1], 1);
		fuse_mount_and_send(pair[1], place);
	}
	close(pair[1]);
	if (wire_receive(pair[0], &octet, 1, &fd) != 1)
		fd = -1;
	close(pair[0]);
	rmdir(place); /* fails while it is mounted, in the namespace of the server only */
	return fd;
}

static inline void fuse_end(void)
{
	kill(fuse_server, SIGKILL);
	waitpid(fuse_server, NULL, 0);
}

#endif
