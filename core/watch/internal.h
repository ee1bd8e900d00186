/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Shared by the files of the watch, which refer to each other in the order of this header: a file to those above it. */
#ifndef RDMASEC_WATCH_INTERNAL_H
#define RDMASEC_WATCH_INTERNAL_H

#include <uthash.h>
#include <utlist.h>

#include "rdma/resources.h"
#include "rdma/uverbs_call.h"
#include "watch/watch.h"
#include "xfrm/acquire.h"

enum {
	SWEEP_MS = 2000,    /* how long a QP that the application destroyed may still be listed */
	SCAN_MS = 10000,    /* how long one that nobody told us of may go unfound */
	GRACE_STEP_MS = 50, /* how exactly the end of a grace is kept */
	UFILES_PER_USER_MAX = 4096,
	JUDGE_AT_ONCE = 64, /* QPs, before questions get their turn */
	/* QPs at each sweep, of those that are known: a NIC answers such a question by a command to its firmware */
	LOOKS_AT_ONCE = 512,
};

/*
 * The life of a queue pair, event by state. "-": nothing happens. An empty line: the same in every state.
 *
 *  event (where)                         UNKNOWN      NO_ADDRESS   LIVE          GRACE         REVOKED
 *  a door created it (watch.c)           NO_ADDRESS; LIVE for objects of DEVX that need no address
 *  a door gave it an address (watch.c)   LIVE
 *  a command's outcome is not known      CHECK_DUE
 *  kernel: it cannot send (sweep_qp.c)   NO_ADDRESS   -            NO_ADDRESS    NO_ADDRESS    -
 *  kernel: it can send (sweep_qp.c)      adopt: LIVE  adopt: LIVE  compare       compare       adopt: LIVE
 *  kernel: it is not listed (sweep.c)    removed from the table
 *  verdict: passes (reevaluate.c)        -            -            LIVE          LIVE, report  -
 *  verdict: refused, with a grace        -            -            GRACE,report  -             -
 *  verdict: refused, no grace (left)     -            -            REVOKED       REVOKED       -
 *  a change concerns it (concerns.c)     -            -            queue         queue         -
 *
 * adopt: judged by the kernel's address from now on, reported, and queued if that is refused.
 * compare: adopt, if the kernel's address is another one (enum watch_check).
 */
enum watch_state {
	WATCH_UNKNOWN = 0, /* new in the table: the kernel has not been asked */
	WATCH_NO_ADDRESS,  /* cannot send yet */
	WATCH_LIVE,
	WATCH_GRACE,   /* lost its protection; the kernel drops what it sends */
	WATCH_REVOKED, /* in ERR, by us; it has to ask again to get out of it */
};

/* Of a queue pair that can send: does the kernel have the address by which it is judged? */
enum watch_check {
	WATCH_CHECK_DUE = 0,   /* unknown: the next sweep asks the kernel */
	WATCH_CHECK_AGREED,    /* a door reported it, or the kernel had it when it was asked last */
	WATCH_CHECK_DISAGREED, /* the kernel had another, protected one: the next look decides */
};

enum watch_work {
	WATCH_WORK_NONE = 0,
	WATCH_WORK_QUEUED, /* to be judged: by the queue, or by the next sweep where no fd could be borrowed */
	WATCH_WORK_RETRY,  /* it could not be judged, or not be revoked: queued at the next change or sweep */
};

enum watch_qpn { WATCH_QPN_UNKNOWN = 0, WATCH_QPN_GUESSED /* good enough to be shown */, WATCH_QPN_REPORTED };

/* By which routes a QP may have been let send in clear: route.c. */
enum clear_routes { CLEAR_ROUTE_NONE, CLEAR_ROUTE_ONE, CLEAR_ROUTE_SOME };

/* Of an answer, what is needed to find out whom a change concerns. */
struct watch_basis {
	enum path_state state;
	enum remote_scope scope;
	int family;
	union ip_address local, remote;
	int gid_ifindex, egress_ifindex, secy_ifindex;
	uint32_t spi_out, spi_in, reqid, policy_out;
	bool of_one_qp; /* the SA by which it sends, told apart by `sport` */
	uint16_t sport;
	enum driver_egress egress;
	enum verdict_kind verdict;
	enum protection by;
};

