/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A connected queue pair, made through a table of verbs: the same code for programs that get them in other ways. */
#ifndef RDMASEC_TESTS_APPS_RC_H
#define RDMASEC_TESTS_APPS_RC_H

#include <infiniband/verbs.h>
#include <stdint.h>

#include "app.h"

/* The exported symbols, also where verbs.h has an inline function or a macro of the same name. */
struct verbs_calls {
	struct ibv_device **(*get_device_list)(int *count);
	void (*free_device_list)(struct ibv_device **list);
	const char *(*get_device_name)(struct ibv_device *device);
	struct ibv_context *(*open_device)(struct ibv_device *device);
	int (*close_device)(struct ibv_context *context);
	int (*query_gid)(struct ibv_context *context, uint8_t port, int index, union ibv_gid *gid);
	struct ibv_pd *(*alloc_pd)(struct ibv_context *context);
	int (*dealloc_pd)(struct ibv_pd *pd);
	struct ibv_mr *(*reg_mr)(struct ibv_pd *pd, void *address, size_t length, int access);
	int (*dereg_mr)(struct ibv_mr *mr);
	struct ibv_cq *(*create_cq)(struct ibv_context *context, int size, void *cq_context,
				    struct ibv_comp_channel *channel, int vector);
	int (*destroy_cq)(struct ibv_cq *cq);
	struct ibv_qp *(*create_qp)(struct ibv_pd *pd, struct ibv_qp_init_attr *attr);
	int (*modify_qp)(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask);
	int (*destroy_qp)(struct ibv_qp *qp);
};

extern const struct verbs_calls verbs_linked; /* verbs_linked.c, for programs that link libibverbs */

/* An open device. */
struct rc_device {
	const struct verbs_calls *verbs;
	struct ibv_context *context;
	union ibv_gid gid;
	int gid_index;
	uint8_t timeout; /* of its QPs: IB specification 11.6.2, 4.096 us * 2^timeout until a packet is sent again */
};

enum { RC_SENDS = 4, RC_RECEIVES = 8, RC_MESSAGE = 64 };

/* One QP with its objects. `stage`: the current step, as the text of a failure. */
struct rc_qp {
	const struct rc_device *device;
	const char *stage;
	struct ibv_pd *pd;
	struct ibv_mr *mr;
	struct ibv_cq *send_cq, *recv_cq; /* two: their completions have no order */
	struct ibv_qp *qp;
	uint32_t psn;
	char memory[RC_RECEIVES + 1][RC_MESSAGE]; /* the last one is sent */
};

/* All return 0 or -errno. */
int rc_open(struct rc_device *device, const struct verbs_calls *verbs, const struct options *options);
void rc_close(struct rc_device *device);

/*
 * Makes a QP, sends a message to the peer on the other end of the TCP connection, and receives its answer. Blocks until
 * then. The peer always learns whether it succeeded. The caller must call rc_destroy(), also after an error.
 */
int rc_serve(struct rc_qp *qp, const struct rc_device *device, int tcp);
int rc_call(struct rc_qp *qp, const struct rc_device *device, int tcp);

/* Sends one more message. The NIC of the peer acknowledges it. RC_RECEIVES times at most. */
int rc_send_again(struct rc_qp *qp);

/* For programs that poll qp->send_cq and qp->recv_cq themselves. `slot`: the wr_id of the last receive. */
int rc_post_send(struct rc_qp *qp);
int rc_post_receive(struct rc_qp *qp, uint64_t slot);

void rc_destroy(struct rc_qp *qp);

#endif
