/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Between the engine's end (foreign.c, foreign_scan.c), the helpers (foreign_process.c) and their work
 * (foreign_work.c). */
#ifndef RDMASEC_PROCESS_FOREIGN_PRIVATE_H
#define RDMASEC_PROCESS_FOREIGN_PRIVATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include "process/foreign.h"

enum { FOREIGN_PLACES_MAX = 64, FOREIGN_FDS_MAX = 2, FOREIGN_VARIABLE_MAX = 256 };

enum foreign_what {
	FOREIGN_TAKE = 1, /* with a pidfd */
	FOREIGN_RECEIVE, /* with a socket and a pidfd; the facts of the process are in the reply, as of FOREIGN_DESCRIBE
			  */
	FOREIGN_SAME,    /* with an fd, or of `thread` */
	FOREIGN_CLOSE,   /* with the uverbs fd to close; has no reply */
	FOREIGN_CLOSE_SOCKET, /* the same of a client's socket */
	FOREIGN_HOLD,         /* with a client's socket, which stays open until the helper ends; has no reply */
	FOREIGN_SCAN, /* FOREIGN_FOUND for each fd, which the engine acknowledges with FOREIGN_GO_ON; then FOREIGN_END
		       */
	FOREIGN_GO_ON,
	FOREIGN_SEARCH, /* with a pidfd; FOREIGN_FOUND and FOREIGN_END as of a scan */
	FOREIGN_STOP,   /* instead of FOREIGN_GO_ON */
	FOREIGN_DESCRIBE,
	FOREIGN_NETNS, /* with the namespace in the reply */
	FOREIGN_FIND,  /* by the variable in the slot; `pid` is left out, or found */
};

/* A descriptor that stopped a helper. */
struct foreign_obstacle {
	uint64_t start_time;
	int32_t pid;
	int32_t thread; /* 0: in the table of the process */
	int32_t number; /* -1: the process itself */
	uint32_t reserved;
};

/* Sent without the places or obstacles that are not used. */
struct foreign_request {
	uint64_t account;
	uint64_t rdev; /* 0: of any uverbs device */
	uint32_t what;
	int32_t pid, thread, number;
	uint32_t is_everything, device_count; /* of a scan */
	uint64_t devices[FOREIGN_DEVICES_MAX];
	uint32_t reserved;
	/* of places, or of obstacles; `count` is the last member before them */
	uint32_t count;
	union {
		struct foreign_place places[FOREIGN_PLACES_MAX];
		struct foreign_obstacle obstacles[FOREIGN_PLACES_MAX];
	};
};

enum foreign_kind {
	FOREIGN_REPLY = 1,
	FOREIGN_CLOSED, /* follows a reply with `closes` */
	FOREIGN_FOUND,
	FOREIGN_END,
};

struct foreign_reply {
	uint32_t kind;
	int32_t err, same_err;
	uint32_t index;
	uint64_t rdev, start_time;
	int32_t pid, thread, number;
	uint32_t is_guarded;
	uint32_t closes; /* the helper closes files that it did not pass on, and reports when it has done so */
	uint32_t is_described;
	struct process facts; /* if is_described: what process_describe() finds */
};

/* What a helper is at: in memory that it shares with the engine. */
struct foreign_slot {
	_Atomic uint64_t account, start_time;
	_Atomic int32_t pid, thread, number;
	_Atomic uint32_t step, closed;
	char variable[FOREIGN_VARIABLE_MAX]; /* of FOREIGN_FIND: the request says when it is valid */
};

/* Files to close after the reply: that may last. */
struct foreign_leftovers {
	int fds[FOREIGN_FDS_MAX + 1];
	size_t count;
};

void foreign_leave(struct foreign_leftovers *left, int fd);
void foreign_close_leftovers(struct foreign_leftovers *left);

/* The work of the functions of foreign.h, by the calling process. */
RS_MUST_USE int foreign_take_here(const char *sysfs, const struct process *process, pid_t thread, int number,
				  dev_t rdev, struct foreign_file *out, struct foreign_leftovers *left);
RS_MUST_USE int foreign_receive_here(const char *sysfs, int socket, const struct process *process, int number,
				     struct foreign_file *out, struct foreign_leftovers *left);
/* `slot`: is set to each place before it is compared; NULL: none. */
RS_MUST_USE int foreign_same_here(pid_t thread, int number, const struct foreign_place *places, size_t count,
				  struct foreign_slot *slot, size_t *out);

/*
 * Sends a message with up to FOREIGN_FDS_MAX fds, or receives one; `count` is the room, then the number of fds, which
 * the caller owns. Returns the length, or -errno; -EBADMSG: cut, and the fds that came are returned all the same.
 */
