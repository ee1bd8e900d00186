// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Measures the cost of sending and receiving in a guarded program. Connects an RC queue pair to itself, and prints for
 * post_recv, post_send and poll_cq the user-space instructions of ROUNDS calls, library and doors included.
 *
 *	bench_post DEVICE GID_INDEX
 */
#include <errno.h>
#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "steps.h"

enum { ROUNDS = 4, MESSAGE = 64, PATIENCE_MS = 60000 };

struct end {
	struct ibv_mr *mr;
	struct ibv_cq *sent, *received;
	struct ibv_qp *qp;
	char memory[MESSAGE];
};

static int create(struct end *end, struct ibv_context *context)
{
	struct ibv_qp_init_attr init = { .qp_type = IBV_QPT_RC, .cap = { ROUNDS, ROUNDS, 1, 1, 0 } };
	struct ibv_pd *pd = ibv_alloc_pd(context);

	if (!pd)
		return errno;
	end->mr = ibv_reg_mr(pd, end->memory, MESSAGE, IBV_ACCESS_LOCAL_WRITE);
	init.send_cq = end->sent = ibv_create_cq(context, ROUNDS, NULL, NULL, 0);
	init.recv_cq = end->received = ibv_create_cq(context, ROUNDS, NULL, NULL, 0);
	if (!end->mr || !end->sent || !end->received)
		return errno;
	end->qp = ibv_create_qp(pd, &init);
	return end->qp ? 0 : errno;
}

static int connect_to_itself(struct end *end, int gid_index)
{
	struct ibv_qp_attr init = { .qp_state = IBV_QPS_INIT, .port_num = 1 };
	struct ibv_qp_attr rtr = { .qp_state = IBV_QPS_RTR,
				   .path_mtu = IBV_MTU_1024,
				   .dest_qp_num = end->qp->qp_num,
				   .max_dest_rd_atomic = 1,
				   .min_rnr_timer = 12,
				   .ah_attr = { .is_global = 1,
						.port_num = 1,
						.grh = { .sgid_index = (uint8_t)gid_index, .hop_limit = 64 } } };
	struct ibv_qp_attr rts = {
		.qp_state = IBV_QPS_RTS, .timeout = 14, .retry_cnt = 7, .rnr_retry = 7, .max_rd_atomic = 1
	};
	int err = ibv_query_gid(end->qp->context, 1, gid_index, &rtr.ah_attr.grh.dgid) ? EADDRNOTAVAIL : 0;

	if (!err)
		err = ibv_modify_qp(end->qp, &init,
				    IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
	if (!err)
		err = ibv_modify_qp(end->qp, &rtr,
				    IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
					    IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
	if (!err)
		err = ibv_modify_qp(end->qp, &rts,
				    IBV_QP_STATE | IBV_QP_SQ_PSN | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
					    IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC);
	return err;
}

static int post_receives(struct end *end)
{
	struct ibv_sge sge = { (uintptr_t)end->memory, MESSAGE, end->mr->lkey };
	struct ibv_recv_wr *bad, wr = { .sg_list = &sge, .num_sge = 1 };
	int err = 0;

	for (int i = 0; !err && i < ROUNDS; i++)
		err = ibv_post_recv(end->qp, &wr, &bad);
	return err;
}

static int post_sends(struct end *end)
{
	struct ibv_sge sge = { (uintptr_t)end->memory, MESSAGE, end->mr->lkey };
	struct ibv_send_wr *bad,
		wr = { .sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED };
	int err = 0;

	for (int i = 0; !err && i < ROUNDS; i++)
		err = ibv_post_send(end->qp, &wr, &bad);
	return err;
}

/* All completions are there already: the number of polls of an empty queue depends on time, not on the door. */
static int poll_sends(struct end *end)
{
	struct ibv_wc wc;

	for (int i = 0; i < ROUNDS; i++)
		if (ibv_poll_cq(end->sent, 1, &wc) != 1 || wc.status != IBV_WC_SUCCESS)
			return EIO;
	return 0;
}

/* A message completes after all its predecessors. */
static int await_receives(struct end *end)
{
	struct ibv_wc wc;

	for (int got = 0, waited = 0; got < ROUNDS; waited++) {
		int n = ibv_poll_cq(end->received, 1, &wc);

		if (n < 0 || (n && wc.status != IBV_WC_SUCCESS) || waited > PATIENCE_MS)
			return EIO;
		got += n;
		usleep(n ? 0 : 1000);
	}
	usleep(200 * 1000); /* the last acknowledgement may still be in flight */
	return 0;
}

static int counted(const char *name, int (*calls)(struct end *), struct end *end)
{
	int err;

	if (!name)
		return calls(end);
	steps_mark();
	err = calls(end);
	steps_mark();
	printf("%s %lu\n", name, steps_between());
	return err;
}

static int round_trips(struct end *end, bool count)
{
	int err = counted(count ? "post_recv" : NULL, post_receives, end);

	if (!err)
		err = counted(count ? "post_send" : NULL, post_sends, end);
	if (!err)
		err = await_receives(end);
	return err ? err : counted(count ? "poll_cq" : NULL, poll_sends, end);
}

int main(int argc, char **argv)
{
	static struct end end;
	struct ibv_context *context;
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: bench_post DEVICE GID_INDEX\n");
		return 2;
	}
	context = device_open(argv[1]);
	if (!context) {
		perror(argv[1]);
		return 1;
	}
	err = create(&end, context);
	if (!err)
		err = connect_to_itself(&end, atoi(argv[2]));
	if (!err)
		err = -steps_begin();
	if (!err)
		err = round_trips(&end, false); /* resolves the symbols */
	if (!err)
		err = round_trips(&end, true);
	if (err)
		fprintf(stderr, "bench_post: %s\n", strerror(err));
	return err != 0;
}
