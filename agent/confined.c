// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Two kinds of process and two lists of system calls. A process that serves a container reads data of hostile programs
 * and has the shorter list. The agent, which starts it, needs that list too: a process can add filters, not remove
 * them.
 */
#include "confined.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "process/confine.h"

/* linux/seccomp.h of kernel 6.6 */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* For serving a container, in addition to confine_common (core/process/confine_lists.c). */
static const struct confine_rule serving[] = {
	/* notifications, and the memory of the processes that they name */
	CONFINE_ALLOW_IF(seccomp, 1, CONFINE_INT(0, SECCOMP_GET_NOTIF_SIZES)),
	CONFINE_IOCTL(SECCOMP_IOCTL_NOTIF_RECV),
	CONFINE_IOCTL(SECCOMP_IOCTL_NOTIF_SEND),
	CONFINE_IOCTL(SECCOMP_IOCTL_NOTIF_ID_VALID),
	CONFINE_IOCTL(SECCOMP_IOCTL_NOTIF_ADDFD),
	CONFINE_IOCTL(SECCOMP_IOCTL_NOTIF_SET_FLAGS),
	CONFINE_ALLOW(process_vm_readv),
	CONFINE_ALLOW(process_vm_writev),

	/* files: none is created or truncated */
	CONFINE_ALLOW_IF(openat, 1, CONFINE_BITS(2, O_CREAT | O_TRUNC, 0)),
	CONFINE_ALLOW(openat2),

	/* threads, and the child that opens a device with the ids and cgroup of a program (supervisor/place.c) */
	CONFINE_ALLOW_IF(clone, 1, CONFINE_BITS(0, CLONE_THREAD | NAMESPACES, CLONE_THREAD)),
	CONFINE_ALLOW(clone3),
	CONFINE_ALLOW(dup3),
	CONFINE_ALLOW(setgroups),
	CONFINE_ALLOW(setresgid),
	CONFINE_ALLOW(setresuid),
	CONFINE_ALLOW(capset),
	CONFINE_ALLOW(set_robust_list),
	CONFINE_ALLOW(rseq),
	CONFINE_ALLOW(sched_yield),
	CONFINE_ALLOW(sched_getaffinity),
	CONFINE_ALLOW_IF(prctl, 1, CONFINE_INT(0, PR_SET_NAME)),
};

/* For the agent in addition, and for a process that will serve a container. */
static const struct confine_rule preparing[] = {
	/* runtimes, and the processes that serve their containers */
	CONFINE_ALLOW_IF(clone, 1, CONFINE_BITS(0, NAMESPACES, 0)),
	CONFINE_ALLOW(wait4),
	CONFINE_ALLOW(setsid),
	CONFINE_ALLOW(dup2),
	CONFINE_ALLOW(close_range),
	CONFINE_ALLOW_IF(setns, 1, CONFINE_INT(1, CLONE_NEWNET)),
	/* the drivers of a container's devices */
	CONFINE_ALLOW_IF(socket, 2, CONFINE_INT(0, AF_NETLINK), CONFINE_INT(2, NETLINK_RDMA)),
	CONFINE_ALLOW(bind),

	/* giving up more privileges */
	CONFINE_ALLOW(prctl),
	CONFINE_ALLOW(capget),
	CONFINE_ALLOW(seccomp),
	CONFINE_ALLOW_IF(prlimit64, 1, CONFINE_INT(0, 0)),
	CONFINE_ALLOW(setrlimit),
};

int confined_agent(void)
{
	static const int kept[] = {
		/* needed by processes that serve containers, below */
		CAP_SYS_PTRACE,
		CAP_SETUID,
		CAP_SETGID,
		/* setns(2) to a container's network namespace */
		CAP_SYS_ADMIN,
		/* a bundle may be in the home of a user who runs the runtime by sudo(8) */
		CAP_DAC_READ_SEARCH,
	};
	const struct confine_list lists[] = { CONFINE_LIST(preparing), CONFINE_LIST(serving), confine_loop,
					      confine_common };
	int err = confine_to_capabilities(kept, sizeof(kept) / sizeof(kept[0]));

	return err ? err : confine_to_calls(SCMP_ACT_ERRNO(EPERM), lists, sizeof(lists) / sizeof(lists[0]));
}

int confined_container(void)
{
	static const int kept[] = {
		/* memory (process_vm_readv(2)), fds (pidfd_getfd(2)), root and working folder (/proc/PID/root) of the
		 * container's processes */
		CAP_SYS_PTRACE,
		/* a child that opens a device takes the user and groups of the program */
		CAP_SETUID,
		CAP_SETGID,
	};
	const struct confine_list lists[] = { CONFINE_LIST(serving), confine_common };
	int err = confine_to_capabilities(kept, sizeof(kept) / sizeof(kept[0]));

	return err ? err : confine_to_calls(SCMP_ACT_ERRNO(EPERM), lists, sizeof(lists) / sizeof(lists[0]));
}
