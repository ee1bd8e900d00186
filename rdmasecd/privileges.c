// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include "process/confine.h"

enum { FILES_WANTED = 65536 };

static const int kept[] = {
	/* needed to read xfrm state and events (xfrm_user_rcv_msg()), and for a large buffer of the socket that
	 * receives them (SO_RCVBUFFORCE) */
	CAP_NET_ADMIN,
	/* needed to inspect processes of other users: the executable (proc_pid_readlink()), the network namespace
	 * (proc_ns_get_link()), a duplicate of the uverbs fd for stopping a queue pair (pidfd_getfd(2)), and whether it
	 * is still the same file (kcmp(2)) */
	CAP_SYS_PTRACE,
};

/* A client takes a socket and a pidfd, a network namespace six descriptors. A lower limit fails later, at its use. */
static void raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= FILES_WANTED)
		return;
	if (files.rlim_max < FILES_WANTED) {
		const struct rlimit more = { FILES_WANTED, FILES_WANTED };

		if (!setrlimit(RLIMIT_NOFILE, &more))
			return;
	}
	files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

int privileges_drop(void)
{
	int err;

	raise_files();
	err = confine_to_capabilities(kept, sizeof(kept) / sizeof(kept[0]));
	if (err || CONFINE_UNDER_SANITIZER)
		return err;
	return privileges_filter_calls();
}
