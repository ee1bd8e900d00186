// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Many processes with many RC QPs each, all brought to RTS towards an address that need not answer, as nothing is sent.
 * Prints the median and the maximum of each step, "waiting", and keeps all until a SIGTERM. On stderr it prints its
 * progress, a line for each process.
 *
 *	verbs_many [-a] [-r] DEVICE GID_INDEX REMOTE_IP PROCESSES QPS
 *
 * -a: all processes at once; otherwise one after the other, so that the times are those of an idle machine.
 * -r: a QP whose call fails with EPROTO, because the engine gave no answer in time, is made again. It prints a line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "rc.h"

enum { CREATE, RTR, RTS, STEPS, PROCESSES_MAX = 1000, QPS_EACH_MAX = 10000, PORT = 1 };
static const char *const names[STEPS] = { "create", "rtr", "rts" };

struct many {
	struct options options; /* device and GID */
	union ibv_gid remote;
	bool at_once, retry;
	int processes, qps;
	int ended, failed;    /* processes */
	float (*took)[STEPS]; /* microseconds, shared by all processes */
};

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int to_init(struct ibv_qp *qp)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_INIT, .port_num = PORT };

	return ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
}

static int to_rtr(struct ibv_qp *qp, const struct many *many)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTR,
				    .path_mtu = IBV_MTU_1024,
				    .dest_qp_num = 17, /* any: nothing is sent there */
				    .max_dest_rd_atomic = 1,
				    .min_rnr_timer = 12,
				    .ah_attr = { .is_global = 1,
						 .port_num = PORT,
						 .grh = { .dgid = many->remote,
							  .sgid_index = (uint8_t)many->options.gid_index,
							  .hop_limit = 64 } } };

	return ibv_modify_qp(qp, &attr,
			     IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
				     IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
}

static int to_rts(struct ibv_qp *qp)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTS, .timeout = 14, .retry_cnt = 7, .rnr_retry = 7, .max_rd_atomic = 1
	};

	return ibv_modify_qp(qp, &attr,
			     IBV_QP_STATE | IBV_QP_SQ_PSN | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
				     IBV_QP_MAX_QP_RD_ATOMIC);
}

static int make_one(const struct many *many, struct ibv_pd *pd, struct ibv_cq *cq, float took[STEPS])
{
	struct ibv_qp_init_attr init = {
		.send_cq = cq, .recv_cq = cq, .qp_type = IBV_QPT_RC, .cap = { 1, 1, 1, 1, 0 }
	};
	double at[STEPS + 1];
	struct ibv_qp *qp;
	int err;

	at[CREATE] = now_us();
	qp = ibv_create_qp(pd, &init);
	if (!qp)
		return errno ? -errno : -EIO;
	took[CREATE] = (float)(now_us() - at[CREATE]);
	err = to_init(qp);
	at[RTR] = now_us();
	err = err ? err : to_rtr(qp, many);
	at[RTS] = now_us();
	err = err ? err : to_rts(qp);
	took[RTR] = (float)(at[RTS] - at[RTR]);
	took[RTS] = (float)(now_us() - at[RTS]);
	if (err)
		ibv_destroy_qp(qp);
	return -err; /* a QP at RTS stays until its process ends */
}

static int make_until_answered(const struct many *many, struct ibv_pd *pd, struct ibv_cq *cq, float took[STEPS])
{
	int err = make_one(many, pd, cq, took);

	while (err == -EPROTO && many->retry) {
		fprintf(stderr, "no answer in time: the QP is made again\n");
		err = make_one(many, pd, cq, took);
	}
	return err;
}

static int make_all(const struct many *many, float (*took)[STEPS])
{
	struct rc_device device;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	int err = rc_open(&device, &verbs_linked, &many->options);

	if (err)
		return err;
	pd = ibv_alloc_pd(device.context);
	cq = ibv_create_cq(device.context, 16, NULL, NULL, 0);
	if (!pd || !cq)
		return errno ? -errno : -EIO;
	for (int i = 0; !err && i < many->qps; i++)
		err = make_until_answered(many, pd, cq, took[i]);
	return err;
}

