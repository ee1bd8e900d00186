// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Changes the address of another process' queue pairs, as any process can that has the open device:
 *
 *     verbs_move PID GID-INDEX REMOTE-GID
 *
 * It takes the open file from the process (pidfd_getfd(2)); a file that comes over a socket is the same. Queue pairs
 * continue to send, from RTS over SQD to RTS (InfiniBand Architecture 10.3.1), unless they are taken down.
 * Exit status 0: the kernel changed the address of at least one.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rdma/uverbs_call.h"
#include "rdma/uverbs_call_internal.h"

/* Bits of attr_mask: enum ib_qp_attr_mask in include/rdma/ib_verbs.h. */
enum { QP_ATTR_STATE = 1 << 0, QP_ATTR_AV = 1 << 7 };
enum { QPS_MAX = 64, DRAINED_WITHIN_MS = 300000, STEP_MS = 5 };

static int find_uverbs(pid_t pid)
{
	char folder[64], name[512], target[PATH_MAX];
	int number = -1;
	DIR *fds;

	snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)pid);
	fds = opendir(folder);
	for (struct dirent *entry; fds && number < 0 && (entry = readdir(fds));) {
		ssize_t n;

		snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
		n = readlink(name, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		if (strstr(target, "/infiniband/uverbs"))
			number = atoi(entry->d_name);
	}
	if (fds)
		closedir(fds);
	return number;
}

static int take_fd(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), number = find_uverbs(pid);

	return pidfd < 0 || number < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
}

static int modify(int fd, const struct ib_uverbs_modify_qp *command)
{
	struct uverbs_call call;

	uverbs_call_begin(&call, RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INVOKE_WRITE);
	uverbs_call_in(&call, UVERBS_ATTR_CORE_IN, command, sizeof(*command));
	uverbs_call_const(&call, UVERBS_ATTR_WRITE_CMD, IB_USER_VERBS_CMD_MODIFY_QP);
	return uverbs_call_do(&call, fd);
}

static int to_state(int fd, uint32_t handle, uint8_t state)
{
	const struct ib_uverbs_modify_qp command = { .qp_handle = handle,
						     .attr_mask = QP_ATTR_STATE,
						     .qp_state = state };

	return modify(fd, &command);
}

/* The peer must acknowledge all packets first. */
static int to_rts(int fd, uint32_t handle)
{
	const struct timespec pause = { .tv_nsec = STEP_MS * 1000000 };
	int err = to_state(fd, handle, UVERBS_QPS_RTS);

	for (int i = 0; err == -EINVAL && i < DRAINED_WITHIN_MS / STEP_MS; i++) {
		nanosleep(&pause, NULL);
		err = to_state(fd, handle, UVERBS_QPS_RTS);
	}
	return err;
}

/*
 * Requests that the program has posted in SQD wait for a doorbell, and it posts no more until some of them complete.
 * The doorbell of software RoCE is POST_SEND without requests (providers/rxe/rxe.c, post_send_db()).
 */
static void ring(int fd, uint32_t handle)
{
	const struct ib_uverbs_post_send bell = { .qp_handle = handle, .wqe_size = sizeof(struct ib_uverbs_send_wr) };
	struct ib_uverbs_post_send_resp resp;
	struct uverbs_call call;
	int err;

	uverbs_call_begin(&call, RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INVOKE_WRITE);
	uverbs_call_in(&call, UVERBS_ATTR_CORE_IN, &bell, sizeof(bell));
	uverbs_call_out(&call, UVERBS_ATTR_CORE_OUT, &resp, sizeof(resp));
	uverbs_call_const(&call, UVERBS_ATTR_WRITE_CMD, IB_USER_VERBS_CMD_POST_SEND);
	err = uverbs_call_do(&call, fd);
	if (err)
		printf("%u: the doorbell failed: %s\n", handle, strerror(-err));
}

static int move(int fd, uint32_t handle, const struct ib_uverbs_qp_dest *dest)
{
	struct ib_uverbs_modify_qp command = { .qp_handle = handle, .attr_mask = QP_ATTR_AV, .dest = *dest };
	int err = to_state(fd, handle, UVERBS_QPS_SQD);

	if (!err)
		err = modify(fd, &command);
	if (err)
		return err;
	printf("%u is moved; to RTS: %s\n", handle, strerror(-to_rts(fd, handle)));
	ring(fd, handle);
	return 0;
}

int main(int argc, char **argv)
{
	struct ib_uverbs_qp_dest dest = { .is_global = 1, .port_num = 1, .hop_limit = 64 };
	uint32_t handles[QPS_MAX];
	size_t count, moved = 0;
	int fd, err;

	if (argc != 4 || inet_pton(AF_INET6, argv[3], dest.dgid) != 1) {
		fprintf(stderr, "usage: verbs_move PID GID-INDEX REMOTE-GID\n");
		return 2;
	}
	dest.sgid_index = (uint8_t)atoi(argv[2]);
	fd = take_fd(atoi(argv[1]));
	err = fd < 0 ? -errno : uverbs_list_qps(fd, RDMA_DRIVER_RXE, handles, QPS_MAX, &count);
	for (size_t i = 0; !err && i < count; i++) {
		int one = move(fd, handles[i], &dest);

		if (one)
			printf("%u is not moved: %s\n", handles[i], strerror(-one));
		moved += !one;
	}
	if (err)
		fprintf(stderr, "verbs_move: %s\n", strerror(-err));
	return moved ? 0 : 1;
}
