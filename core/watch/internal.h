/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Shared by the files of the watch, which refer to each other in the order of this header: a file to those above it. */
#ifndef RDMASEC_WATCH_INTERNAL_H
#define RDMASEC_WATCH_INTERNAL_H

#include <utlist.h>

#include "judge/judged_path.h"
#include "rdma/resources.h"
#include "rdma/uverbs_call.h"
#include "util/hash.h"
#include "watch/watch.h"
#include "xfrm/acquire.h"

enum {
	SWEEP_MS = 2000,       /* after this time a destroyed QP is not listed any more */
	SWEEP_AT_ONCE_MS = 50, /* then the event loop handles requests, and as long */
	SCAN_MS = 10000,       /* after this time a QP is found that no door reported */
	GRACE_STEP_MS = 50,    /* how late the end of a grace may be noticed */
	UFILES_PER_USER_MAX = 4096,
	JUDGED_AT_ONCE = 64, /* QPs, then the event loop handles requests */
	/* QPs of which the kernel is asked at each sweep: a NIC needs a firmware command for each */
	CHECKS_PER_SWEEP = 512,
};

/*
 * The life of a queue pair: state by event. "-": nothing happens. A single entry holds for every state.
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
	WATCH_REVOKED, /* in ERR; a door must ask before it leaves ERR */
};

/* Of a queue pair that can send: does the kernel have the address by which it is judged? */
enum watch_check {
	WATCH_CHECK_DUE = 0,   /* unknown: the next sweep asks the kernel */
	WATCH_CHECK_AGREED,    /* a door reported it, or the kernel had it when it was asked last */
	WATCH_CHECK_DISAGREED, /* the kernel had another, protected one: the next look decides */
};

enum watch_work {
	WATCH_WORK_NONE = 0,
	WATCH_WORK_QUEUED, /* to be judged; if no fd could be borrowed, the next sweep queues it again */
	WATCH_WORK_RETRY,  /* it could not be judged, or not be revoked: queued at the next change or sweep */
};

enum watch_qpn { WATCH_QPN_UNKNOWN = 0, WATCH_QPN_GUESSED /* good enough to be shown */, WATCH_QPN_REPORTED };

/* The routes by which a QP may have sent in clear: route.c. */
enum clear_routes { CLEAR_ROUTE_NONE, CLEAR_ROUTE_ONE, CLEAR_ROUTE_SOME };

struct watch_qp {
	uint32_t handle;
	enum watch_qpn qpn_source;
	uint32_t qpn;
	/* 0: a queue pair of the kernel's; else an object of mlx5's DEVX, made by this opcode (enum prm_opcode) */
	uint32_t devx_created;
	enum watch_state state;
	enum watch_check check;
	enum watch_work work;
	uint32_t checked_round;    /* the watch's round in which the kernel was asked last */
	struct request request;    /* is judged again at each change; .qp_type 0: not known */
	struct judged_path judged; /* by the last answer */
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
	struct namespace *in;              /* of the first known holder */
	struct engine_client asker;        /* the process of the last request, as the policy sees it */
	char device[RDMA_DEVICE_NAME_MAX]; /* its name at the last sweep; "": none yet */
	struct watch_holder *holders;
	struct watch_qp *qps;
	bool queued;
	uint32_t swept;                              /* the watch's sweep_round in which it was swept last */
	struct watch_ufile *prev, *next;             /* of all */
	struct watch_ufile *queue_prev, *queue_next; /* of those with queued QPs */
};

struct watch {
	struct event_base *base;
	const struct policy *policy;
	bool whole_host;
	uint64_t policy_generation;
	struct watch_listener listener;
	struct foreign *foreign; /* borrowed; NULL: tests */
	struct namespaces *namespaces;
	struct watch_client *clients;
	struct watch_ufile *ufiles, *queue;
	struct event *judge, *grace, *sweep, *scan;
	struct event *scan_found, *scan_check; /* of a scan that runs */
	bool scan_is_soon;
	int64_t scan_began_ms, scan_took_ms; /* the last one */
	uint32_t sweep_round;                /* counts the sweeps */
	uint32_t round;                      /* counts the rounds in which the kernel is asked about each QP */
	unsigned checks_left;                /* of CHECKS_PER_SWEEP, in this sweep */
};

/* ---- table.c ---- */

void watch_report(struct watch *watch, const struct wire_record *record);

struct watch_qp *watch_qp_find(const struct watch_ufile *ufile, uint32_t handle);
/* NULL: no memory. */
struct watch_qp *watch_qp_make(struct watch_ufile *ufile, uint32_t handle);
void watch_qp_remove(struct watch_ufile *ufile, struct watch_qp *qp);

/* Has a queue pair that can send re-evaluated as soon as the event loop runs. */
void watch_queue(struct watch_ufile *ufile, struct watch_qp *qp);
static inline bool watch_can_send(const struct watch_qp *qp)
{
	return qp->state == WATCH_LIVE || qp->state == WATCH_GRACE;
}
void watch_set_timer(struct event *timer, int ms);
/* Schedules a scan of all processes: one that held queue pairs has gone, and may have left them to a child. */
void watch_scan_soon(struct watch *watch);

