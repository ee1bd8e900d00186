/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A librdmacm that sends nothing: it writes down how it is called, and calls itself where the real one does. */
#ifndef RDMASEC_TESTS_FAKE_RDMACM_H
#define RDMASEC_TESTS_FAKE_RDMACM_H

#include <rdma/rdma_cma.h>

struct fake_rdmacm {
	char calls[512];                          /* "rdma_connect rdma_accept ", in their order */
	const void *arguments[3];                 /* of the last call */
	int result, err;                          /* what calls return from now on */
	struct rdma_cm_event *event;              /* what rdma_get_cm_event() finds */
	int (*make_qp)(struct rdma_cm_id *id);    /* rdma_create_qp_ex(): as libibverbs, through the door */
	int (*modify_qp)(struct rdma_cm_id *id);  /* the same, before it returns */
	struct ibv_qp_init_attr *listener_has_qp; /* rdma_get_request() makes the new id's QP */
};

/* The library's symbol `fake_rdmacm_state`. */
typedef struct fake_rdmacm *fake_rdmacm_state_fn(void);

#endif