struct watch_qp {
	uint32_t handle;
	enum watch_qpn qpn_source;
	uint32_t qpn;
	/* 0: a queue pair of the kernel's; else an object of mlx5's DEVX, made by this opcode (enum prm_opcode) */
	uint32_t devx_created;
	enum watch_state state;
	enum watch_check check;
	enum watch_work work;
	uint32_t looked;                /* the watch's round in which the kernel was asked last */
	struct uverbs_command question; /* is judged again at each change; .qp_type 0: not known */
	struct watch_basis basis;
	enum clear_routes clear_routes;
	struct uverbs_address clear_address; /* the last of those */
	int64_t since_ns;                    /* CLOCK_REALTIME */
	int64_t grace_end_ms;                /* CLOCK_MONOTONIC */
	UT_hash_handle hh;
};

/* A process that holds an open file under a number. */
struct watch_holder {
	struct watch_client *client;
	struct watch_ufile *ufile;
	int number;
	struct watch_holder *prev, *next;               /* of the ufile */
	struct watch_holder *client_prev, *client_next; /* of the client */
};

struct watch_client {
	struct watch *watch;
	struct process process;
	struct event *ended;
	struct watch_holder *holders;
	UT_hash_handle hh; /* by process.pid */
};

struct watch_ufile {
	struct watch *watch;
	dev_t rdev;
	struct namespace *in;              /* of whoever opened it first for us */
	struct engine_client asker;        /* as the policy sees it */
	char device[RDMA_DEVICE_NAME_MAX]; /* its name when it was last looked at, "": not yet */
	struct watch_holder *holders;
	struct watch_qp *qps;
	bool queued;
	struct watch_ufile *prev, *next;             /* of all */
	struct watch_ufile *queue_prev, *queue_next; /* of those with queued QPs */
};

struct watch {
	struct event_base *base;
	const struct policy *policy;
	bool whole_host;
	uint64_t policy_generation;
	struct watch_listener listener;
	struct namespaces *namespaces;
	struct watch_client *clients;
	struct watch_ufile *ufiles, *queue;
	struct event *judge, *grace, *sweep, *scan;
	int64_t scan_took_ms; /* the last one */
	bool scan_is_soon;
	uint32_t round;      /* of asking the kernel for the addresses of what is known */
	unsigned looks_left; /* of LOOKS_AT_ONCE */
};

/* ---- table.c ---- */

void watch_tell(struct watch *watch, const struct wire_record *record);

struct watch_qp *watch_qp_find(const struct watch_ufile *ufile, uint32_t handle);
/* NULL: no memory. */
struct watch_qp *watch_qp_make(struct watch_ufile *ufile, uint32_t handle);
void watch_qp_forget(struct watch_ufile *ufile, struct watch_qp *qp);

/* Has a queue pair that can send re-evaluated as soon as the event loop runs. */
void watch_queue(struct watch_ufile *ufile, struct watch_qp *qp);
static inline bool watch_can_send(const struct watch_qp *qp)
{
	return qp->state == WATCH_LIVE || qp->state == WATCH_GRACE;
}
void watch_set_timer(struct event *timer, int ms);
/* Schedules a scan of all processes: one that held queue pairs has gone, and may have left them to a child. */
void watch_scan_soon(struct watch *watch);

/* ---- objects.c: uverbs_call.h and devx_call.h, as it is a QP or DEVX's ---- */

struct watch_handles {
	uint32_t *list; /* in order */
	size_t count;
};

/* The kernel's list of QPs, or of DEVX's objects. The caller frees `out->list`. */
RS_MUST_USE int watch_handles_read(int fd, uint32_t driver_id, bool of_devx, struct watch_handles *out);
bool watch_handles_have(const struct watch_handles *handles, uint32_t handle);
/* Is it in that list? True when that cannot be told. */
bool watch_handle_lives(int fd, uint32_t driver_id, uint32_t handle, bool of_devx);

