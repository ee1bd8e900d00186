// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "rc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PORT = 1, COMPLETION_S = 300 };

static const char question[RC_MESSAGE] = "a message that must not be readable on the wire";
static const char reply[RC_MESSAGE] = "and its answer";

/* Many verbs return NULL and set errno; some do not set it. */
static int last_error(void)
{
	return errno ? -errno : -EIO;
}

static struct ibv_context *open_named(const struct verbs_calls *verbs, const char *name)
{
	struct ibv_device **list = verbs->get_device_list(NULL);
	struct ibv_context *context = NULL;

	errno = ENODEV;
	for (size_t i = 0; list && list[i]; i++)
		if (!strcmp(verbs->get_device_name(list[i]), name))
			context = verbs->open_device(list[i]);
	if (list)
		verbs->free_device_list(list);
	return context;
}

int rc_open(struct rc_device *device, const struct verbs_calls *verbs, const struct options *options)
{
	struct rc_device d = { .verbs = verbs, .gid_index = options->gid_index, .timeout = options->timeout };

	d.context = open_named(verbs, options->device);
	if (!d.context)
		return last_error();
	if (verbs->query_gid(d.context, PORT, d.gid_index, &d.gid)) {
		verbs->close_device(d.context);
		return -EADDRNOTAVAIL;
	}
	*device = d;
	return 0;
}

void rc_close(struct rc_device *device)
{
	device->verbs->close_device(device->context);
}

static int create(struct rc_qp *qp)
{
	const struct verbs_calls *verbs = qp->device->verbs;
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = RC_SENDS, .max_recv_wr = RC_RECEIVES, .max_send_sge = 1, .max_recv_sge = 1 }
	};

	qp->stage = "its memory cannot be registered";
	qp->pd = verbs->alloc_pd(qp->device->context);
	if (!qp->pd)
		return last_error();
	qp->mr = verbs->reg_mr(qp->pd, qp->memory, sizeof(qp->memory), IBV_ACCESS_LOCAL_WRITE);
	if (!qp->mr)
		return last_error();
	qp->send_cq = verbs->create_cq(qp->device->context, RC_SENDS, NULL, NULL, 0);
	qp->recv_cq = verbs->create_cq(qp->device->context, RC_RECEIVES, NULL, NULL, 0);
	if (!qp->send_cq || !qp->recv_cq)
		return last_error();
	qp->stage = "cannot be created";
	init.send_cq = qp->send_cq;
	init.recv_cq = qp->recv_cq;
	qp->qp = verbs->create_qp(qp->pd, &init);
	return qp->qp ? 0 : last_error();
}

int rc_post_receive(struct rc_qp *qp, uint64_t slot)
{
	struct ibv_sge sge = { (uintptr_t)qp->memory[slot], RC_MESSAGE, qp->mr->lkey };
	struct ibv_recv_wr *bad, wr = { .wr_id = slot, .sg_list = &sge, .num_sge = 1 };

	return -ibv_post_recv(qp->qp, &wr, &bad);
}

static int post_receives(struct rc_qp *qp)
{
	int err = 0;

	for (uint64_t i = 0; !err && i < RC_RECEIVES; i++)
		err = rc_post_receive(qp, i);
	return err;
}

