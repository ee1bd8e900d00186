/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Options by which an application requires protection, on an rdma_cm_id as with setsockopt(2), and on a queue pair:
 *
 *	uint32_t require = RDMASEC_REQUIRE_IPSEC;
 *
 *	if (rdma_set_option(id, RDMASEC_LEVEL, RDMASEC_REQUIRE, &require, sizeof(require)))
 *		...	ENOSYS: no door that takes options is loaded
 *
 * No library is needed: without rdmasec the calls fail as for any unknown option. An option can only require more than
 * the host's policy (rdmasec.policy(5)). Both must hold; otherwise the call that would have sent (rdma_connect(3),
 * ibv_modify_qp(3)...) fails with EPERM, or with ENOKEY if no SA came in time.
 *
 * Set options before rdma_connect(3), rdma_accept(3) or rdma_create_qp(3) of the id, and before a QP gets its address.
 * The ids of a listening id start with a copy of its options. Later options do not affect calls that passed. No pointer
 * is kept. Thread-safe, except that two threads must not set options of one id at the same time (as
 * rdma_set_option(3)). A child of fork(2) starts with a copy of its parent's options.
 *
 * errno of the setters: EINVAL: unknown option, wrong size or invalid value; EPERM: RDMASEC_REQUIRE_NONE (only the
 * host's policy can require nothing); EFAULT; ENOMEM; ENOSYS (ids), ENOTTY (QPs): librdmasec-preload.so is not loaded;
 * another door may guard the program (rdma_sec(3), NOTES). Setters do not block; RDMASEC_PROTECTION waits for the
 * engine's answer.
 */
#ifndef RDMASEC_RDMA_SEC_H
#define RDMASEC_RDMA_SEC_H

#include <infiniband/verbs.h>
#include <linux/ioctl.h>
#include <stdint.h>
#include <sys/ioctl.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The `level` of rdma_set_option(3); neither librdmacm nor a kernel uses it. */
#define RDMASEC_LEVEL 0x5253

enum rdmasec_option {
	/* uint32_t, enum rdmasec_require: the protection of all packets. */
	RDMASEC_REQUIRE = 1,
	/* uint32_t, enum rdmasec_granularity: which QPs may share an IPsec SA. */
	RDMASEC_GRANULARITY = 2,
	/*
	 * uint32_t, milliseconds, at most RDMASEC_SETUP_TIMEOUT_MAX: the longest wait of a call for a missing SA. 0: as
	 * in the host's policy.
	 */
	RDMASEC_SETUP_TIMEOUT = 3,
	/*
	 * Fills a struct rdmasec_protection with the present protection of the QP (of an id: its QP). librdmacm has no
	 * call that reads an option, so rdma_set_option(3) writes to `optval`, on success only. errno: as for setters,
	 * and ENOTCONN: the id has no QP, or the QP has no address yet; ENOENT: the engine does not know the QP;
	 * EPROTO: no engine answers.
	 */
	RDMASEC_PROTECTION = 4,
};

enum rdmasec_require {
	RDMASEC_REQUIRE_ANY = 1,    /* MACsec or IPsec */
	RDMASEC_REQUIRE_MACSEC = 2, /* IEEE 802.1AE */
	RDMASEC_REQUIRE_IPSEC = 3,  /* RFC 4303 */
	RDMASEC_REQUIRE_NONE = 4,   /* always EPERM */
};

enum rdmasec_granularity {
	RDMASEC_GRANULARITY_HOST = 1, /* an SA may serve all QPs of the two addresses */
	RDMASEC_GRANULARITY_QP = 2,   /* an SA for this QP only, identified by its UDP source port */
};

#define RDMASEC_SETUP_TIMEOUT_MAX 300000 /* ms */

enum rdmasec_mechanism {
	RDMASEC_BY_NOTHING = 0, /* passed by a policy in audit mode, or by one that requires nothing here */
	RDMASEC_BY_MACSEC = 1,
	RDMASEC_BY_IPSEC = 2,
	RDMASEC_BY_LOOPBACK = 3, /* never leaves the port */
};

/* Fields that do not belong to the mechanism are 0. */
struct rdmasec_protection {
	uint32_t mechanism; /* enum rdmasec_mechanism */
	uint32_t spi_out;   /* IPsec: of the SAs, host order as `ip xfrm state` shows them; 0: none is in use yet */
	uint32_t spi_in;
	uint32_t reqid;     /* IPsec */
	uint64_t sci;       /* MACsec: of the SecY, host order, as `ip macsec show` prints it */
	uint32_t offloaded; /* 1: the NIC encrypts, 0: the kernel */
	uint32_t reserved;
	char cipher[32]; /* the name in rdmasec.policy(5): "aes-gcm-128", "gcm-aes-256"... */
	char netdev[16]; /* the egress device */
};

/* ---- queue pairs without an id ---- */

struct rdmasec_qp_request {
	uint32_t handle; /* of the QP: struct ibv_qp.handle */
	uint32_t option; /* enum rdmasec_option */
	uint64_t value;  /* address of the option's value */
	uint32_t size;   /* octets of it */
	uint32_t type;   /* of the QP, enum ibv_qp_type: tells whether it sends by address handles (ibv_create_ah(3)) */
};

/* For a uverbs fd. The door handles it; without a door the kernel returns ENOTTY. */
#define RDMASEC_IOCTL_QP_OPTION _IOWR(0x1b, 0x53, struct rdmasec_qp_request)

/*
 * Sets an option of a QP, or reads it (RDMASEC_PROTECTION). Returns 0, or -1 and errno as above. `value` has `size`
 * octets of the option's type and stays the caller's. Thread-safe, also for one QP.
 */
static inline int rdmasec_qp_option(const struct ibv_qp *qp, enum rdmasec_option option, void *value, uint32_t size)
{
	struct rdmasec_qp_request request;

	request.handle = qp->handle;
	request.option = (uint32_t)option;
	request.value = (uintptr_t)value;
	request.size = size;
	request.type = (uint32_t)qp->qp_type;
	return ioctl(qp->context->cmd_fd, RDMASEC_IOCTL_QP_OPTION, &request);
}

#ifdef __cplusplus
}
#endif

#endif
