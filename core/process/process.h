/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A process: its identity, held by a pidfd so that its number cannot become another process's, and its open uverbs fds.
 * For processes of other users, all but the user id takes CAP_SYS_PTRACE (ptrace_may_access() in kernel/ptrace.c).
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
	uint64_t account;    /* pays for what the process uses of the engine: account.h */
	uint64_t start_time; /* in clock ticks since boot: with pid, a name that is not used again */
	bool executable_known;
	bool executable_is_local; /* its path names it for this host: executable_read() */
	char executable[256];     /* as /proc/PID/exe has it: " (deleted)" may follow */
	bool netns_known;
	dev_t netns_dev;
	ino_t netns_ino;
};

/*
 * Of another process, only the functions process_identify...() and process_has_ended() do not block. For each other
 * fact the kernel asks whether this process may ptrace the other one, and may wait until that has finished execve(2),
 * which closes files; their owner can delay that (the kernel's exec_update_lock: do_task_stat() in fs/proc/array.c,
 * proc_ns_get_link() in fs/proc/namespaces.c). An engine has a helper read them: foreign.h.
 */

/*
 * Finds pidfd, pid, user id and account. The other members are zero. Returns 0, and process_close() is due; -ESRCH when
 * there is none, or when it ended during the call; or another -errno.
 */
RS_MUST_USE int process_identify(pid_t pid, struct process *out);
/*
 * The same of the process that connected this stream socket of the UNIX domain, without its account. Since kernel 6.5
 * (SO_PEERPIDFD) it cannot be mistaken. On older kernels it could be if the process passed its end of the socket to a
 * child, ended, and its pid was reused at once.
 */
RS_MUST_USE int process_identify_peer(int socket, struct process *out);
/*
 * The same of the process `pid`, on behalf of which `peer` asks. Returns -EPERM unless `peer` is root or has all of its
 * user ids, as ptrace_may_access() demands for reading its memory.
 */
RS_MUST_USE int process_identify_subject(const struct process *peer, pid_t pid, struct process *out);
/* Reads the other members. 0 or -errno. The process may have ended: process_has_ended(). Blocks. */
RS_MUST_USE int process_describe(struct process *process);

/*
 * Opens a process. Returns 0, and process_close() is due; -ESRCH when there is none, or when it ended during the call;
 * or another -errno. Facts that take a privilege stay unknown without it. Blocks.
 */
RS_MUST_USE int process_open(pid_t pid, struct process *out);

/* Makes a second struct for the same process, with its own pidfd. Returns 0, and process_close() is due, or -errno. */
RS_MUST_USE int process_copy(const struct process *process, struct process *out);
void process_close(struct process *process);

bool process_has_ended(const struct process *process);

/*
 * Duplicates (FD_CLOEXEC) fd `number` of the process. Returns 0; -EBADF when the process has no such fd; -EPERM; -ESRCH
 * when it has ended, or, before kernel 6.9, when its first thread has (process_has_ended() distinguishes the two).
 */
RS_MUST_USE int process_fetch_fd(const struct process *process, int number, int *out_fd);

/*
 * The same from the table of files of one of its threads: a thread may have its own (unshare(2), CLONE_FILES). Returns
 * 0; -EBADF; -EPERM; -ESRCH when the thread has ended; -EINVAL before kernel 6.9 (PIDFD_THREAD), which has no way to
 * it.
 */
RS_MUST_USE int process_fetch_thread_fd(const struct process *process, pid_t thread, int number, int *out_fd);

/*
 * Sends SIGKILL through the pidfd, which cannot reach another process. Returns 0; -ESRCH when it has ended; -EPERM
 * without CAP_KILL in its user namespace, unless it has the caller's user id. Does not wait for its end.
 */
RS_MUST_USE int process_kill(const struct process *process);
/* The same with SIGCONT: continues a process that SIGSTOP has stopped, or is about to stop. */
RS_MUST_USE int process_continue(const struct process *process);

/* Opens its network namespace. Returns 0; -ESRCH when the process has ended; or -errno of open(2). */
RS_MUST_USE int process_open_netns(const struct process *process, int *out_fd);

/*
 * Finds a process of this user that was executed with the string `variable` ("NAME=value") in its environment, also if
 * it has cleared it since, or was forked by such a process; neither the calling one nor `except`. Reads
 * /proc/PID/environ, which a process can overwrite, and which is hidden while the process is not dumpable. Returns 0,
 * and process_close() is due; -ENOENT; or -errno of opening /proc. A hostile process of this user can delay it (its
 * memory is read). A process with another user id, real or effective, is not looked at.
 */
