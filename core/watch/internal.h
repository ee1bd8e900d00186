/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Shared by the files of the watch, which refer to each other in the order of this header: a file to those above it. */
#ifndef RDMASEC_WATCH_INTERNAL_H
#define RDMASEC_WATCH_INTERNAL_H

#include <utlist.h>

#include "judge/judged_path.h"
#include "rdma/resources.h"
#include "rdma/uverbs_call.h"
#include "util/hash.h"
#include "watch/kept.h"
#include "watch/watch.h"
#include "xfrm/acquire.h"

enum {
	SWEEP_MS = 2000,       /* after this time a destroyed QP is not listed any more */
	SWEEP_AT_ONCE_MS = 50, /* then the event loop handles requests, and as long */
	SCAN_MS = 10000,       /* after this time a QP is found that no door reported */
	GRACE_STEP_MS = 50,    /* how late the end of a grace may be noticed */
	UFILES_PER_USER_MAX = 4096,
	LOST_STEP_MS = 250,      /* how often a file without a known holder is looked for */
	LOST_AT_ONCE_MS = 50,    /* then the event loop handles requests */
	LOST_PAUSE = 4,          /* and for so many times as long, at least */
	LOST_CONFIRM_MS = 1000,  /* how long the kernel may take to destroy the QPs of a file that was closed */
	LOST_CLOSING_MS = 15000, /* the same while they are protected: a starved program is long in close(2) */
	LOST_HANGS_MS = 15000,   /* how long a helper may hang that shall take a file; or a search may be incomplete */
	JUDGED_AT_ONCE = 64,     /* QPs, then the event loop handles requests */
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
 *  kernel: it is not listed (sweep.c,    removed from the table
 *  living.c)
 *  its file cannot be reached (lost.c)   stays as it is, and is reported: see lost.c
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
	char stopped_at[IF_NAMESIZE];        /* where the gate stops what it sends by this address; "": nowhere */
	int64_t since_ns;                    /* CLOCK_REALTIME */
	int64_t grace_end_ms;                /* CLOCK_MONOTONIC */
	bool reported_lost;                  /* as one that cannot be reached: once, until its file is found again */
	UT_hash_handle hh;
};

/* A process that holds an open file under a number. */
struct watch_holder {
	struct watch_client *client;
	struct watch_ufile *ufile;
	int number;
	pid_t thread; /* that has the number in a table of its own; 0: the table of the process */
	/*
	 * The number no longer names the file, or the thread has ended. The process may still have the file: in the
	 * table of another thread, or mapped. It stays known until it ends.
	 */
	bool lost;
	bool is_passing;                  /* and was seen with it once, perhaps for the moment of a call: is_again() */
	struct watch_holder *prev, *next; /* of the ufile */
	struct watch_holder *client_prev, *client_next; /* of the client */
};

struct watch_client {
	struct watch *watch;
	struct process process;
	struct event *ended;
	struct watch_holder *holders;
	UT_hash_handle hh; /* by process.pid */
};

/* Why no fd of a file can be had: lost.c. */
struct watch_reach {
	int err;           /* 0: reached at the last attempt; -ENOENT: no holder is known; -EPERM, -ESRCH... */
	int64_t since_ms;  /* when that began, or the kernel destroyed the last QP of the file; CLOCK_MONOTONIC */
	unsigned qps;      /* that lived then */
	bool is_searching; /* the scan that runs began since */
	bool is_searched;  /* all processes have been searched since */
	pid_t ended;       /* the process that was ended last for it; 0: none */
};

