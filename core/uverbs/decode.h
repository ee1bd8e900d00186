/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The decoder of the uverbs ABI: what an ioctl(RDMA_VERBS_IOCTL) asks the kernel to do.
 *
 * Sources: include/uapi/rdma/rdma_user_ioctl_cmds.h, ib_user_verbs.h, ib_user_ioctl_cmds.h;
 * drivers/infiniband/core/uverbs_ioctl.c (limits), uverbs_cmd.c (INVOKE_WRITE).
 *
 * It dereferences no pointer of the application: a function of the caller reads the memory, which may be another
 * process's. Everything is copied once before it is checked.
 */
#ifndef RDMASEC_UVERBS_DECODE_H
#define RDMASEC_UVERBS_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attributes.h"

/* Reads `len` octets at `address` of the application. Returns 0, or -EFAULT unless all of them can be read. */
struct uverbs_memory {
	int (*read)(void *context, uint64_t address, void *buffer, size_t len);
	void *context;
};

enum uverbs_kind {
	UVERBS_MALFORMED = 0, /* looks like one of the below, but a length or an attribute is wrong: always refused */
	UVERBS_NOTHING,       /* cannot make a QP, give it an address or lead to one that can */
	UVERBS_CONTEXT_OPEN,  /* GET_CONTEXT */
	UVERBS_QP_CREATE,
	UVERBS_QP_ADDRESS, /* MODIFY_QP with the AV or the alternate path bit, whatever the state */
	UVERBS_QP_READY,   /* MODIFY_QP to RTR without an address: datagram QPs can send from then on */
	UVERBS_QP_OPEN,    /* OPEN_QP: a second handle of a shared XRC target QP */
	UVERBS_QP_DESTROY,
	UVERBS_AH_CREATE,
	UVERBS_MCAST_ATTACH,
	UVERBS_FLOW_CREATE,    /* CREATE_FLOW, flow objects and matchers of drivers */
	UVERBS_DRIVER_PRIVATE, /* an unknown object, method or DEVX command of a driver */
	UVERBS_KIND_COUNT,
};

enum uverbs_phase {
	UVERBS_REQUEST, /* before the kernel has seen it */
	UVERBS_REPLY,   /* after it succeeded: handles and numbers are read from the answer */
};

struct uverbs_address {
	uint8_t dgid[16];
	uint32_t flow_label; /* host order, 20 bits */
	uint8_t sgid_index;
	uint8_t port;   /* 1.. */
	bool is_global; /* a GRH is there; RoCE needs one */
};

/* Which optional facts a command carried. */
enum {
	UVERBS_HAS_HANDLE = 1 << 0,
	UVERBS_HAS_QPN = 1 << 1,
	UVERBS_HAS_ALT_PATH = 1 << 2,   /* loads an alternate path, or could bring one into use */
	UVERBS_HAS_SOURCE_QPN = 1 << 3, /* create with a chosen source QPN (needs CAP_NET_RAW, or should) */
	UVERBS_HAS_DEVX = 1 << 4,       /* GET_CONTEXT: it asks for mlx5's DEVX; else: it is a command of DEVX */
	UVERBS_HAS_STATE = 1 << 5,      /* attr_mask has STATE */
	UVERBS_HAS_DEST_QPN = 1 << 6,
};

struct uverbs_command {
	enum uverbs_kind kind;
	uint32_t has;       /* UVERBS_HAS_* */
	uint32_t driver_id; /* enum rdma_driver_id, as the application claims; the kernel refuses a wrong one */
	uint16_t object_id, method_id;
	uint32_t write_command; /* INVOKE_WRITE: IB_USER_VERBS_CMD_* with the extended bit; DEVX: enum prm_opcode */
	uint32_t qp_type;       /* QP_CREATE, QP_OPEN: enum ib_uverbs_qp_type */
	uint32_t handle;        /* of the QP or the AH, with UVERBS_HAS_HANDLE */
	uint32_t qpn;           /* with UVERBS_HAS_QPN */
	uint32_t dest_qpn;      /* QP_ADDRESS, with UVERBS_HAS_DEST_QPN */
	uint32_t attr_mask;     /* QP_ADDRESS, QP_READY: enum ib_uverbs_qp_attr_mask bits as passed */
	uint32_t qp_state;      /* QP_ADDRESS, QP_READY, with UVERBS_HAS_STATE */
	struct uverbs_address address; /* QP_ADDRESS, AH_CREATE; MCAST_ATTACH: only dgid */
	const char *why_malformed;     /* MALFORMED: a static text */
};

/*
 * Decodes the ioctl whose struct ib_uverbs_ioctl_hdr is at `address` in `memory`.
 *
 * Returns 0 and fills *out; or -EFAULT, as the kernel would, when the memory cannot be read, and *out is then
 * UVERBS_MALFORMED. A command that the kernel would refuse for its form is NOTHING only if no kernel can take it for
 * another kind; otherwise it is MALFORMED. Thread-safe, allocates nothing, does not block.
 */
RS_MUST_USE int uverbs_decode(const struct uverbs_memory *memory, uint64_t address, enum uverbs_phase phase,
			      struct uverbs_command *out);

/* Whether a door must ask the engine: some kinds are never refused. */
bool uverbs_is_judged(const struct uverbs_command *command);
bool uverbs_qp_is_connected(uint32_t qp_type);     /* it sends to the remote of its address only: RC, UC, XRC */
const char *uverbs_qp_type_name(uint32_t qp_type); /* "RC", "UD"..., or "unknown" */

#endif