RS_MUST_USE int foreign_send(int socket, const void *message, size_t len, const int *fds, size_t count, int flags);
RS_MUST_USE int foreign_receive_message(int socket, void *message, size_t size, int *fds, size_t *count, int flags);

/* Runs the spawner's process, from fork(2) to its end. */
_Noreturn void foreign_spawner_main(int socket, pid_t parent, const char *sysfs, struct foreign_slot *slots);

/*
 * Starts a process that shares this one's table of files, and ends after it. Returns its pid, or -errno.
 */
RS_MUST_USE pid_t foreign_keeper_start(void);

/* ---- of the engine's end ---- */

enum foreign_role {
	FOREIGN_NONE = 0,
	FOREIGN_TAKER,
	FOREIGN_DEVICE_CLOSER,
	FOREIGN_SOCKET_CLOSER,
	FOREIGN_SCANNER,
	FOREIGN_SEARCHER,
	FOREIGN_HOLDER,      /* has further sockets of an account whose socket hangs in a jail */
	FOREIGN_STUCK,       /* was a taker or a searcher */
	FOREIGN_STUCK_SCAN,  /* was a scanner */
	FOREIGN_JAIL,        /* was a socket closer, and hangs with a socket of its account */
	FOREIGN_HOLDER_ENDS, /* was a holder: closes its sockets, which may last */
	FOREIGN_LATE,        /* was a taker, and foreign_receive_late() has its reply */
};

struct foreign_helper {
	enum foreign_role role;
	int socket, pidfd;
	pid_t pid;
	struct foreign_slot *slot;
	uint64_t account;                 /* of what it is stuck with */
	struct foreign_obstacle obstacle; /* the same, of a scan */
	int64_t until_ms;                 /* stuck: at least so long */
	uint32_t sent;                    /* sockets, to a closer */
	uint32_t seen_step;               /* and when it was another one */
	int64_t seen_ms;
	clockid_t work; /* its processor time */
};

/* An account for which helpers slept: see foreign_debt.c. */
struct foreign_debt;

struct foreign {
	const char *sysfs;
	int socket, pidfd;
	pid_t pid, keeper;
	struct foreign_slot *slots;
	struct foreign_helper helpers[FOREIGN_HELPERS_MAX];
	struct foreign_scope scope;   /* of the scan that runs */
	struct foreign_obstacle from; /* those up to it are done; .pid 0: none */
	struct foreign_debt *debts;
	uint32_t held_max; /* sockets of a holder */
};

/* ---- foreign_debt.c ---- */

/* A helper slept so long with a file of the account, while the engine waited. */
void foreign_debt_add(struct foreign *foreign, uint64_t account, int64_t ms);
/* Nothing of the account is looked at now. */
bool foreign_debt_is_high(struct foreign *foreign, uint64_t account);
void foreign_debts_free(struct foreign *foreign);

/* The helper with this role, started if there is none; NULL: none can be started. */
struct foreign_helper *foreign_helper_get(struct foreign *foreign, enum foreign_role role);
struct foreign_helper *foreign_helper_find(struct foreign *foreign, enum foreign_role role);
/* Gives a helper up: kills it, as far as the kernel lets it die, and keeps its number until it has. */
void foreign_give_up(struct foreign_helper *helper, enum foreign_role role);
/* Forgets a helper that has ended or is not needed any more. */
void foreign_helper_end(struct foreign_helper *helper);
/*
 * Has the taker serve a request. Tries again if it hangs with another account's file, or has ended. Returns 0 and the
 * reply, with *fd -1 if none came; or -errno as foreign_take(); -EINPROGRESS: it hangs with the account's own file, and
 * *ticket is its number. `ticket` NULL: then it is given up, and the call returns -ETIMEDOUT.
 */
RS_MUST_USE int foreign_call(struct foreign *foreign, const struct foreign_request *request, const int *fds,
			     size_t fd_count, struct foreign_reply *reply, int *fd, int *ticket);
/* Takes the file of a reply with the fd `fd`. Returns 0, or the -errno of the reply. */
RS_MUST_USE int foreign_file_from(const struct foreign_reply *reply, int fd, struct foreign_file *out);
/* It sleeps in the kernel, so more time does not help it. */
bool foreign_is_asleep(const struct foreign_helper *helper);
/* Waits for the next reply. Returns 0; -ETIMEDOUT: the helper hangs; -ECONNRESET: it has ended. *fd -1: none came. */
RS_MUST_USE int foreign_await(struct foreign *foreign, const struct foreign_helper *helper, struct foreign_reply *out,
			      int *fd);

#endif