static int prepare(struct rc_qp *qp)
{
	struct ibv_qp_attr init = { .qp_state = IBV_QPS_INIT, .port_num = PORT };
	int err = create(qp);

	if (err)
		return err;
	qp->stage = "cannot be made ready to receive";
	err = qp->device->verbs->modify_qp(qp->qp, &init,
					   IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
	return err ? -err : post_receives(qp);
}

static int connect_to(struct rc_qp *qp, const struct endpoint *peer)
{
	struct ibv_qp_attr rtr = { .qp_state = IBV_QPS_RTR,
				   .path_mtu = IBV_MTU_1024,
				   .dest_qp_num = peer->qpn,
				   .rq_psn = peer->psn,
				   .max_dest_rd_atomic = 1,
				   .min_rnr_timer = 12,
				   .ah_attr = {
					   .is_global = 1,
					   .port_num = PORT,
					   .grh = { .sgid_index = (uint8_t)qp->device->gid_index, .hop_limit = 64 } } };
	struct ibv_qp_attr rts = { .qp_state = IBV_QPS_RTS,
				   .sq_psn = qp->psn,
				   .timeout = qp->device->timeout,
				   .retry_cnt = 7,
				   .rnr_retry = 7,
				   .max_rd_atomic = 1 };
	int err;

	qp->stage = "cannot be connected";
	memcpy(rtr.ah_attr.grh.dgid.raw, peer->gid, sizeof(peer->gid));
	err = qp->device->verbs->modify_qp(qp->qp, &rtr,
					   IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
						   IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
	if (err)
		return -err;
	return -qp->device->verbs->modify_qp(qp->qp, &rts,
					     IBV_QP_STATE | IBV_QP_SQ_PSN | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
						     IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC);
}

/* Both ends exchange their addresses, connect, and exchange that they have: an earlier message would be lost. */
static int meet(struct rc_qp *qp, int tcp)
{
	struct endpoint mine = { 0 }, theirs;
	int err = prepare(qp), exchanged;

	mine.failed = err;
	if (!err) {
		mine.qpn = qp->qp->qp_num;
		mine.psn = qp->psn = (uint32_t)random() & 0xffffff;
		memcpy(mine.gid, qp->device->gid.raw, sizeof(mine.gid));
	}
	for (int round = 0; round < 2; round++) {
		exchanged = exchange_send(tcp, &mine);
		if (err)
			return err;
		qp->stage = "its peer is gone";
		if (!exchanged)
			exchanged = exchange_receive(tcp, &theirs);
		if (exchanged)
			return exchanged;
		qp->stage = "its peer has no QP for it";
		if (theirs.failed)
			return -ENOTCONN;
		if (round == 0)
			err = connect_to(qp, &theirs);
		mine.failed = err;
	}
	return 0;
}

static int64_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static int await(struct ibv_cq *cq, struct ibv_wc *wc)
{
	int64_t deadline = seconds() + COMPLETION_S;
	const struct timespec moment = { .tv_nsec = 1000 * 1000 };

	while (seconds() < deadline) {
		int got = ibv_poll_cq(cq, 1, wc);

		if (got < 0)
			return -EIO;
		if (got == 0) {
			nanosleep(&moment, NULL);
			continue;
		}
		return wc->status == IBV_WC_SUCCESS ? 0 : -ECOMM;
	}
	return -ETIMEDOUT;
}

int rc_post_send(struct rc_qp *qp)
{
	struct ibv_sge sge = { (uintptr_t)qp->memory[RC_RECEIVES], RC_MESSAGE, qp->mr->lkey };
	struct ibv_send_wr *bad,
		wr = { .sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED };

	return -ibv_post_send(qp->qp, &wr, &bad);
}

static int post_message(struct rc_qp *qp, const char *message)
{
	memcpy(qp->memory[RC_RECEIVES], message, RC_MESSAGE);
	return rc_post_send(qp);
}

static int receive(struct rc_qp *qp, const char *expected)
{
	struct ibv_wc wc;
	int err = await(qp->recv_cq, &wc);

	if (err)
		return err;
	if (wc.byte_len != RC_MESSAGE || wc.wr_id >= RC_RECEIVES || memcmp(qp->memory[wc.wr_id], expected, RC_MESSAGE))
		return -EBADMSG;
	return rc_post_receive(qp, wc.wr_id);
}

int rc_send_again(struct rc_qp *qp)
{
	struct ibv_wc wc;
	int err;

	qp->stage = "cannot send";
	err = post_message(qp, question);
	return err ? err : await(qp->send_cq, &wc);
}

static void begin(struct rc_qp *qp, const struct rc_device *device)
{
	memset(qp, 0, sizeof(*qp));
	qp->device = device;
}

int rc_call(struct rc_qp *qp, const struct rc_device *device, int tcp)
{
	int err;

	begin(qp, device);
	err = meet(qp, tcp);
	if (!err)
		err = rc_send_again(qp);
	if (err)
		return err;
	qp->stage = "has no answer";
	return receive(qp, reply);
}

int rc_serve(struct rc_qp *qp, const struct rc_device *device, int tcp)
{
	struct ibv_wc wc;
	int err;

	begin(qp, device);
	err = meet(qp, tcp);
	if (err)
		return err;
	qp->stage = "has no message";
	err = receive(qp, question);
	if (err)
		return err;
	qp->stage = "cannot answer";
	err = post_message(qp, reply);
	return err ? err : await(qp->send_cq, &wc);
}

void rc_destroy(struct rc_qp *qp)
{
	const struct verbs_calls *verbs = qp->device->verbs;

	if (qp->qp)
		verbs->destroy_qp(qp->qp);
	if (qp->send_cq)
		verbs->destroy_cq(qp->send_cq);
	if (qp->recv_cq)
		verbs->destroy_cq(qp->recv_cq);
	if (qp->mr)
		verbs->dereg_mr(qp->mr);
	if (qp->pd)
		verbs->dealloc_pd(qp->pd);
}
