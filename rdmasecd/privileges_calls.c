// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The daemon's system calls. Any other one fails with EPERM: a libc of another release may try a newer call, and an
 * engine that goes on without it refuses what it cannot tell, where a dead one revokes nothing. But what only an
 * intruder would call ends the process, which systemd then starts anew, and the kernel logs it (audit type 1326).
 *
 * What this cannot say is which files: /proc/PID/mem is open to CAP_SYS_PTRACE, as pidfd_getfd(2) is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/nsfs.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "confine.h"
#include "privileges.h"

#define AN_IOCTL(request) CONFINE_ALLOW_IF(ioctl, 1, CONFINE_INT(1, request))

static const struct confine_rule calls[] = {
	/* the loop: libevent, its timers and signals */
	CONFINE_ALLOW(epoll_create1),
	CONFINE_ALLOW(epoll_ctl),
	CONFINE_ALLOW(epoll_wait),
	CONFINE_ALLOW(epoll_pwait),
	CONFINE_ALLOW(epoll_pwait2),
	CONFINE_ALLOW(poll),
	CONFINE_ALLOW(ppoll),
	CONFINE_ALLOW(timerfd_create),
	CONFINE_ALLOW(timerfd_settime),
	CONFINE_ALLOW(eventfd2),
	CONFINE_ALLOW(pipe2),
	CONFINE_ALLOW(rt_sigaction),
	CONFINE_ALLOW(rt_sigprocmask),
	CONFINE_ALLOW(rt_sigreturn),
	CONFINE_ALLOW(sigaltstack),
	CONFINE_ALLOW(restart_syscall),

	/* sockets: doors, the opener, the kernel's netlink, systemd's notifications; nothing that leaves the host */
	CONFINE_ALLOW_IF(socket, 1, CONFINE_INT(0, AF_UNIX)),
	CONFINE_ALLOW_IF(socket, 1, CONFINE_INT(0, AF_NETLINK)),
	CONFINE_ALLOW_IF(socketpair, 1, CONFINE_INT(0, AF_UNIX)),
	CONFINE_ALLOW(bind),
	CONFINE_ALLOW(connect),
	CONFINE_ALLOW(listen),
	CONFINE_ALLOW(accept),
	CONFINE_ALLOW(accept4),
	CONFINE_ALLOW(shutdown),
	CONFINE_ALLOW(getsockname),
	CONFINE_ALLOW(getpeername),
	CONFINE_ALLOW(getsockopt),
	CONFINE_ALLOW(setsockopt),
	CONFINE_ALLOW(sendto),
	CONFINE_ALLOW(sendmsg),
	CONFINE_ALLOW(recvfrom),
	CONFINE_ALLOW(recvmsg),

	/* clients: who they are, their uverbs fd, its queue pairs */
	CONFINE_ALLOW(pidfd_open),
	CONFINE_ALLOW(pidfd_getfd),
	CONFINE_ALLOW_IF(kcmp, 1, CONFINE_INT(2, KCMP_FILE)),
	AN_IOCTL(RDMA_VERBS_IOCTL),
	AN_IOCTL(NS_GET_NSTYPE),
	/* stdio asks TCGETS of what it writes to, libevent's buffers FIONREAD */
	AN_IOCTL(TCGETS),
	AN_IOCTL(FIONREAD),

	/* files: /proc, /sys and the policy are read, and the log grows; nothing is written over */
	CONFINE_ALLOW_IF(openat, 1, CONFINE_BITS(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)),
	CONFINE_ALLOW_IF(openat, 1, CONFINE_BITS(2, O_ACCMODE | O_APPEND | O_TRUNC, O_WRONLY | O_APPEND)),
	CONFINE_ALLOW(read),
	CONFINE_ALLOW(readv),
	CONFINE_ALLOW(pread64),
	CONFINE_ALLOW(write),
	CONFINE_ALLOW(writev),
	CONFINE_ALLOW(close),
	CONFINE_ALLOW(lseek),
	CONFINE_ALLOW(fsync),
	CONFINE_ALLOW(fdatasync),
	CONFINE_ALLOW(fcntl),
	CONFINE_ALLOW(dup),
	CONFINE_ALLOW(stat),
	CONFINE_ALLOW(lstat),
	CONFINE_ALLOW(fstat),
	CONFINE_ALLOW(newfstatat),
	CONFINE_ALLOW(statx),
	CONFINE_ALLOW(fstatfs),
	CONFINE_ALLOW(access),
	CONFINE_ALLOW(faccessat),
	CONFINE_ALLOW(faccessat2),
	CONFINE_ALLOW(readlink),
	CONFINE_ALLOW(readlinkat),
	CONFINE_ALLOW(getdents64),

	/* memory, none of it executable */
	CONFINE_ALLOW_IF(mmap, 1, CONFINE_BITS(2, PROT_EXEC, 0)),
	CONFINE_ALLOW_IF(mprotect, 1, CONFINE_BITS(2, PROT_EXEC, 0)),
	CONFINE_ALLOW(munmap),
	CONFINE_ALLOW(mremap),
	CONFINE_ALLOW(brk),
	CONFINE_ALLOW(madvise),
	CONFINE_ALLOW(mlock),
	CONFINE_ALLOW(munlock),
	CONFINE_ALLOW(futex),

	/* time, and itself */
	CONFINE_ALLOW(clock_gettime),
	CONFINE_ALLOW(clock_getres),
	CONFINE_ALLOW(clock_nanosleep),
	CONFINE_ALLOW(gettimeofday),
	CONFINE_ALLOW(time),
	CONFINE_ALLOW(getrandom),
	CONFINE_ALLOW(uname),
	CONFINE_ALLOW(sysinfo), /* qsort(3) of libc */
	CONFINE_ALLOW(getpid),
	CONFINE_ALLOW(gettid),
	CONFINE_ALLOW(getppid),
	CONFINE_ALLOW(getuid),
	CONFINE_ALLOW(geteuid),
	CONFINE_ALLOW(getgid),
	CONFINE_ALLOW(getegid),
	CONFINE_ALLOW(getrlimit),
	CONFINE_ALLOW_IF(prlimit64, 2, CONFINE_INT(0, 0), CONFINE_BITS(2, UINT64_MAX, 0)), /* asks, of itself */
	CONFINE_ALLOW(getrusage),
	CONFINE_ALLOW(wait4), /* the opener's end */
	CONFINE_ALLOW(waitid),
	CONFINE_ALLOW(exit),
	CONFINE_ALLOW(exit_group),

	/* other programs, other processes' memory, other namespaces, other kernels: never */
	CONFINE_KILL(execve),
	CONFINE_KILL(execveat),
	CONFINE_KILL(fork),
	CONFINE_KILL(vfork),
	CONFINE_KILL(clone),
	CONFINE_KILL(clone3),
	CONFINE_KILL(ptrace),
	CONFINE_KILL(process_vm_readv),
	CONFINE_KILL(process_vm_writev),
	CONFINE_KILL(setns),
	CONFINE_KILL(unshare),
	CONFINE_KILL(mount),
	CONFINE_KILL(umount2),
	CONFINE_KILL(move_mount),
	CONFINE_KILL(open_tree),
	CONFINE_KILL(fsopen),
	CONFINE_KILL(pivot_root),
	CONFINE_KILL(chroot),
	CONFINE_KILL(init_module),
	CONFINE_KILL(finit_module),
	CONFINE_KILL(delete_module),
	CONFINE_KILL(kexec_load),
	CONFINE_KILL(kexec_file_load),
	CONFINE_KILL(bpf),
	CONFINE_KILL(perf_event_open),
	CONFINE_KILL(userfaultfd),
	CONFINE_KILL(io_uring_setup),
};

int privileges_filter_calls(void)
{
	return confine_to_calls(SCMP_ACT_ERRNO(EPERM), calls, sizeof(calls) / sizeof(calls[0]));
}
