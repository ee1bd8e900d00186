// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Two processes, and two lists of calls: the agent's, which has to have all of the other's as well, since a filter can
 * only be added to; and that of whoever serves a container, which reads what a hostile program has written.
 */
#include "confined.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/seccomp.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "confine.h"

#define AN_IOCTL(request) CONFINE_ALLOW_IF(ioctl, 1, CONFINE_INT(1, request))
#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* Of who serves a container. */
static const struct confine_rule serving[] = {
	/* notifications, and the processes that they speak of */
	CONFINE_ALLOW_IF(seccomp, 1, CONFINE_INT(0, SECCOMP_GET_NOTIF_SIZES)),
	AN_IOCTL(SECCOMP_IOCTL_NOTIF_RECV),
	AN_IOCTL(SECCOMP_IOCTL_NOTIF_SEND),
	AN_IOCTL(SECCOMP_IOCTL_NOTIF_ID_VALID),
	AN_IOCTL(SECCOMP_IOCTL_NOTIF_ADDFD),
	AN_IOCTL(RDMA_VERBS_IOCTL),
	CONFINE_ALLOW(process_vm_readv),
	CONFINE_ALLOW(process_vm_writev),
	CONFINE_ALLOW(pidfd_open),
	CONFINE_ALLOW(pidfd_getfd),
	CONFINE_ALLOW_IF(kcmp, 1, CONFINE_INT(2, KCMP_FILE)),
	CONFINE_ALLOW(poll),
	CONFINE_ALLOW(ppoll),

	/* the engine */
	CONFINE_ALLOW_IF(socket, 1, CONFINE_INT(0, AF_UNIX)),
	CONFINE_ALLOW(connect),
	CONFINE_ALLOW(getsockopt),
	CONFINE_ALLOW(setsockopt),
	CONFINE_ALLOW(sendmsg),
	CONFINE_ALLOW(sendto),
	CONFINE_ALLOW(recvmsg),
	CONFINE_ALLOW(recvfrom),

	/* files: none is made, none is emptied */
	CONFINE_ALLOW_IF(openat, 1, CONFINE_BITS(2, O_CREAT | O_TRUNC, 0)),
	CONFINE_ALLOW(openat2),
	CONFINE_ALLOW(read),
	CONFINE_ALLOW(pread64),
	CONFINE_ALLOW(write),
	CONFINE_ALLOW(writev),
	CONFINE_ALLOW(close),
	CONFINE_ALLOW(lseek),
	CONFINE_ALLOW(fcntl),
	CONFINE_ALLOW(dup),
	CONFINE_ALLOW(fstat),
	CONFINE_ALLOW(stat),
	CONFINE_ALLOW(lstat),
	CONFINE_ALLOW(newfstatat),
	CONFINE_ALLOW(statx),
	CONFINE_ALLOW(access),
	CONFINE_ALLOW(faccessat),
	CONFINE_ALLOW(faccessat2),
	CONFINE_ALLOW(readlink),
	CONFINE_ALLOW(readlinkat),
	CONFINE_ALLOW(getdents64),
	CONFINE_ALLOW(fstatfs),
	CONFINE_ALLOW(pipe2),
	CONFINE_ALLOW(eventfd2),
	AN_IOCTL(TCGETS), /* stdio, of what it writes to */

	/* threads, and the process that opens a device by a program's ids, in its cgroup (supervisor/place.c) */
	CONFINE_ALLOW_IF(clone, 1, CONFINE_BITS(0, CLONE_THREAD | NAMESPACES, CLONE_THREAD)),
	CONFINE_ALLOW(clone3),
	CONFINE_ALLOW(waitid),
	CONFINE_ALLOW(dup3),
	CONFINE_ALLOW(setgroups),
	CONFINE_ALLOW(setresgid),
	CONFINE_ALLOW(setresuid),
	CONFINE_ALLOW(capset),
	CONFINE_ALLOW(set_robust_list),
	CONFINE_ALLOW(rseq),
	CONFINE_ALLOW(futex),
	CONFINE_ALLOW(sched_yield),
	CONFINE_ALLOW(sched_getaffinity),
	CONFINE_ALLOW(rt_sigprocmask),
	CONFINE_ALLOW(rt_sigaction),
	CONFINE_ALLOW(rt_sigreturn),
	CONFINE_ALLOW(sigaltstack),
	CONFINE_ALLOW(restart_syscall),
	CONFINE_ALLOW_IF(prctl, 1, CONFINE_INT(0, PR_SET_NAME)),

	/* memory, none of it executable */
	CONFINE_ALLOW_IF(mmap, 1, CONFINE_BITS(2, PROT_EXEC, 0)),
	CONFINE_ALLOW_IF(mprotect, 1, CONFINE_BITS(2, PROT_EXEC, 0)),
	CONFINE_ALLOW(munmap),
	CONFINE_ALLOW(mremap),
	CONFINE_ALLOW(brk),
	CONFINE_ALLOW(madvise),

	/* time, and itself */
	CONFINE_ALLOW(clock_gettime),
	CONFINE_ALLOW(clock_nanosleep),
	CONFINE_ALLOW(gettimeofday),
	CONFINE_ALLOW(getrandom),
	CONFINE_ALLOW(uname),
	CONFINE_ALLOW(sysinfo), /* qsort(3) of libc */
	CONFINE_ALLOW(getpid),
	CONFINE_ALLOW(gettid),
	CONFINE_ALLOW(getuid),
	CONFINE_ALLOW(geteuid),
	CONFINE_ALLOW(getgid),
	CONFINE_ALLOW(getegid),
	CONFINE_ALLOW(getrlimit),
	CONFINE_ALLOW_IF(prlimit64, 2, CONFINE_INT(0, 0), CONFINE_BITS(2, UINT64_MAX, 0)), /* asks, of itself */
	CONFINE_ALLOW(exit),
	CONFINE_ALLOW(exit_group),
	CONFINE_KILL(execve),
	CONFINE_KILL(execveat),
	CONFINE_KILL(ptrace),
};

