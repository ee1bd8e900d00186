// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Unusual ways to make a queue pair, to give it an address or to steer its packets, by ioctls of its own:
 *
 *     odd_ways DEVICE GID-INDEX REMOTE-GID
 *
 * It prints one line for each: its name, and 0 or its errno; after those that can change a queue pair, the state of
 * that
 * ("state NAME N", by ibv_query_qp()). The other process is this program again, which shares only a socket with its
 * parent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT = 1, ATTRS_MAX = 12, MLX5_DEVX_OBJ = 0x1001, MLX5_DEVX_OBJ_CREATE = 0x1000, NEXT_WRITE_COMMAND = 60 };

/* A queue pair, as another process needs it. */
struct target {
	uint32_t pd, cq, qp;
	int gid_index;
	uint8_t remote[16];
};

struct call {
	union {
		struct ib_uverbs_ioctl_hdr header;
		uint8_t room[sizeof(struct ib_uverbs_ioctl_hdr) + ATTRS_MAX * sizeof(struct ib_uverbs_attr)];
	};
};

static void begin(struct call *call, uint32_t driver, uint16_t object, uint16_t method)
{
	memset(call, 0, sizeof(*call));
	call->header.driver_id = driver;
	call->header.object_id = object;
	call->header.method_id = method;
}

static struct ib_uverbs_attr *attr(struct call *call, uint16_t id, uint16_t len, uint64_t data)
{
	struct ib_uverbs_attr *it = &call->header.attrs[call->header.num_attrs++];

	it->attr_id = id;
	it->len = len;
	it->data = data;
	return it;
}

static void pointer(struct call *call, uint16_t id, void *data, uint16_t len)
{
	uint64_t inline_data = 0;

	if (len <= sizeof(inline_data) && id != UVERBS_ATTR_CORE_OUT)
		memcpy(&inline_data, data, len);
	else
		inline_data = (uintptr_t)data;
	attr(call, id, len, inline_data);
}

static int done(struct call *call, int fd)
{
	size_t size = sizeof(call->header) + call->header.num_attrs * sizeof(struct ib_uverbs_attr);

	call->header.length = (uint16_t)size;
	return ioctl(fd, RDMA_VERBS_IOCTL, &call->header) ? errno : 0;
}

static void say(const char *way, int err)
{
	printf("%s %d\n", way, err);
	fflush(stdout);
}

/* ---- native QP_CREATE ---- */

/* Adds one attribute, unless its length is 0. */
static int create_qp(int fd, const struct target *of, uint64_t type, uint16_t more, uint16_t more_len)
{
	struct ib_uverbs_qp_cap cap = { .max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1 };
	uint8_t uhw_out[256] = { 0 };
	struct call call;
	uint32_t qpn;

	begin(&call, RDMA_DRIVER_RXE, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE);
	attr(&call, UVERBS_ATTR_CREATE_QP_HANDLE, 0, 0);
	attr(&call, UVERBS_ATTR_CREATE_QP_PD_HANDLE, 0, of->pd);
	attr(&call, UVERBS_ATTR_CREATE_QP_SEND_CQ_HANDLE, 0, of->cq);
	attr(&call, UVERBS_ATTR_CREATE_QP_RECV_CQ_HANDLE, 0, of->cq);
	attr(&call, UVERBS_ATTR_CREATE_QP_USER_HANDLE, 8, 0);
	pointer(&call, UVERBS_ATTR_CREATE_QP_CAP, &cap, sizeof(cap));
	attr(&call, UVERBS_ATTR_CREATE_QP_TYPE, 8, type);
	/* outputs are never inline */
	attr(&call, UVERBS_ATTR_CREATE_QP_RESP_CAP, sizeof(cap), (uintptr_t)&cap);
	attr(&call, UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, sizeof(qpn), (uintptr_t)&qpn);
	attr(&call, UVERBS_ATTR_UHW_OUT, sizeof(uhw_out), (uintptr_t)uhw_out);
	if (more_len)
		attr(&call, more, more_len, 1);
	return done(&call, fd);
}

/* ---- INVOKE_WRITE ---- */

