// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Connects one RC QP, to RTS, with an address that need not answer, in a process that has changed itself before:
 *
 *	verbs_plain DEVICE GID_INDEX REMOTE_IP [WAY...]
 *
 *	clearenv    clears its environment
 *	close       closes all descriptors above stderr
 *	fill        after the device is open: opens files until there is no descriptor left
 *	daemon      forks and ends; the child leaves the session and waits until another process has adopted it
 *	pause=FILE  waits until the file exists
 *	linger=FILE says "lingers" when it has connected, and waits until the file exists
 *	out=FILE    writes its result there too, and renames the file when it is complete
 *
 * With "out", it closes its device before it ends. The last step sets PATH_MIG_STATE = MIGRATED, as programs do that
 * have no alternate path. Prints "connected", or the step that failed and its errno, on stderr; ends with 0 or 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rc.h"

enum { PORT = 1 };

static const struct timespec moment = { .tv_nsec = 10 * 1000 * 1000 };

static void become_daemon(void)
{
	pid_t parent = getpid(), child = fork();

	if (child)
		_exit(child < 0);
	setsid();
	while (getppid() == parent)
		nanosleep(&moment, NULL);
}

static void fill_descriptors(void)
{
	while (open("/dev/null", O_RDONLY) >= 0)
		;
}

static const char *value(const char *way, const char *key)
{
	size_t len = strlen(key);

	return strncmp(way, key, len) || way[len] != '=' ? NULL : way + len + 1;
}

static void await_file(const char *name)
{
	while (access(name, F_OK))
		nanosleep(&moment, NULL);
}

static void linger(const char *file)
{
	puts("lingers");
	fflush(stdout);
	await_file(file);
}

/* Before the device is opened. */
static void change(const char *way)
{
	if (!strcmp(way, "clearenv"))
		clearenv();
	else if (!strcmp(way, "close"))
		syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
	else if (!strcmp(way, "daemon"))
		become_daemon();
	else if (value(way, "pause"))
		await_file(value(way, "pause"));
}

static int to_init(struct ibv_qp *qp)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_INIT, .port_num = PORT };

	return ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
}

static int to_rtr(struct ibv_qp *qp, const struct rc_device *device, const union ibv_gid *remote)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTR,
				    .path_mtu = IBV_MTU_1024,
				    .dest_qp_num = 17, /* any: nothing is sent there */
				    .max_dest_rd_atomic = 1,
				    .min_rnr_timer = 12,
				    .ah_attr = { .is_global = 1, .port_num = PORT } };

	attr.ah_attr.grh.sgid_index = (uint8_t)device->gid_index;
	attr.ah_attr.grh.hop_limit = 64;
	attr.ah_attr.grh.dgid = *remote;
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

static int to_migrated(struct ibv_qp *qp)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTS, .path_mig_state = IBV_MIG_MIGRATED };

	return ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PATH_MIG_STATE);
}

/* The name of the step that failed, with its errno in *err; "connected". */
static const char *connect_one(const struct rc_device *device, const union ibv_gid *remote, int *err)
{
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1 }
	};
	struct ibv_pd *pd = ibv_alloc_pd(device->context);
	struct ibv_cq *cq = pd ? ibv_create_cq(device->context, 1, NULL, NULL, 0) : NULL;
	struct ibv_qp *qp;

	init.send_cq = init.recv_cq = cq;
	errno = 0;
	qp = cq ? ibv_create_qp(pd, &init) : NULL;
	*err = qp ? 0 : errno;
	if (!qp)
		return "create";
	if ((*err = to_init(qp)))
		return "init";
	if ((*err = to_rtr(qp, device, remote)))
		return "rtr";
	if ((*err = to_rts(qp)))
		return "rts";
	*err = to_migrated(qp);
	return *err ? "migrated" : "connected";
}

static void tell(const char *out, const char *step, int err)
{
	char partial[256];
	FILE *to = NULL;

	if (out && snprintf(partial, sizeof(partial), "%s.part", out) < (int)sizeof(partial))
		to = fopen(partial, "w");
	if (to) {
		fprintf(to, "%s %d\n", step, err);
		fclose(to);
		rename(partial, out);
	}
	fprintf(stderr, "%s %d\n", step, err);
}

int main(int argc, char **argv)
{
	struct options options = { .gid_index = argc > 3 ? atoi(argv[2]) : 0, .timeout = 14 };
	union ibv_gid remote = { .raw = { [10] = 0xff, [11] = 0xff } };
	const char *out = NULL, *step = "open";
	struct rc_device device;
	int err;

	if (argc < 4 || inet_pton(AF_INET, argv[3], &remote.raw[12]) != 1)
		return 2;
	options.device = argv[1];
	for (int i = 4; i < argc; i++) {
		out = value(argv[i], "out") ? value(argv[i], "out") : out;
		change(argv[i]);
	}
	err = -rc_open(&device, &verbs_linked, &options);
	for (int i = 4; !err && i < argc; i++)
		if (!strcmp(argv[i], "fill"))
			fill_descriptors();
	if (!err)
		step = connect_one(&device, &remote, &err);
	for (int i = 4; !err && i < argc; i++)
		if (value(argv[i], "linger"))
			linger(value(argv[i], "linger"));
	if (out)
		syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0); /* room for the file */
	tell(out, step, err);
	return err != 0;
}
