/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The supervisor: the door outside of a program, for what no library can be loaded into. A seccomp filter has the
 * kernel stop the program at every verbs ioctl and hand it over by user notification (seccomp_unotify(2)); the
 * supervisor copies the command once, puts it to the engine, and carries it out itself, on a duplicate of the program's
 * fd, from the copy that was judged. What only the program itself can do (registering its memory) goes on in it.
 *
 * uverbs nodes are opened by the supervisor and put into the program, so that the old write() ABI is closed: the
 * kernel takes write() from the opener's credentials only (ib_safe_file_access() in rdma_core.h).
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
 * Filters the calling thread, and whatever it starts from now on, for good. Returns the listener (FD_CLOEXEC), which
 * somebody else has to serve: a thread that it stops cannot answer itself. -EBUSY: there is a notifier above it
 * already, and a second one is not possible (init_listener() in kernel/seccomp.c); -EACCES: neither no_new_privs nor
 * CAP_SYS_ADMIN; -errno.
 *
 * The filter refuses nothing by itself but what would lead around it: other architectures' system calls kill,
 * io_uring_setup(2) and opening by handle for writing are EPERM.
 */
RS_MUST_USE int supervisor_filter_install(void);

/*
 * Second lock, where the kernel has Landlock: the calling thread, and whatever it starts, can open no uverbs node and
 * make no device node, however the race between the supervisor's look at a path and the kernel's own ends. It costs:
 * mount(2) and its like are EPERM, and so is writing to what is created in / or /dev itself later on (not below their
 * folders). 0; -EOPNOTSUPP: the kernel has no Landlock, or not switched on; -errno.
 */
RS_MUST_USE int supervisor_landlock_install(void);

/* ---- in the supervisor ---- */

/* How a uverbs device gets into a program that opens its node. */
enum supervisor_opening {
	/* As the program itself would be let open it: by its ids, its capabilities and its cgroup. */
	SUPERVISOR_OPENS_AS_PROGRAM,
	/* It was given this device: its cgroup is not asked. That may deny it, and then nobody but we can open it. */
	SUPERVISOR_OPENS_GIVEN,
	/* By the program itself, which can then command the device by write() as well, unheard. */
	SUPERVISOR_LETS_OPEN,
};

struct supervisor_options {
	/* The engine that judges: wire_address() of its name. It has to believe this process when it speaks for others:
	 * be the same user, or serve root. */
	struct sockaddr_un engine;
	socklen_t engine_len;
	/* Where a refusal's line goes, without its newline. Any thread, several at a time. NULL: nowhere. */
	void (*say)(const char *line, void *arg);
	/* Any thread. NULL: all SUPERVISOR_OPENS_AS_PROGRAM. */
	enum supervisor_opening (*opening)(dev_t rdev, void *arg);
	void *arg;
};

/*
 * Serves `listener`, which it takes over, until no process is left that is filtered by it. From threads of its own,
 * which have ended when it returns 0; after -errno there may be some left, and the process should end: then whatever is
 * asked fails with ENOSYS, and nothing hangs.
 *
 * The calling process needs to see the programs' pids, and may read their memory and take their fds: it is root
 * (CAP_SYS_PTRACE), or their ancestor and the same user (ptrace(2), Yama). Where it may not, all their verbs are
 * refused. With a capability that the program lacks, it carries out nothing that the kernel would ask it for.
 *
 * Signals: it blocks none and needs none.
 */
RS_MUST_USE int supervisor_serve(int listener, const struct supervisor_options *options);

#endif
