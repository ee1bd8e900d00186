/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The supervisor: the door outside a program, for programs that cannot load a library. A seccomp filter makes the
 * kernel stop the program at every verbs ioctl and notify the supervisor (seccomp_unotify(2)). The supervisor copies
 * the command once, puts it to the engine, and carries out the copy on a duplicate of the program's fd. The program
 * itself makes calls that only it can make, such as registering its memory.
 *
 * The supervisor opens uverbs nodes and puts them into the program. That closes the old write() ABI: the kernel
 * accepts write() with the opener's credentials only (ib_safe_file_access() in rdma_core.h).
 */
#ifndef RDMASEC_SUPERVISOR_SUPERVISOR_H
#define RDMASEC_SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "util/attributes.h"
#include "util/fd_socket.h"

/* ---- in the program, before its execve(2) ---- */

/*
 * Filters the calling thread and all its descendants, permanently. `is_locked`: supervisor_landlock_install() has
 * succeeded, so that fewer calls need to be stopped. Returns the listener (FD_CLOEXEC), which the caller
 * owns and another process must serve: a stopped thread cannot answer itself. -EBUSY: an ancestor has a notifier
 * already, and the kernel allows one (init_listener() in kernel/seccomp.c); -EACCES: neither no_new_privs nor
 * CAP_SYS_ADMIN; another -errno.
 *
 * The filter itself refuses only ways around it: system calls of other architectures kill the process;
 * io_uring_setup(2) and opening by handle for writing fail with EPERM.
 */
RS_MUST_USE int supervisor_filter_install(bool is_locked);

/*
 * A second lock, by Landlock: the calling thread and its descendants can open no uverbs node for writing and create no
 * device node, even if they win a race against the supervisor's look at a path. From kernel 6.12 on (Landlock ABI 6)
 * they can send signals only to each other, and so cannot kill or stop the supervisor and a private engine of their own
 * user. Its price: mount(2) and related calls fail with EPERM, as do writing to files that are created directly in / or
 * /dev later, and signals to processes outside. 0; -EOPNOTSUPP: the kernel
 * has no Landlock, or it is disabled; -errno.
 */
RS_MUST_USE int supervisor_landlock_install(void);

/* ---- in the supervisor ---- */

/* How a uverbs device gets into a program that opens its node. The zero value is the strictest. */
enum supervisor_opening {
	/* The supervisor opens it with the ids, capabilities and cgroup of the program. */
	SUPERVISOR_OPENS_AS_PROGRAM,
	/* The same without its cgroup, which may deny the device so that only the supervisor can open it. */
	SUPERVISOR_OPENS_GIVEN,
	/* The program opens it, and can then also command the device by write(), unnoticed. */
	SUPERVISOR_PROGRAM_OPENS,
};

/* The first call of a filtered program, which waits for its answer. */
struct supervisor_call;

/*
 * Waits for the first notification of `listener`. 0, and the caller frees *out, or gives it to supervisor_serve();
 * -ENOENT: no filtered process is left; another -errno. For a caller that has to know the program before it serves it.
 */
RS_MUST_USE int supervisor_call_await(int listener, struct supervisor_call **out);
/* The pid of its process as it is visible here; 0: it is not, or the process has ended. */
pid_t supervisor_call_pid(const struct supervisor_call *call);
/* Whether the call still waits: then all that was found by its pid is of that process. */
bool supervisor_call_waits(int listener, const struct supervisor_call *call);
void supervisor_call_free(struct supervisor_call *call); /* NULL is allowed; the program goes on waiting */

struct supervisor_options {
	/* The engine to ask (wire_address()). It must trust this process to ask for others: same user, or root. */
	struct sockaddr_un engine;
	socklen_t engine_len;
	/* Receives the line of a refusal, without newline. Any thread, several at a time. NULL: no output. */
	void (*say)(const char *line, void *arg);
	/* Any thread. NULL: always SUPERVISOR_OPENS_AS_PROGRAM. */
	enum supervisor_opening (*opening)(dev_t rdev, void *arg);
	/*
	 * The programs are locked by supervisor_landlock_install(). Otherwise opening a file for writing fails where
	 * the supervisor cannot tell whether it is a uverbs node.
	 */
	bool is_locked;
	void *arg;
	struct supervisor_call *first; /* answered first, and freed; NULL: none was awaited */
};

/*
 * Serves `listener`, which it owns from now on, until no filtered process is left. It starts threads, all of which have
 * ended when it returns 0. After -errno some may remain, and the process should exit: filtered calls then fail with
 * ENOSYS instead of hanging.
 *
 * The calling process must see the programs' pids and be allowed to read their memory and take their fds: as root
 * (CAP_SYS_PTRACE), or as an ancestor with the same user (ptrace(2), Yama). Otherwise it refuses all their verbs. It
 * never uses a capability that the program lacks. Blocks no signals and needs none.
 */
RS_MUST_USE int supervisor_serve(int listener, const struct supervisor_options *options);

#endif
