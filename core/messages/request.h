/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A question to the engine: what a process is about to do, as far as the verdict depends on it. A door makes it from a
 * decoded uverbs command; librdmacm-ext makes it for messages of the kernel's CM.
 */
#ifndef RDMASEC_MESSAGES_REQUEST_H
#define RDMASEC_MESSAGES_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "util/want.h"
#include "uverbs/decode.h"

enum request_kind {
	REQUEST_NOTHING = 0,
	/* uverbs commands: as the members of enum uverbs_kind with these names */
	REQUEST_CONTEXT_OPEN,
	REQUEST_QP_CREATE,
	REQUEST_QP_ADDRESS,
	REQUEST_QP_READY,
	REQUEST_QP_OPEN,
	REQUEST_QP_DESTROY,
	REQUEST_AH_CREATE,
	REQUEST_MCAST_ATTACH,
	REQUEST_FLOW_CREATE,
	REQUEST_DRIVER_PRIVATE,
	REQUEST_MALFORMED,
	/* librdmacm is about to have the kernel's CM send a MAD, or to use a path that is known by now */
	REQUEST_CM_CONNECT,
	REQUEST_CM_ACCEPT,
	REQUEST_CM_REJECT, /* with data of the application; the kernel sends one without data itself */
	REQUEST_CM_ESTABLISH,
	REQUEST_CM_JOIN,  /* rdma_join_multicast() */
	REQUEST_CM_ROUTE, /* rdma_create_qp() on an id whose route is resolved */
	/* the door could not be installed in this process; its commands would not be checked */
	REQUEST_DOOR_BROKEN,
	REQUEST_KIND_COUNT,
};

struct request {
	enum request_kind kind;
	uint32_t has;                  /* UVERBS_HAS_* */
	uint32_t driver_id;            /* enum rdma_driver_id, as the caller claims; the kernel refuses a wrong one */
	uint16_t object_id, method_id; /* of the uverbs command */
	uint32_t devx_opcode;          /* enum prm_opcode, with UVERBS_HAS_DEVX */
	uint32_t qp_type;              /* enum ib_uverbs_qp_type */
	uint32_t handle;               /* of the QP or the AH, with UVERBS_HAS_HANDLE */
	uint32_t qpn;                  /* with UVERBS_HAS_QPN */
	uint32_t dest_qpn;             /* with UVERBS_HAS_DEST_QPN */
	struct uverbs_address address; /* QP_ADDRESS, AH_CREATE, CM_*; MCAST_ATTACH: only dgid */
	uint8_t sgid[16];              /* CM_*: replaces address.sgid_index, which librdmacm does not know */
	struct want want;              /* the application's own requirement for this QP or id */
};

/* The question that a uverbs command raises. `want` stays empty. */
struct request request_from_command(const struct uverbs_command *command);

bool request_is_cm(enum request_kind kind);            /* CM_* */
const char *request_kind_name(enum request_kind kind); /* "create_qp", "modify_qp"...; "unknown" */

#endif
