/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Constants of include/rdma/ib_verbs.h that the ABI uses and the uapi headers do not repeat. */
#ifndef RDMASEC_UVERBS_QP_H
#define RDMASEC_UVERBS_QP_H

/* enum ib_qp_attr_mask */
enum {
	UVERBS_QP_ATTR_STATE = 1 << 0,
	UVERBS_QP_ATTR_PORT = 1 << 5,
	UVERBS_QP_ATTR_QKEY = 1 << 6,
	UVERBS_QP_ATTR_AV = 1 << 7,
	UVERBS_QP_ATTR_ALT_PATH = 1 << 14,
	UVERBS_QP_ATTR_PATH_MIG_STATE = 1 << 18,
	UVERBS_QP_ATTR_DEST_QPN = 1 << 20,
};

/* enum ib_mig_state */
enum { UVERBS_MIG_MIGRATED, UVERBS_MIG_REARM, UVERBS_MIG_ARMED };

/* enum ib_qp_state */
enum uverbs_qp_state {
	UVERBS_QPS_RESET,
	UVERBS_QPS_INIT,
	UVERBS_QPS_RTR,
	UVERBS_QPS_RTS,
	UVERBS_QPS_SQD,
	UVERBS_QPS_SQE,
	UVERBS_QPS_ERR,
};

#endif
