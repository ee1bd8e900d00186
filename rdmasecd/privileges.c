// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "privileges.h"

#include <errno.h>
#include <linux/capability.h>

#include "process/confine.h"
#include "process/spawn.h"

enum { FILES_WANTED = 65536 };

static const int kept[] = {
	/* needed to read xfrm state and events (xfrm_user_rcv_msg()), and for a large buffer of the socket that
	 * receives them (SO_RCVBUFFORCE) */
	CAP_NET_ADMIN,
	/* needed to inspect processes of other users: the executable (proc_pid_readlink()), the network namespace
	 * (proc_ns_get_link()), a duplicate of the uverbs fd for stopping a queue pair (pidfd_getfd(2)), and whether it
	 * is still the same file (kcmp(2)) */
	CAP_SYS_PTRACE,
	/* needed to end a process of another user whose queue pair can neither be checked nor stopped */
	CAP_KILL,
};

int privileges_drop(void)
{
	int err;

	/* a client takes a socket and a pidfd, a network namespace six descriptors */
	spawn_raise_files(FILES_WANTED);
	err = confine_to_capabilities(kept, sizeof(kept) / sizeof(kept[0]));
	if (err || CONFINE_UNDER_SANITIZER)
		return err;
	return privileges_filter_calls();
}
