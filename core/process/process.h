/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A process as the kernel knows it: who it is, held by a pidfd so that it cannot become another one, and the uverbs fds
 * that it has open. Of processes of other users, all but the name of the user takes CAP_SYS_PTRACE
 * (ptrace_may_access() in kernel/ptrace.c).
 */
#ifndef RDMASEC_PROCESS_PROCESS_H
#define RDMASEC_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/attributes.h"

struct process {
	int pidfd; /* readable (POLLIN) once it has ended */
	pid_t pid;
	uid_t uid;           /* effective; of a socket's peer, that of its connect(2) */
	uint64_t start_time; /* in clock ticks since boot: with pid, a name that is not used again */
	bool executable_known;
	char executable[256]; /* as /proc/PID/exe has it: " (deleted)" may follow */
	bool netns_known;
	dev_t netns_dev;
	ino_t netns_ino;
};

/*
 * 0; -ESRCH: there is no such process, or it ended meanwhile, so that what was read may be another's; -errno.
 * What only privilege tells is not known without it. process_close() is due.
 */
RS_MUST_USE int process_open(pid_t pid, struct process *out);

/*
 * The process that connected this stream socket of the UNIX domain. From kernel 6.5 on it cannot be mistaken for
 * another (SO_PEERPIDFD). Before that, a process that hands its end of the socket to a child and ends could be, if its
 * pid is given anew within the moment: the end of the socket being open is all that there is to see.
 */
RS_MUST_USE int process_open_peer(int socket, struct process *out);

/*
 * The process `pid`, for which `peer`, who connected a socket, speaks. -EPERM: he may not: he is neither root nor of
 * all of its user ids, and so could not have read its memory (ptrace_may_access()). Else as process_open().
 */
RS_MUST_USE int process_open_subject(const struct process *peer, pid_t pid, struct process *out);

/* A second struct for the same process, with its own pidfd: for callbacks that keep it. */
RS_MUST_USE int process_copy(const struct process *process, struct process *out);
void process_close(struct process *process);

bool process_has_ended(const struct process *process);

/*
 * A duplicate (FD_CLOEXEC) of its fd `number`. -EBADF: it has none; -EPERM; -ESRCH: it has ended, or, before
 * kernel 6.9, its first thread has, and others go on (process_has_ended() tells).
 */
RS_MUST_USE int process_fetch_fd(const struct process *process, int number, int *out_fd);

/* An open fd of its network namespace. 0; -ESRCH: it has ended; -EACCES and others of open(2). */
RS_MUST_USE int process_open_netns(const struct process *process, int *out_fd);

/* What a supervisor calls itself (PR_SET_NAME). */
#define PROCESS_SUPERVISOR_NAME "rdmasec-super"

/*
 * Has it one of rdmasec's doors loaded, or a supervisor above it? By the name of a mapped file, or of a process: what a
 * program that wants to can pretend, as it can do without doors altogether. Whether the door stands is not asked: a
 * provider module that cannot ends its process unless the policy has it go on, and rdmasecd looks after what such a
 * process has open either way.
 */
RS_MUST_USE int process_is_guarded(pid_t pid, bool *out);

/* Of an fd that may be anything: 0 and the device number of a uverbs device; -ENODEV: it is none. Waits for nobody. */
RS_MUST_USE int process_uverbs_rdev(const char *sysfs, int fd, dev_t *out);

/*
 * `fd` is closed after the call. Anything but 0 ends the search, and is what it returns. `sysfs` is "/sys" but in
 * tests.
 */
typedef int (*process_uverbs_fn)(void *context, const struct process *process, int number, int fd, dev_t rdev);

/* Every fd of the process that is a uverbs device. 0; -ESRCH: it has ended; -errno of the kernel or of `found`. */
RS_MUST_USE int process_uverbs_fds(const char *sysfs, const struct process *process, process_uverbs_fn found,
				   void *context);

/*
 * The same of all guarded processes. Those that end meanwhile are passed over. 0; the first -errno of `found`; else,
 * when all have been looked at, the first -errno of a process that could not be looked into.
 */
RS_MUST_USE int process_scan(const char *sysfs, process_uverbs_fn found, void *context);

#endif