RS_MUST_USE int watch_object_query(int fd, uint32_t driver_id, const struct watch_qp *qp, struct uverbs_qp_facts *out);
RS_MUST_USE int watch_object_to_error(int fd, uint32_t driver_id, const struct watch_qp *qp);
RS_MUST_USE int watch_object_destroy(int fd, uint32_t driver_id, const struct watch_qp *qp);
/* True when that cannot be told. */
bool watch_object_lives(int fd, uint32_t driver_id, const struct watch_qp *qp);

/* ---- holders.c ---- */

void watch_holder_free(struct watch_holder *holder);
void watch_ufile_free(struct watch_ufile *ufile);
/* Those that a scan has found with nobody. */
void watch_forget_unheld(struct watch *watch);
/* Known from now on; its end is heard of. */
RS_MUST_USE int watch_client_get(struct watch *watch, const struct process *process, struct watch_client **out);
void watch_client_free(struct watch_client *client);
/* Clients that hold nothing any more: a pidfd each. */
void watch_forget_idle(struct watch *watch);

/* ---- files.c ---- */

/*
 * A duplicate of the ufile's fd from whoever still holds it; holders that no longer do are forgotten. -ENOENT: none, as
 * far as is known. Somebody else may hold it who got it from them: a scan has been asked for, and forgets it if not.
 */
RS_MUST_USE int watch_borrow(struct watch_ufile *ufile, int *out_fd);
/* The device behind a borrowed fd; NULL and a text when it cannot be told. */
const struct rdma_device *watch_device(const struct watch_ufile *ufile, int fd, char *error, size_t error_size);

/* ---- route.c ---- */

/* What the answer let pass, of an address that qp->question has. */
void watch_remember_route(struct watch_qp *qp, const struct engine_answer *answer);

/* ---- basis.c ---- */

/* Takes over what an answer stands on. */
void watch_keep_answer(struct watch_qp *qp, const struct engine_answer *answer);
/* Of several GIDs and rules the basis has but one: that of a QP which may send by every GID, or whose rule asks
 * nothing. */
bool watch_stands_on_more(const struct watch_qp *qp);
/* Its flow has to have an SA asked for; within `grace_ms`, if that is not 0. */
void watch_tell_lack(const struct watch_ufile *ufile, const struct watch_qp *qp, uint32_t grace_ms);

/* ---- concerns.c ---- */

void watch_on_change(struct namespace *in, const struct mirror_change *change, void *arg);
/* MACsec state is asked for often while somebody relies on it, and rarely again when nobody does. */
void watch_set_polls(struct watch *watch);

/* ---- record.c ---- */

void watch_qp_record(const struct watch_ufile *ufile, const struct watch_qp *qp, const struct rdma_device *device,
		     const struct engine_answer *answer, struct wire_record *record);
/* One row of a list, as it is now. */
void watch_list_qp(const struct watch_ufile *ufile, const struct watch_qp *qp, const struct rdma_device *device,
		   struct wire_record *record);

/* ---- reevaluate.c ---- */

RS_MUST_USE int watch_reevaluate_init(struct watch *watch);

/* ---- sweep_qp.c ---- */

/* Nothing need be asked of it before it is judged. */
bool watch_is_known(const struct watch_qp *qp);
/*
 * Asks the kernel for a QP that nobody told us of, or that by what we know cannot send; now and then for the others as
 * well. What can send as nobody asked for is judged by that, and taken down if it is not protected.
 */
void watch_look_at(struct watch_ufile *ufile, uint32_t handle, int fd, const struct rdma_device *device);

/* ---- names.c ---- */

/* Gives those that were found alive their numbers and types, as far as the kernel tells. */
void watch_name_adopted(struct watch *watch);
void watch_name_by(struct watch *watch, const struct rdma_resources *all);

/* ---- sweep.c ---- */

RS_MUST_USE int watch_sweep_init(struct watch *watch);
/* Makes the table agree with the kernel's list of the ufile's QPs. */
void watch_sweep_ufile(struct watch_ufile *ufile);

#endif