static int invoke_write(int fd, uint64_t command, void *in, uint16_t in_len, void *out, uint16_t out_len)
{
	struct call call;

	begin(&call, RDMA_DRIVER_RXE, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INVOKE_WRITE);
	attr(&call, UVERBS_ATTR_WRITE_CMD, 8, command);
	pointer(&call, UVERBS_ATTR_CORE_IN, in, in_len);
	if (out_len)
		pointer(&call, UVERBS_ATTR_CORE_OUT, out, out_len);
	return done(&call, fd);
}

static int create_flow(int fd, const struct target *of)
{
	struct ib_uverbs_create_flow_resp answer;
	struct ib_uverbs_create_flow in = { .qp_handle = of->qp, .flow_attr = { .port = PORT } };

	return invoke_write(fd, IB_USER_VERBS_EX_CMD_CREATE_FLOW | IB_USER_VERBS_CMD_FLAG_EXTENDED, &in, sizeof(in),
			    &answer, sizeof(answer));
}

static int open_qp(int fd)
{
	struct ib_uverbs_open_qp in = { .pd_handle = 0, .qpn = 17, .qp_type = IB_UVERBS_QPT_XRC_TGT };
	struct ib_uverbs_create_qp_resp answer;

	return invoke_write(fd, IB_USER_VERBS_CMD_OPEN_QP, &in, sizeof(in), &answer, sizeof(answer));
}

static int attach_mcast(int fd, const struct target *of)
{
	struct ib_uverbs_attach_mcast in = { .gid = { 0xff, 0x0e, [15] = 1 }, .qp_handle = of->qp };

	return invoke_write(fd, IB_USER_VERBS_CMD_ATTACH_MCAST, &in, sizeof(in), NULL, 0);
}

static int next_write_command(int fd)
{
	uint8_t in[64] = { 0 };

	return invoke_write(fd, NEXT_WRITE_COMMAND, in, sizeof(in), NULL, 0);
}

/* INIT to RTR, as in libibverbs (ibv_cmd_modify_qp()). */
static int modify_qp(int fd, const struct target *of)
{
	struct ib_uverbs_modify_qp in = {
		.qp_handle = of->qp,
		.attr_mask = IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
			     IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER,
		.qp_state = IBV_QPS_RTR,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = 17,
		.max_dest_rd_atomic = 1,
		.min_rnr_timer = 12,
		.dest = { .sgid_index = (uint8_t)of->gid_index, .is_global = 1, .port_num = PORT, .hop_limit = 64 },
	};

	memcpy(in.dest.dgid, of->remote, sizeof(in.dest.dgid));
	return invoke_write(fd, IB_USER_VERBS_CMD_MODIFY_QP, &in, sizeof(in), NULL, 0);
}

/* ---- of other drivers ---- */

/* CREATE_QP (0x500) of mlx5: rxe has no DEVX, and a guard refuses it for any device. */
static int devx(int fd)
{
	uint8_t in[272] = { 5, 0 }, out[16];
	struct call call;

	begin(&call, RDMA_DRIVER_MLX5, MLX5_DEVX_OBJ, MLX5_DEVX_OBJ_CREATE);
	attr(&call, 0x1000, 0, 0);
	pointer(&call, 0x1001, in, sizeof(in));
	attr(&call, 0x1002, sizeof(out), (uintptr_t)out);
	return done(&call, fd);
}

/* ---- two processes ---- */

static int send_fd(int s, const struct target *target, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { (void *)target, sizeof(*target) };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
	return sendmsg(s, &message, 0) == sizeof(*target) ? 0 : errno;
}

static int receive_fd(int s, struct target *target)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { target, sizeof(*target) };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *rights;
	int fd = -1;

	if (recvmsg(s, &message, MSG_CMSG_CLOEXEC) != sizeof(*target))
		return -1;
	rights = CMSG_FIRSTHDR(&message);
	if (rights && rights->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
	return fd;
}

