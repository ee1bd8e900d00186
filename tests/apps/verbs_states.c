// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * An application with a queue pair of each type in each state, all addressed to itself. It prints them, and waits with
 * a child that holds the same open device. At each SIGUSR1 it prints the new completions, at SIGTERM it ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "app.h"
#include "rc.h"

enum { PORT = 1, SETS = 3, STATES = 4 };

static const struct {
	enum ibv_qp_type type;
	const char *name;
} types[SETS] = { { IBV_QPT_RC, "RC" }, { IBV_QPT_UC, "UC" }, { IBV_QPT_UD, "UD" } };

static const char *const states[STATES] = { "RESET", "INIT", "RTR", "RTS" };

struct estate {
	struct rc_device device;
	struct ibv_pd *pd;
	struct ibv_mr *mr;
	struct ibv_cq *cq;
	struct ibv_qp *qps[SETS][STATES];
	char memory[64];
};

static int to_init(struct ibv_qp *qp, bool datagram)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_INIT, .port_num = PORT, .qkey = 0x1234 };

	return ibv_modify_qp(qp, &attr,
			     IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
				     (datagram ? IBV_QP_QKEY : IBV_QP_ACCESS_FLAGS));
}

static int to_rtr(struct ibv_qp *qp, const struct rc_device *device)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTR,
				    .path_mtu = IBV_MTU_1024,
				    .dest_qp_num = qp->qp_num,
				    .max_dest_rd_atomic = 1,
				    .min_rnr_timer = 12,
				    .ah_attr = { .is_global = 1,
						 .port_num = PORT,
						 .grh = { .dgid = device->gid,
							  .flow_label = 0x54321,
							  .sgid_index = (uint8_t)device->gid_index,
							  .hop_limit = 64 } } };
	int mask = IBV_QP_STATE;

	if (qp->qp_type != IBV_QPT_UD)
		mask |= IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN;
	if (qp->qp_type == IBV_QPT_RC)
		mask |= IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
	return ibv_modify_qp(qp, &attr, mask);
}

static int to_rts(struct ibv_qp *qp)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTS, .timeout = 14, .retry_cnt = 7, .rnr_retry = 7, .max_rd_atomic = 1
	};
	int mask = IBV_QP_STATE | IBV_QP_SQ_PSN;

	if (qp->qp_type == IBV_QPT_RC)
		mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC;
	return ibv_modify_qp(qp, &attr, mask);
}

/* Posts a receive, which completes when the QP is taken down. */
static int post_receive(struct estate *e, struct ibv_qp *qp)
{
	struct ibv_sge sge = { (uintptr_t)e->memory, sizeof(e->memory), e->mr->lkey };
	struct ibv_recv_wr *bad, wr = { .wr_id = qp->qp_num, .sg_list = &sge, .num_sge = 1 };

	return ibv_post_recv(qp, &wr, &bad);
}

static int make(struct estate *e, size_t type, size_t state)
{
	struct ibv_qp_init_attr init = {
		.qp_type = types[type].type,
		.send_cq = e->cq,
		.recv_cq = e->cq,
		.cap = { .max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1 },
	};
	struct ibv_qp *qp = e->qps[type][state] = ibv_create_qp(e->pd, &init);
	int err = qp ? 0 : errno;

	if (!err && state >= 1)
		err = to_init(qp, init.qp_type == IBV_QPT_UD);
	if (!err && state >= 1)
		err = post_receive(e, qp);
	if (!err && state >= 2)
		err = to_rtr(qp, &e->device);
	if (!err && state >= 3)
		err = to_rts(qp);
	if (err)
		complain(err, "%s cannot be brought to %s", types[type].name, states[state]);
	else
		printf("qp %u %u %s %s\n", qp->handle, qp->qp_num, types[type].name, states[state]);
	return -err;
}

static int make_all(struct estate *e)
{
	int err = 0;

	e->pd = ibv_alloc_pd(e->device.context);
	e->cq = e->pd ? ibv_create_cq(e->device.context, 64, NULL, NULL, 0) : NULL;
	e->mr = e->cq ? ibv_reg_mr(e->pd, e->memory, sizeof(e->memory), IBV_ACCESS_LOCAL_WRITE) : NULL;
	if (!e->mr)
		return -errno;
	for (size_t type = 0; !err && type < SETS; type++)
		for (size_t state = 0; !err && state < STATES; state++)
			err = make(e, type, state);
	return err;
}

static void print_completions(struct estate *e)
{
	struct ibv_wc wc;

	while (ibv_poll_cq(e->cq, 1, &wc) > 0)
		printf("completed on %u: %s\n", wc.qp_num, ibv_wc_status_str(wc.status));
	printf("nothing else completed\n");
	fflush(stdout);
}

/* Forks a child that only holds the inherited descriptors. */
static pid_t fork_holder(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	struct estate e = { 0 };
	struct options options;
	sigset_t awaited;
	int err, sig;

	options_read(argc, argv, &options);
	sigemptyset(&awaited);
	sigaddset(&awaited, SIGUSR1);
	sigaddset(&awaited, SIGTERM);
	sigprocmask(SIG_BLOCK, &awaited, NULL);
	err = rc_open(&e.device, &verbs_linked, &options);
	if (!err)
		err = make_all(&e);
	if (err) {
		complain(err, "no QPs");
		return 1;
	}
	fflush(stdout);
	printf("pid %d child %d waiting\n", (int)getpid(), (int)fork_holder());
	fflush(stdout);
	while (!sigwait(&awaited, &sig) && sig == SIGUSR1)
		print_completions(&e);
	return 0;
}