/* ---- objects.c: as uverbs_call.h or devx_call.h, depending on what the QP is ---- */

struct watch_handles {
	uint32_t *list; /* in order */
	size_t count;
};

/* Lists the QPs, or the DEVX objects, of the kernel. The caller frees out->list. */
RS_MUST_USE int watch_handles_read(int fd, uint32_t driver_id, bool of_devx, struct watch_handles *out);
bool watch_handles_contain(const struct watch_handles *handles, uint32_t handle);
/* Is the handle in that list? True if the list cannot be read. */
bool watch_handle_lives(int fd, uint32_t driver_id, uint32_t handle, bool of_devx);

RS_MUST_USE int watch_object_query(int fd, uint32_t driver_id, const struct watch_qp *qp, struct uverbs_qp_facts *out);
RS_MUST_USE int watch_object_to_error(int fd, uint32_t driver_id, const struct watch_qp *qp);
RS_MUST_USE int watch_object_destroy(int fd, uint32_t driver_id, const struct watch_qp *qp);
/* True also if the list cannot be read. */
bool watch_object_lives(int fd, uint32_t driver_id, const struct watch_qp *qp);

/* ---- holders.c ---- */

void watch_holder_free(struct watch_holder *holder);
void watch_ufile_free(struct watch_ufile *ufile);
/* Frees the files for which a scan found no holder. */
void watch_free_unheld(struct watch *watch);
/* Finds or adds the process. Its end is noticed. */
RS_MUST_USE int watch_client_get(struct watch *watch, const struct process *process, struct watch_client **out);
void watch_client_free(struct watch_client *client);
/* Frees the clients that hold no file. */
void watch_free_idle(struct watch *watch);

/* ---- files.c ---- */

/*
 * Duplicates the fd of the file from one of its holders; the caller gives it to watch_return_fd(). Removes holders that
 * have closed it. -ENOENT: no holder is known. A scan is scheduled then, which finds others or frees the file.
 */
RS_MUST_USE int watch_borrow_fd(struct watch_ufile *ufile, int *out_fd);
void watch_return_fd(struct watch_ufile *ufile, int fd);
/* The device behind a borrowed fd; NULL and a text if it cannot be identified. */
const struct rdma_device *watch_device(const struct watch_ufile *ufile, int fd, char *error, size_t error_size);

/* ---- route.c ---- */

/* Remembers the route of an address that the answer let pass in clear. */
void watch_remember_route(struct watch_qp *qp, const struct judgement *answer);

/* ---- basis.c: what the last verdict depends on ---- */

/* Keeps what the answer depends on. */
void watch_keep_verdict(struct watch_qp *qp, const struct judgement *answer);
/* The verdict depends on more than qp->judged has: on other GIDs, or on a rule that requires nothing. */
bool watch_has_other_inputs(const struct watch_qp *qp);
/* Reports to the listener that the flow of the QP needs an SA; within `grace_ms`, if that is not 0. */
void watch_report_missing_sa(const struct watch_ufile *ufile, const struct watch_qp *qp, uint32_t grace_ms);

/* ---- concerns.c ---- */

void watch_on_change(struct namespace *in, const struct mirror_change *change, void *arg);
/* Polls MACsec often in namespaces where a QP depends on it, and rarely in others. */
void watch_set_macsec_polling(struct watch *watch);

/* ---- record.c ---- */

void watch_qp_record(const struct watch_ufile *ufile, const struct watch_qp *qp, const struct rdma_device *device,
		     const struct judgement *answer, struct wire_record *record);
/* Makes a row of a list; judges the QP for its words. */
void watch_list_qp(const struct watch_ufile *ufile, const struct watch_qp *qp, const struct rdma_device *device,
		   struct wire_record *record);

/* ---- reevaluate.c ---- */

RS_MUST_USE int watch_reevaluate_init(struct watch *watch);

/* ---- sweep_qp.c ---- */

/* The QP can send, and its address is known. */
bool watch_has_known_address(const struct watch_qp *qp);
/*
 * Compares a listed QP with what the kernel has. If it can send in a way that was not judged, it is judged by the
 * address that the kernel has, and revoked if that is refused.
 */
void watch_check_qp(struct watch_ufile *ufile, uint32_t handle, int fd, const struct rdma_device *device);

/* ---- names.c ---- */

/* Gives adopted QPs their numbers and types, as far as the kernel tells them. */
void watch_identify_adopted(struct watch *watch);
void watch_identify_by(struct watch *watch, const struct rdma_resources *all);

/* ---- sweep.c ---- */

RS_MUST_USE int watch_sweep_init(struct watch *watch);
/* Makes the table agree with the QPs that the kernel lists for this file. */
void watch_sweep_ufile(struct watch_ufile *ufile);

/* ---- scan.c ---- */

RS_MUST_USE int watch_scan_init(struct watch *watch);
void watch_scan_stop(struct watch *watch);

#endif