static struct ibv_context *open_named(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *context = NULL;

	for (size_t i = 0; list && list[i] && !context; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			context = ibv_open_device(list[i]);
	if (list)
		ibv_free_device_list(list);
	return context;
}

/* The other process: on a device that it has opened, and on the one that it receives. */
static int other_process(const char *device, int s)
{
	struct ibv_context *own = open_named(device), *imported;
	struct target target;
	int fd = receive_fd(s, &target);

	if (!own || fd < 0) {
		fprintf(stderr, "odd_ways: no device was received\n");
		return 1;
	}
	say("foreign_handle", modify_qp(own->cmd_fd, &target));
	say("passed_create_rc", create_qp(fd, &target, IB_UVERBS_QPT_RC, 0, 0));
	say("passed_create_ud", create_qp(fd, &target, IB_UVERBS_QPT_UD, 0, 0));
	say("passed_modify", modify_qp(fd, &target));
	errno = 0;
	imported = ibv_import_device(dup(fd));
	say("import_device", imported ? 0 : errno);
	return 0;
}

/* The child gets a socket, and no other descriptor. */
static int ask_other_process(char **argv, struct target *target, int cmd_fd)
{
	int pair[2], status;
	char number[12];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return errno;
	pid = fork();
	if (!pid) {
		snprintf(number, sizeof(number), "%d", pair[1]);
		fcntl(pair[1], F_SETFD, 0);
		execl("/proc/self/exe", argv[0], "-", argv[1], number, NULL);
		_exit(127);
	}
	if (pid < 0 || send_fd(pair[0], target, cmd_fd) || waitpid(pid, &status, 0) != pid)
		return errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : ECHILD;
}

/* ---- all ---- */

static struct ibv_qp *make_qp(struct ibv_pd *pd, struct ibv_cq *cq, enum ibv_qp_type type)
{
	struct ibv_qp_init_attr init = {
		.qp_type = type,
		.send_cq = cq,
		.recv_cq = cq,
		.cap = { .max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1 },
	};

	return ibv_create_qp(pd, &init);
}

static int to_init(struct ibv_qp *qp)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_INIT, .port_num = PORT };

	return ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
}

static void say_state(const char *after, struct ibv_qp *qp)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	int err = ibv_query_qp(qp, &attr, IBV_QP_STATE, &init);

	printf("state %s %d\n", after, err ? -err : (int)attr.qp_state);
	fflush(stdout);
}

static void alone(int fd, const struct target *target, struct ibv_pd *pd, struct ibv_cq *cq)
{
	struct ibv_xrcd_init_attr xrcd = { .comp_mask = IBV_XRCD_INIT_ATTR_FD | IBV_XRCD_INIT_ATTR_OFLAGS,
					   .fd = -1,
					   .oflags = O_CREAT };

	say("source_qpn", create_qp(fd, target, IB_UVERBS_QPT_UD, UVERBS_ATTR_CREATE_QP_SOURCE_QPN, 4));
	say("unknown_attribute", create_qp(fd, target, IB_UVERBS_QPT_RC, 0xfff, 8));
	say("raw_packet", make_qp(pd, cq, IBV_QPT_RAW_PACKET) ? 0 : errno);
	say("create_flow", create_flow(fd, target));
	say("open_qp", open_qp(fd));
	say("attach_mcast", attach_mcast(fd, target));
	say("next_write_command", next_write_command(fd));
	say("devx", devx(fd));
	say("open_xrcd", ibv_open_xrcd(pd->context, &xrcd) ? 0 : errno);
}

int main(int argc, char **argv)
{
	struct target target = { 0 };
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_qp *qp;
	int err;

	if (argc == 4 && !strcmp(argv[1], "-"))
		return other_process(argv[2], atoi(argv[3]));
	if (argc != 4 || inet_pton(AF_INET6, argv[3], target.remote) != 1) {
		fprintf(stderr, "usage: odd_ways DEVICE GID-INDEX REMOTE-GID\n");
		return 2;
	}
	context = open_named(argv[1]);
	pd = context ? ibv_alloc_pd(context) : NULL;
	cq = pd ? ibv_create_cq(context, 8, NULL, NULL, 0) : NULL;
	if (!cq) {
		perror("odd_ways: no device");
		return 1;
	}
	target.pd = pd->handle;
	target.cq = cq->handle;
	target.gid_index = atoi(argv[2]);
	/* in clear a guard refuses it; then there is no queue pair to change */
	qp = make_qp(pd, cq, IBV_QPT_RC);
	say("create_rc", qp ? to_init(qp) : errno);
	target.qp = qp ? qp->handle : 0;
	alone(context->cmd_fd, &target, pd, cq);
	err = ask_other_process(argv, &target, context->cmd_fd);
	if (qp)
		say_state("passed_modify", qp);
	if (err)
		fprintf(stderr, "odd_ways: the other process: %s\n", strerror(err));
	return err ? 1 : 0;
}
