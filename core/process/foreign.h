/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Files and processes of others, at which the engine never looks itself. Each of these can last as long as another user
 * likes, and SIGKILL does not end it:
 *
 *  close(2) calls ->flush at every close, not only at the last one (filp_close() in fs/open.c). FUSE waits there for
 * its server (fuse_flush() in fs/fuse/file.c, a forced request), NFS for its server. the last reference calls ->release
 * in the task that gives it up (fput() in fs/file_table.c), also that of a file in a message that was never read. FUSE
 * with a write-back cache writes there (fuse_release()), NFSv4 closes, a socket lingers, a uverbs file destroys all its
 * objects. execve(2) closes files while it holds exec_update_lock (begin_new_exec() in fs/exec.c), for which
 * pidfd_getfd(2), kcmp(2) and /proc/PID/maps wait.
 *
 * So helper processes do it. One that does not return is given up: it counts against the account (account.h) whose file
 * it handles, and another one takes its place. The account has no further file looked at until that helper returns.
 *
 * Files in messages that were never read are released by the last process that has their socket. So a keeper shares the
 * engine's table of files: SIGKILL ends the engine at once, and it is the keeper that waits for their servers.
 *
 * The helpers are started by a spawner, which is forked before privileges are dropped. Neither has the engine's
 * listening socket or any other of its files. All end with the engine, as far as the kernel lets them.
 *
 * A file can also delay each look without stopping it. So an account has a debt for the time that helpers slept with
 * its files, and while that is above FOREIGN_DEBT_MS, no further file of the account is looked at. Root has no debt: it
 * may have its programs on a slow file system, and attacks no engine of its own.
 *
 * For one thread: the one that called foreign_start(). The calls block while a helper works, and at most for about
 * FOREIGN_ASLEEP_MS when it sleeps in the kernel without progress, or about FOREIGN_WORKS_MS of processor time. A
 * helper that waits for a processor is waited for.
 */
#ifndef RDMASEC_PROCESS_FOREIGN_H
#define RDMASEC_PROCESS_FOREIGN_H

#include "process/process.h"

enum {
	FOREIGN_ASLEEP_MS = 160, /* without progress; twice as long in all */
	FOREIGN_LATE_MS = 10000, /* until a helper that sleeps is given up by foreign_receive_late() */
	FOREIGN_SEARCH_MS = 250, /* of one process */
	FOREIGN_WORKS_MS = 320,
	FOREIGN_HELPERS_MAX = 64, /* those that were given up included */
	FOREIGN_DEBT_MS = 1000,   /* what an account may have the calls wait at once, and then a tenth of the time */
};

struct foreign;

/*
 * Starts the spawner. Call it before privileges are dropped, and while the process has one thread. `sysfs` is "/sys",
 * or a folder of a test, and is borrowed. Returns 0 or -errno.
 */
RS_MUST_USE int foreign_start(const char *sysfs, struct foreign **out);
/* Ends the spawner and waits for its end, not for the helpers, which end by themselves. NULL is allowed. */
void foreign_stop(struct foreign *foreign);
/* Returns an fd that is readable when the spawner has ended; foreign keeps it. */
int foreign_pidfd(const struct foreign *foreign);
/* Whether this is the process that shares the files of the engine: it holds none that the engine does not. */
bool foreign_is_keeper(const struct foreign *foreign, pid_t pid);
/* Returns the number of helpers that were given up and have not ended. */
unsigned foreign_stuck(const struct foreign *foreign);

/* ---- processes: process_open() and its like, in a helper; `foreign` NULL: in the calling thread ---- */

/* Returns 0, and process_close() is due; or -errno as process_open(), or as foreign_take(). */
RS_MUST_USE int foreign_open(struct foreign *foreign, pid_t pid, struct process *out);
/*
 * Reads the other facts of a process that process_identify...() has found: process_describe(). Returns 0; -ESRCH also
 * when the process has ended since; or -errno as foreign_take(). The caller still closes the process.
 */
RS_MUST_USE int foreign_describe(struct foreign *foreign, struct process *process);
/* 0, and the caller closes *out_fd; or -errno as process_open_netns(), or as foreign_take(). */
RS_MUST_USE int foreign_open_netns(struct foreign *foreign, const struct process *process, int *out_fd);
/*
 * As process_find_by_environment(). -EBUSY or -ETIMEDOUT: a process delays the search, so there may be one. `variable`
 * has at most 255 octets.
 */
RS_MUST_USE int foreign_find_by_environment(struct foreign *foreign, const char *variable, struct process *out);

/* ---- their files ---- */

struct foreign_file {
	int fd; /* of a uverbs device; the caller returns it by foreign_close_device() */
	dev_t rdev;
	/* foreign_receive(): 0 if the process has the same open file under the number; else -EBADF; -EPERM: it has, but
	 * the file cannot be taken from there; or -errno of process_fetch_fd() */
	int same_err;
	pid_t thread; /* which has the number in a table of files of its own; 0: the table of the process */
};

/*
 * Duplicates fd `number` of the process if it is one of a uverbs device. Returns 0; -ENODEV: it is another file;
 * -EBADF, -EPERM or -ESRCH as process_fetch_fd(); -EBUSY: a helper hangs for the process's account, or for too many
 * accounts, or the account's debt is too high; -ETIMEDOUT: this one hangs now; or another -errno. `foreign` NULL: the
 * calling thread does it, in tests.
 */
RS_MUST_USE int foreign_take(struct foreign *foreign, const struct process *process, int number,
			     struct foreign_file *out);