/* Writes its result, an int, into the pipe, and keeps its QPs until its parent ends. */
static _Noreturn void run_child(const struct many *many, int number, int pipe_end, pid_t parent)
{
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	err = make_all(many, many->took + (size_t)number * (size_t)many->qps);
	if (write(pipe_end, &err, sizeof(err)) != sizeof(err) || err)
		_exit(1);
	for (;;)
		pause();
}

/* Returns 0, or the first error of these children. */
static int await_children(struct many *many, int pipe_end, int count)
{
	int err, first = 0;

	for (int i = 0; i < count; i++) {
		if (read(pipe_end, &err, sizeof(err)) != sizeof(err))
			return -EPIPE;
		first = first ? first : err;
		many->failed += err != 0;
		many->ended++;
		if (many->processes > 1)
			fprintf(stderr, "%d of %d processes are done\n", many->ended, many->processes);
	}
	return first;
}

/* Returns 0, or the first error of a child. */
static int start_all(struct many *many)
{
	pid_t self = getpid(), child;
	int ends[2], err = 0, one;

	if (pipe(ends))
		return -errno;
	for (int i = 0; i < many->processes; i++) {
		child = fork();
		if (child < 0)
			return -errno;
		if (child == 0)
			run_child(many, i, ends[1], self);
		one = many->at_once ? 0 : await_children(many, ends[0], 1);
		err = err ? err : one;
	}
	return many->at_once ? await_children(many, ends[0], many->processes) : err;
}

static int by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static int print_medians(const struct many *many)
{
	size_t count = (size_t)many->processes * (size_t)many->qps;
	float *column = calloc(count, sizeof(*column));

	if (!column)
		return -ENOMEM;
	for (int i = 0; i < STEPS; i++) {
		for (size_t j = 0; j < count; j++)
			column[j] = many->took[j][i];
		qsort(column, count, sizeof(*column), by_size);
		printf("%s %.1f %.1f\n", names[i], (double)column[count / 2], (double)column[count - 1]);
	}
	free(column);
	return 0;
}

static int parse_gid(const char *text, union ibv_gid *gid)
{
	memset(gid, 0, sizeof(*gid));
	if (inet_pton(AF_INET6, text, gid->raw) == 1)
		return 0;
	gid->raw[10] = gid->raw[11] = 0xff;
	return inet_pton(AF_INET, text, gid->raw + 12) == 1 ? 0 : -EINVAL;
}

static int number(const char *text, int least, int most)
{
	char *end;
	long value = strtol(text, &end, 10);

	return end == text || *end || value < least || value > most ? -1 : (int)value;
}

static int read_arguments(int argc, char **argv, struct many *many)
{
	int option;

	memset(many, 0, sizeof(*many));
	while ((option = getopt(argc, argv, "ar")) != -1) {
		many->at_once |= option == 'a';
		many->retry |= option == 'r';
		if (option == '?')
			return -EINVAL;
	}
	argv += optind - 1;
	if (argc - optind != 5 || parse_gid(argv[3], &many->remote))
		return -EINVAL;
	many->options.device = argv[1];
	many->options.gid_index = number(argv[2], 0, 255);
	many->processes = number(argv[4], 1, PROCESSES_MAX);
	many->qps = number(argv[5], 1, QPS_EACH_MAX);
	return many->options.gid_index < 0 || many->processes < 0 || many->qps < 0 ? -EINVAL : 0;
}

int main(int argc, char **argv)
{
	struct many many;
	int err;
	double began;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (read_arguments(argc, argv, &many)) {
		fprintf(stderr, "usage: verbs_many [-a] [-r] DEVICE GID_INDEX REMOTE_IP PROCESSES QPS\n");
		return 2;
	}
	many.took = mmap(NULL, (size_t)many.processes * (size_t)many.qps * sizeof(*many.took), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (many.took == MAP_FAILED)
		return 1;
	began = now_us();
	err = start_all(&many);
	if (err) {
		complain(err, "%d of %d processes failed", many.failed, many.processes);
		return 1;
	}
	printf("%d QPs in %.1f s\n", many.processes * many.qps, (now_us() - began) / 1e6);
	if (print_medians(&many))
		return 1;
	printf("waiting\n");
	pause(); /* a SIGTERM also ends the children */
	return 0;
}