struct watch_ufile {
	struct watch *watch;
	dev_t rdev;
	bool index_known; /* of its device in RDMA netlink, where it is unique, unlike `rdev` and `device` */
	uint32_t index;
	struct watch_reach reach;
	struct watch_holder *lent_by;      /* from which the last fd came; NULL: from none that is known */
	unsigned strange;                  /* sweeps in a row at which the fd lacked a queue pair that lives */
	unsigned unidentified;             /* sweeps in a row at which its device could not be identified */
	bool is_overfull;                  /* reported as a file whose queue pairs cannot be listed */
	struct namespace *in;              /* of the first known holder */
	uint64_t account;                  /* likewise: process/account.h */
	struct engine_client asker;        /* the process of the last request, as the policy sees it */
	char device[RDMA_DEVICE_NAME_MAX]; /* its name at the last sweep; "": none yet */
	struct watch_holder *holders;      /* those that are lost come last */
	struct watch_qp *qps;
	bool queued;
	uint32_t swept;                              /* the watch's sweep_round in which it was swept last */
	uint32_t settled;                            /* the watch's lost_round in which lost.c looked at it last */
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
	struct event *judge, *grace, *sweep, *scan, *lost;
	struct event *scan_found, *scan_check; /* of a scan that runs */
	struct kept *kept;                     /* NULL: no successor will need to know the guarded processes */
	bool has_adopted;                      /* what the last daemon left */
	bool has_orphans;  /* a process that it guarded has ended since: others may have its files */
	int64_t search_ms; /* no process is searched for its files before; CLOCK_MONOTONIC */
	bool scan_is_soon;
	int64_t scan_began_ms, scan_took_ms; /* the last one */
	uint32_t lost_round;                 /* counts the steps of lost.c */
	bool lost_waits;                     /* a file of this step waits for the next one */
	int64_t lost_ms;                     /* no step begins before; CLOCK_MONOTONIC */
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
/* The kernel has told the number of the queue pair: no other one of the file has it any more. */
void watch_qp_take_number(struct watch_ufile *ufile, struct watch_qp *qp, uint32_t qpn);

/* Has a queue pair that can send re-evaluated as soon as the event loop runs. */
void watch_queue(struct watch_ufile *ufile, struct watch_qp *qp);
static inline bool watch_can_send(const struct watch_qp *qp)
{
	return qp->state == WATCH_LIVE || qp->state == WATCH_GRACE;
}
void watch_set_timer(struct event *timer, int ms);
/* Schedules a scan of all processes: one that held queue pairs has gone, and may have left them to a child. */
void watch_scan_soon(struct watch *watch);

/* Whether a process is known that has the file under a number. */
static inline bool watch_is_held(const struct watch_ufile *ufile)
{
	return ufile->holders && !ufile->holders->lost;
}
/* Has lost.c decide about the files that could not be reached, after `ms`, or sooner if that is due. */
void watch_lost_soon(struct watch *watch, int ms);

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
/* The number does not name the file any more: see struct watch_holder. */
void watch_holder_lose(struct watch_holder *holder);
void watch_ufile_free(struct watch_ufile *ufile);
/* Finds or adds the process. Its end is noticed. */
RS_MUST_USE int watch_client_get(struct watch *watch, const struct process *process, struct watch_client **out);
void watch_client_free(struct watch_client *client);
/* Frees the clients that hold no file. */
void watch_free_idle(struct watch *watch);

/* ---- living.c: what the kernel lists decides what lives ---- */

/* The QPs of one device as the kernel lists them, read when needed and kept for files of the same device. */
struct watch_living {
	struct namespace *in;
	uint32_t index;
	unsigned count; /* of `reads` that are done */
	struct {
		int err; /* -ENODEV: the device is unregistered, and no QP of it lives */
		struct rdma_resources qps;
	} reads[2];
};

/* Lists the QPs of a device: resources_read_device(). A test replaces it. */
extern int (*watch_list_device)(struct namespace *in, uint32_t index, struct rdma_resources *out);

/* Asks the kernel for the index of the device, by its name. Does nothing if it is known. */
void watch_learn_index(struct watch_ufile *ufile);
/*
 * Removes the QPs that the kernel has destroyed: not in two complete lists of their device in succession, as one list
 * may lack a QP (rdma/resources.h). If the kernel cannot be asked, all of them count as living. Returns the number of
 * those left. Blocks for the lists. `living` begins zeroed, and ends with watch_living_free().
 */
unsigned watch_forget_destroyed(struct watch_ufile *ufile, struct watch_living *living);
void watch_living_free(struct watch_living *living);
/* Whether one QP lives, by the same rules. True also if the kernel cannot be asked. Removes none. Blocks. */
bool watch_is_listed(const struct watch_ufile *ufile, const struct watch_qp *qp);

/* ---- files.c ---- */

/*
 * Duplicates the fd of the file from one of its holders; the caller gives it to watch_return_fd(). If none of the known
 * numbers names it any more, searches the tables of all threads of the processes that held it. Else returns -ENOENT: a
 * scan of all processes is scheduled; -EBUSY or -ETIMEDOUT: a helper hangs; or -EPERM, -ESRCH or another error: a
 * process has it, but it cannot be taken from there. The file stays in the table in each case; lost.c decides what
 * follows.
 */
RS_MUST_USE int watch_borrow_fd(struct watch_ufile *ufile, int *out_fd);
void watch_return_fd(struct watch_ufile *ufile, int fd);
/*
 * As watch_ufile_get(), for a file that the process has where it cannot be taken, if it still has it: the process
 * counts as one that lost it.
 */
RS_MUST_USE int watch_ufile_hidden(struct watch *watch, const struct process *process, int number,
				   const struct foreign_file *file, struct watch_ufile **out);
/*
 * Does the kernel list a QP that a door reported, and that is not in the file behind `fd`? Then the number under which
 * the fd was taken names another file of the same device by now.
 */
bool watch_is_other_file(struct watch_ufile *ufile, int fd, uint32_t driver_id);
/* The last fd was of another file: its holder has lost this one. */
void watch_take_back(struct watch_ufile *ufile);
/*
 * A search of all processes, guarded or not, for the files without a known holder: a scan. Begins it, and returns
 * whether one is needed; then `scope` is that of the scan. Ends it, after a scan of all processes.
 */
bool watch_search_begin(struct watch *watch, struct foreign_scope *scope);
void watch_search_end(struct watch *watch);
/* Is what a scan found one of those? Then the process is known as a holder of it from now on. */
bool watch_find_again(struct watch *watch, const struct process *process, const struct foreign_found *found);
/*
 * The device behind a borrowed fd; NULL and a text if it cannot be identified, or is another one: a new device may get
 * the node's number of one that is being removed.
 */
const struct rdma_device *watch_device(struct watch_ufile *ufile, int fd, char *error, size_t error_size);

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

/* ---- stopped.c ---- */

/* Judges a queue pair by what the gate has seen of it, too. */
void watch_heed_gate(const struct watch_qp *qp, struct judgement *answer);

/* ---- concerns.c ---- */

void watch_on_change(struct namespace *in, const struct mirror_change *change, void *arg);
/* Polls MACsec often in namespaces where a QP depends on it, and rarely in others. */
void watch_set_macsec_polling(struct watch *watch);

/* ---- record.c ---- */

void watch_qp_record(const struct watch_ufile *ufile, const struct watch_qp *qp, const struct rdma_device *device,
		     const struct judgement *answer, struct wire_record *record);
/* The verdict on a queue pair whose file cannot be reached. */
void watch_explain_reach(const struct watch_ufile *ufile, struct verdict *out);
/* Makes a row of a list; judges the QP for its words. */
void watch_list_qp(const struct watch_ufile *ufile, const struct watch_qp *qp, const struct rdma_device *device,
		   struct wire_record *record);

/* ---- ending.c ---- */

/*
 * Ends the process of a queue pair that cannot be taken down, if a rule says so. *out is what was done. Returns that
 * rule; NULL: none says so.
 */
const struct policy_rule *watch_end_owner(struct watch_ufile *ufile, const struct request *request, struct why *out);

/* ---- reevaluate.c ---- */

RS_MUST_USE int watch_reevaluate_init(struct watch *watch);
/* Judges the queued QPs of the file now, by an fd of it. */
void watch_judge_with(struct watch_ufile *ufile, int fd);

/* ---- lost.c ---- */

RS_MUST_USE int watch_lost_init(struct watch *watch);
/* Frees files without a holder whose queue pairs the kernel has destroyed; reports those that it has not. */
void watch_settle_lost(struct watch *watch);
/* The queue pairs of a file cannot be listed, by the error of watch_handles_read(): reports it once. */
void watch_cannot_list(struct watch_ufile *ufile, int err);

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
/* Makes the table agree with the QPs that the kernel lists for this file; by an fd of it that the caller has. */
void watch_sweep_ufile(struct watch_ufile *ufile);
void watch_sweep_with(struct watch_ufile *ufile, int fd);

/* ---- scan.c ---- */

RS_MUST_USE int watch_scan_init(struct watch *watch);
void watch_scan_stop(struct watch *watch);

#endif