RS_MUST_USE int process_find_by_environment(const char *variable, pid_t except, struct process *out);

/* The names of a supervisor's process (PR_SET_NAME): that of a command, and that of a container. */
#define PROCESS_SUPERVISOR_NAME "rdmasec-super"
#define PROCESS_CONTAINER_NAME  "rdmasec-oci"

/* Whether the process has one of these names, or begins as all of rdmasec's do. Any process can take them. */
bool process_is_supervisor(pid_t pid);
bool process_is_rdmasec(pid_t pid);

/*
 * Whether the process has one of rdmasec's doors mapped, or a supervisor as an ancestor. Judged by names, so a hostile
 * program can pretend it; such a program can do without doors as well. Whether the door is active is not checked: a
 * provider module that cannot install its hook ends the process unless the policy lets it go on, and rdmasecd watches
 * the process's uverbs fds in both cases. Returns 0; -ESRCH; or -errno.
 */
RS_MUST_USE int process_is_guarded(pid_t pid, bool *out);

/*
 * Returns 0 and the device number if any fd is one of a uverbs device, -ENODEV if not, or -errno. Does not ask the file
 * system, which could delay the answer.
 */
RS_MUST_USE int process_uverbs_rdev(const char *sysfs, int fd, dev_t *out);

/*
 * Is called for each uverbs fd found; `fd` is closed after the call. A value other than 0 ends the search, which then
 * returns it. `sysfs` is "/sys", or a folder of a test.
 */
typedef int (*process_uverbs_fn)(void *context, const struct process *process, int number, int fd, dev_t rdev);
/*
 * Is called before a process is inspected (`number` -1), and before each of its fds is duplicated. Returns whether that
 * shall be done; false is no error.
 */
typedef bool (*process_visits_fn)(void *context, const struct process *process, int number);

/*
 * Visits every uverbs fd of the process. Returns 0; -ESRCH when it has ended; or -errno of the kernel or of `found`.
 * Blocks as long as the owner of a file likes (foreign.h).
 */
RS_MUST_USE int process_uverbs_fds(const char *sysfs, const struct process *process, process_uverbs_fn found,
				   void *context);

/* Whether the fd is of the character device `rdev`. Does not ask the file system. */
bool process_fd_is_of(int fd, dev_t rdev);

/*
 * A search of the tables of files of all threads of a process: that of the process (`thread` is 0), and those that only
 * a thread has. Before kernel 6.9 it cannot take files from the latter, and passes over them.
 */
struct process_search {
	const char *sysfs; /* finds the fds of all uverbs devices that have a node there; NULL: of none */
	/* and those of these devices, which need no node: a device that is being removed has lost it */
	const dev_t *devices;
	size_t device_count;
	/* As process_visits_fn and process_uverbs_fn; any value of `found` other than 0 ends the search. */
	bool (*visits)(void *context, const struct process *process, pid_t thread, int number); /* NULL: all */
	int (*found)(void *context, const struct process *process, pid_t thread, int number, int fd, dev_t rdev);
	void *context;
};

/*
 * Returns 0; -ESRCH when the process has ended; a value of `found`; or -errno. Blocks as process_uverbs_fds().
 */
RS_MUST_USE int process_search_fds(const struct process_search *search, const struct process *process);
/*
 * The same for all processes, guarded or not, but the calling one. Returns 0 or a value of `found`, at once; or, after
 * all were visited, the first -errno of a process that could not be inspected, unless it has ended or is closed to us.
 */
RS_MUST_USE int process_search_all(const struct process_search *search);

/*
 * Finds the thread that has the same open file as `fd`, which is of the calling process, under `number` in a table of
 * its own. Returns 0; -EBADF when none has; or -errno. Can block in kcmp(2), as process_uverbs_fds() does.
 */
RS_MUST_USE int process_find_thread_with(const struct process *process, int number, int fd, pid_t *out_thread);

/*
 * process_uverbs_fds() for all guarded processes; skips processes that end, and those that `visits` (NULL: none) leaves
 * out. Returns 0; the first -errno of `found`, at once; or, after all were visited, the first -errno of a process that
 * could not be inspected. Blocks as process_uverbs_fds().
 */
RS_MUST_USE int process_scan(const char *sysfs, process_visits_fn visits, process_uverbs_fn found, void *context);

#endif
