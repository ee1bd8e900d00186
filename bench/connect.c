// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Measures the cost of a guarded queue pair. Connects RC QPs to a remote address, one after the other, and prints the
 * median and the maximum of each verb in microseconds. Needs no peer, because it sends nothing.
 *
 *	bench_connect DEVICE GID_INDEX REMOTE_IP ROUNDS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <infiniband/verbs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device.h"

enum { CREATE, INIT, RTR, DESTROY, STEPS, ROUNDS_MAX = 10000 };
static const char *const names[STEPS] = { "create", "init", "rtr", "destroy" };
static double took[STEPS][ROUNDS_MAX];

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static int to_init(struct ibv_qp *qp)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_INIT, .port_num = 1 };

	return ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
}

static int to_rtr(struct ibv_qp *qp, const union ibv_gid *remote, int gid_index)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = 17,
		.max_dest_rd_atomic = 1,
		.min_rnr_timer = 12,
		.ah_attr = { .is_global = 1,
			     .port_num = 1,
			     .grh = { .dgid = *remote, .sgid_index = gid_index, .hop_limit = 64 } },
	};

	return ibv_modify_qp(qp, &attr,
			     IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
				     IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
}

/* Sets `step` to the failed step, for the error text. */
static int one_round(struct ibv_pd *pd, struct ibv_cq *cq, const union ibv_gid *remote, int gid_index, int round,
		     int *step)
{
	struct ibv_qp_init_attr init = {
		.send_cq = cq, .recv_cq = cq, .qp_type = IBV_QPT_RC, .cap = { 1, 1, 1, 1, 0 }
	};
	double at[STEPS + 1];
	struct ibv_qp *qp;
	int err;

	at[ *step = CREATE] = now_us();
	qp = ibv_create_qp(pd, &init);
	if (!qp)
		return errno;
	at[ *step = INIT] = now_us();
	err = to_init(qp);
	if (!err) {
		at[ *step = RTR] = now_us();
		err = to_rtr(qp, remote, gid_index);
	}
	at[DESTROY] = now_us();
	ibv_destroy_qp(qp);
	at[STEPS] = now_us();
	for (int i = 0; !err && i < STEPS; i++)
		took[i][round] = at[i + 1] - at[i];
	return err;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(int rounds)
{
	for (int i = 0; i < STEPS; i++) {
		qsort(took[i], rounds, sizeof(took[i][0]), by_size);
		printf("%s %.1f %.1f\n", names[i], took[i][rounds / 2], took[i][rounds - 1]);
	}
}

static int parse_gid(const char *text, union ibv_gid *gid)
{
	memset(gid, 0, sizeof(*gid));
	if (inet_pton(AF_INET6, text, gid->raw) == 1)
		return 0;
	gid->raw[10] = gid->raw[11] = 0xff;
	return inet_pton(AF_INET, text, gid->raw + 12) == 1 ? 0 : -1;
}

int main(int argc, char **argv)
{
	int rounds = argc == 5 ? atoi(argv[4]) : 0, step = 0, err = 0;
	struct ibv_context *context;
	union ibv_gid remote;
	struct ibv_pd *pd;
	struct ibv_cq *cq;

	if (rounds < 1 || rounds > ROUNDS_MAX || parse_gid(argv[3], &remote)) {
		fprintf(stderr, "usage: bench_connect DEVICE GID_INDEX REMOTE_IP ROUNDS\n");
		return 2;
	}
	context = device_open(argv[1]);
	pd = context ? ibv_alloc_pd(context) : NULL;
	cq = pd ? ibv_create_cq(context, 16, NULL, NULL, 0) : NULL;
	if (!cq) {
		perror(argv[1]);
		return 1;
	}
	for (int i = 0; !err && i < rounds; i++)
		err = one_round(pd, cq, &remote, atoi(argv[2]), i, &step);
	if (err)
		fprintf(stderr, "%s: %s\n", names[step], strerror(err));
	else
		print(rounds);
	ibv_destroy_cq(cq);
	ibv_dealloc_pd(pd);
	ibv_close_device(context);
	return err != 0;
}
