/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What an application that knows of rdmasec may ask for, on an rdma_cm_id as with setsockopt(2), and on a queue pair:
 *
 *	uint32_t require = RDMASEC_REQUIRE_IPSEC;
 *
 *	if (rdma_set_option(id, RDMASEC_LEVEL, RDMASEC_REQUIRE, &require, sizeof(require)))
 *		...	ENOSYS: there is nobody to take it
 *
 * There is nothing to link with: without rdmasec the calls fail as any unknown option does. An option can only ask for
 * more than the host's policy (rdmasec.policy(5)) does; what both ask for must hold, and where it cannot, the call that
 * would have sent is refused (rdma_connect(3), ibv_modify_qp(3)...) with EPERM, or ENOKEY when no SA came in time.
 *
 * When: before rdma_connect(3), rdma_accept(3) or rdma_create_qp(3) of the id; of a QP before it gets its address. Ids
 * that a listening id hands out begin with what was set on that one. Later calls hold for what is asked afterwards,
 * and do not change what has been let pass. Nothing is kept of a pointer that is passed. Thread-safe, but for two
 * threads that set options of one id at the same time (as rdma_set_option(3)). Options belong to a process: a child
 * of fork(2) has those of its parent.
 *
 * errno of the setters: EINVAL: no such option, wrong size, or a value that it cannot have; EPERM: RDMASEC_REQUIRE_NONE
 * (only the host's policy can ask for nothing); EFAULT; ENOMEM; ENOSYS (ids), ENOTTY (QPs): librdmasec-preload.so is
 * not there to take it, though the program may be guarded in another way (rdma_sec(3), NOTES). Setters wait for nobody;
 * RDMASEC_PROTECTION waits for the engine's answer.
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

/* The `level` of rdma_set_option(3): none of librdmacm's own, nor of a kernel's. */
#define RDMASEC_LEVEL 0x5253

enum rdmasec_option {
	/* uint32_t, enum rdmasec_require: what must protect all that is sent. */
	RDMASEC_REQUIRE = 1,
	/* uint32_t, enum rdmasec_granularity: whom an SA of IPsec may serve. */
	RDMASEC_GRANULARITY = 2,
	/*
	 * uint32_t, milliseconds, at most RDMASEC_SETUP_TIMEOUT_MAX: how long a call may wait while a missing SA is set
	 * up. 0: as the host's policy has it.
	 */
	RDMASEC_SETUP_TIMEOUT = 3,
	/*
	 * struct rdmasec_protection, which is filled in: what protects the QP (the id's QP) now. rdma_set_option(3) is
	 * the only call there is: it writes to `optval`. errno: as the setters', and ENOTCONN: the id has no QP, or the
	 * QP has no address yet; ENOENT: the engine does not know the QP; EPROTO: no engine answers. Written
	 * to only on success.
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
	RDMASEC_GRANULARITY_QP = 2,   /* an SA of this QP's own, told apart by its UDP source port */
};

#define RDMASEC_SETUP_TIMEOUT_MAX 300000 /* ms */

enum rdmasec_mechanism {
	RDMASEC_BY_NOTHING = 0, /* not protected: let pass by a policy in audit mode, or that asks for nothing here */
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
	uint64_t sci;       /* MACsec: of the SecY, host order, as `ip macsec show` writes it */
	uint32_t offloaded; /* 1: the NIC encrypts, 0: the kernel */
	uint32_t reserved;
	char cipher[32]; /* as rdmasec.policy(5) names it: "aes-gcm-128", "gcm-aes-256"... */
	char netdev[16]; /* by which it leaves */
};

/* ---- queue pairs that no id made ---- */

struct rdmasec_qp_request {
	uint32_t handle; /* of the QP: struct ibv_qp.handle */
	uint32_t option; /* enum rdmasec_option */
	uint64_t value;  /* address of the option's value */
	uint32_t size;   /* octets of it */
	uint32_t type;   /* of the QP, enum ibv_qp_type: whether it sends through address handles (ibv_create_ah(3)) */
};

/* On a uverbs fd. The guard takes it; the kernel, which knows no such request, answers ENOTTY. */
#define RDMASEC_IOCTL_QP_OPTION _IOWR(0x1b, 0x53, struct rdmasec_qp_request)

/*
 * Sets, or with RDMASEC_PROTECTION reads, an option of a QP: 0, or -1 and errno as above. `value`: `size` octets of the
 * option's type, the caller's. Thread-safe, also for one QP.
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