/*
 * The same from the table of a thread (0: that of the process), if it is a file of the device `rdev`, which needs no
 * node in sysfs. -ENODEV: it is another file; -ESRCH: also when the thread has ended.
 */
RS_MUST_USE int foreign_take_of(struct foreign *foreign, const struct process *process, pid_t thread, int number,
				dev_t rdev, struct foreign_file *out);

/*
 * foreign_describe() the process, then receives the next message of `socket`, which the caller has seen (wire_peek()),
 * and the file with it: one request for both. Returns 0; -EBADMSG: there is no file, or more than one; -ENODEV: not a
 * uverbs device; else as foreign_describe() or foreign_take(). Also of a refused file the process may be described.
 * With `ticket` not NULL, -EINPROGRESS instead of -ETIMEDOUT: the helper sleeps, perhaps only because the host or a
 * file system is slow. The message is its own, *ticket is due to foreign_receive_late(), and until then the account is
 * barred (-EBUSY).
 */
RS_MUST_USE int foreign_receive(struct foreign *foreign, int socket, struct process *process, int number,
				struct foreign_file *out, int *ticket);
/*
 * The reply of a helper for which foreign_receive() returned -EINPROGRESS, of the same process. -EINPROGRESS: call it
 * again, or foreign_receive_cancel(). Anything else is the result of foreign_receive(), and the ticket is void;
 * -ETIMEDOUT: the helper has slept for FOREIGN_LATE_MS. Does not block.
 */
RS_MUST_USE int foreign_receive_late(struct foreign *foreign, int ticket, struct process *process,
				     struct foreign_file *out);
/* Gives up the helper, whose account is barred from then on as of one that hangs. The ticket is void. */
void foreign_receive_cancel(struct foreign *foreign, int ticket);

/* A descriptor of a process. */
struct foreign_place {
	uint64_t account;
	int32_t thread; /* in whose table of files it is; the process's pid: in that of the process */
	int32_t number;
};

/*
 * Finds the first of `places` that is the same open file as the one at `place`. Returns 0; -ENOENT: none; else as
 * foreign_take(). Places of accounts for which a helper hangs are passed over, and those of all other accounts once
 * several hang: then it cannot be found out that the file is known, and it is watched as another one.
 */
RS_MUST_USE int foreign_same(struct foreign *foreign, const struct foreign_place *place,
			     const struct foreign_place *places, size_t count, size_t *out);
/* The same for the calling process's fd `fd`, on which `account` had the question. */
RS_MUST_USE int foreign_same_as(struct foreign *foreign, uint64_t account, int fd, const struct foreign_place *places,
				size_t count, size_t *out);

/* Whether a helper hangs for this account: then -EBUSY is of its own making. */
bool foreign_hangs(struct foreign *foreign, uint64_t account);

/* Closes a uverbs fd, of which this may be the last reference. Does not block. */
void foreign_close_device(struct foreign *foreign, int fd);

/*
 * Closes a client's socket, in which messages with files may be. Shuts it down first, so that the client sees its end.
 * While a socket of the account hangs, helpers hold its further ones, as many as most_held() and HOLDERS_MAX say; what
 * is above that stays open here. Blocks for HOLDER_WAIT_MS at most.
 */
void foreign_close_socket(struct foreign *foreign, int socket, uint64_t account);

/* ---- searches ---- */

struct foreign_found {
	pid_t pid;
	uint64_t start_time;
	bool is_guarded; /* process_is_guarded(); a scan finds it out */
	int number;
	struct foreign_file file;
};

/* The fd is closed after the call. A value other than 0 ends the search, which then returns it. */
typedef int (*foreign_found_fn)(void *context, const struct process *process, const struct foreign_found *found);

/*
 * Visits every fd of the device `rdev` in the tables of all threads of the process. Returns 0; a value of `found`;
 * -ETIMEDOUT: not all could be visited in FOREIGN_SEARCH_MS, or the helper hangs; -ESRCH when the process has ended; or
 * else as foreign_take(). `found` may ask foreign_take() and foreign_same(), but not begin another search.
 */
RS_MUST_USE int foreign_search(struct foreign *foreign, const struct process *process, dev_t rdev,
			       foreign_found_fn found, void *context);

/* ---- the scan ---- */

enum { FOREIGN_DEVICES_MAX = 8 };

struct foreign_scope {
	/* All processes, and the tables of all their threads: process_search_all(); else process_scan(). */
	bool is_everything;
	/* then also the fds of these devices, which may have lost their nodes in sysfs */
	size_t device_count;
	dev_t devices[FOREIGN_DEVICES_MAX];
};

/* Starts a scan, unless one runs. Returns 0 or -errno as foreign_take(). */
RS_MUST_USE int foreign_scan_start(struct foreign *foreign, const struct foreign_scope *scope);
/* Returns an fd that is readable when foreign_scan_next() has something to return; -1: no scan runs. */
int foreign_scan_fd(const struct foreign *foreign);
/*
 * Returns 0 for a uverbs fd that was found; -EAGAIN: none yet; -ENOENT: the scan has ended, and *err is 0 or the first
 * -errno of a process that could not be inspected.
 */
RS_MUST_USE int foreign_scan_next(struct foreign *foreign, struct foreign_found *out, int *err);
/*
 * Call it every second during a scan. Gives up a scan that does not proceed, and goes on with the next descriptor in
 * another helper. Returns whether foreign_scan_fd() has changed.
 */
bool foreign_scan_check(struct foreign *foreign);

#endif