/* Of the agent beside that, and of who is about to serve a container. */
static const struct confine_rule preparing[] = {
	/* the loop: libevent and its signals */
	CONFINE_ALLOW(epoll_create1),
	CONFINE_ALLOW(epoll_ctl),
	CONFINE_ALLOW(epoll_wait),
	CONFINE_ALLOW(epoll_pwait),
	CONFINE_ALLOW(epoll_pwait2),
	CONFINE_ALLOW(timerfd_create),
	CONFINE_ALLOW(timerfd_settime),
	CONFINE_ALLOW_IF(socketpair, 1, CONFINE_INT(0, AF_UNIX)),
	AN_IOCTL(FIONREAD),

	/* runtimes, and the processes that serve their containers */
	CONFINE_ALLOW(accept4),
	CONFINE_ALLOW(accept),
	CONFINE_ALLOW(getsockname),
	CONFINE_ALLOW_IF(clone, 1, CONFINE_BITS(0, NAMESPACES, 0)),
	CONFINE_ALLOW(wait4),
	CONFINE_ALLOW(setsid),
	CONFINE_ALLOW(dup2),
	CONFINE_ALLOW(close_range),
	CONFINE_ALLOW_IF(setns, 1, CONFINE_INT(1, CLONE_NEWNET)),
	/* of a container's devices: whose driver's they are */
	CONFINE_ALLOW_IF(socket, 2, CONFINE_INT(0, AF_NETLINK), CONFINE_INT(2, NETLINK_RDMA)),
	CONFINE_ALLOW(bind),

	/* giving up more */
	CONFINE_ALLOW(prctl),
	CONFINE_ALLOW(capget),
	CONFINE_ALLOW(seccomp),
	CONFINE_ALLOW_IF(prlimit64, 1, CONFINE_INT(0, 0)),
	CONFINE_ALLOW(setrlimit),
};

enum { SERVING = sizeof(serving) / sizeof(serving[0]), PREPARING = sizeof(preparing) / sizeof(preparing[0]) };

int confined_agent(void)
{
	static const int kept[] = {
		/* what the others, below, need */
		CAP_SYS_PTRACE,
		CAP_SETUID,
		CAP_SETGID,
		/* setns(2) to a container's network namespace */
		CAP_SYS_ADMIN,
		/* a bundle may be in the home of a user who runs the runtime by sudo(8) */
		CAP_DAC_READ_SEARCH,
	};
	struct confine_rule calls[PREPARING + SERVING];
	int err = confine_to_capabilities(kept, sizeof(kept) / sizeof(kept[0]));

	memcpy(calls, preparing, sizeof(preparing));
	memcpy(calls + PREPARING, serving, sizeof(serving));
	return err ? err : confine_to_calls(SCMP_ACT_ERRNO(EPERM), calls, PREPARING + SERVING);
}

int confined_container(void)
{
	static const int kept[] = {
		/* the container's processes: their memory (process_vm_readv(2)), their fds (pidfd_getfd(2)), their root
		 * and working folder (/proc/PID/root) */
		CAP_SYS_PTRACE,
		/* a device is opened by a process that has become the program's user and groups */
		CAP_SETUID,
		CAP_SETGID,
	};
	int err = confine_to_capabilities(kept, sizeof(kept) / sizeof(kept[0]));

	return err ? err : confine_to_calls(SCMP_ACT_ERRNO(EPERM), serving, SERVING);
}
