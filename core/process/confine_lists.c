// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The system calls that several processes need. A new libc that makes other calls needs a change here only. */
#include <linux/kcmp.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "process/confine.h"

static const struct confine_rule common[] = {
	/* programs: their identity and their uverbs fds */
	CONFINE_ALLOW(pidfd_open),
	CONFINE_ALLOW(pidfd_getfd),
	CONFINE_ALLOW_IF(kcmp, 1, CONFINE_INT(2, KCMP_FILE)),
	CONFINE_ALLOW_IF(kcmp, 1, CONFINE_INT(2, KCMP_FILES)),
	CONFINE_IOCTL(RDMA_VERBS_IOCTL),

	/* sockets to doors and to the engine, and wake-ups */
	CONFINE_ALLOW_IF(socket, 1, CONFINE_INT(0, AF_UNIX)),
	CONFINE_ALLOW(connect),
	CONFINE_ALLOW(getsockopt),
	CONFINE_ALLOW(setsockopt),
	CONFINE_ALLOW(sendto),
	CONFINE_ALLOW(sendmsg),
	CONFINE_ALLOW(recvfrom),
	CONFINE_ALLOW(recvmsg),
	CONFINE_ALLOW(poll),
	CONFINE_ALLOW(ppoll),
	CONFINE_ALLOW(pipe2),
	CONFINE_ALLOW(eventfd2),

	/* open files and their metadata; each process lists for itself which files it may open */
	CONFINE_ALLOW(read),
	CONFINE_ALLOW(pread64),
	CONFINE_ALLOW(write),
	CONFINE_ALLOW(writev),
	CONFINE_ALLOW(close),
	CONFINE_ALLOW(lseek),
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
	CONFINE_IOCTL(TCGETS), /* stdio, on its outputs */

	/* memory, none of it executable */
	CONFINE_ALLOW_IF(mmap, 1, CONFINE_BITS(2, PROT_EXEC, 0)),
	CONFINE_ALLOW_IF(mprotect, 1, CONFINE_BITS(2, PROT_EXEC, 0)),
	CONFINE_ALLOW(munmap),
	CONFINE_ALLOW(mremap),
	CONFINE_ALLOW(brk),
	CONFINE_ALLOW(madvise),
	CONFINE_ALLOW(futex),

	/* signals, time, and itself */
	CONFINE_ALLOW(rt_sigaction),
	CONFINE_ALLOW(rt_sigprocmask),
	CONFINE_ALLOW(rt_sigreturn),
	CONFINE_ALLOW(sigaltstack),
	CONFINE_ALLOW(restart_syscall),
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
	CONFINE_ALLOW_IF(prlimit64, 2, CONFINE_INT(0, 0), CONFINE_BITS(2, UINT64_MAX, 0)), /* reads its own limits */
	CONFINE_ALLOW(waitid),
	CONFINE_ALLOW(exit),
	CONFINE_ALLOW(exit_group),

	/* other programs */
	CONFINE_KILL(execve),
	CONFINE_KILL(execveat),
	CONFINE_KILL(ptrace),
};

static const struct confine_rule loop[] = {
	CONFINE_ALLOW(epoll_create1),   CONFINE_ALLOW(epoll_ctl),
	CONFINE_ALLOW(epoll_wait),      CONFINE_ALLOW(epoll_pwait),
	CONFINE_ALLOW(epoll_pwait2),    CONFINE_ALLOW(timerfd_create),
	CONFINE_ALLOW(timerfd_settime), CONFINE_ALLOW_IF(socketpair, 1, CONFINE_INT(0, AF_UNIX)),
	CONFINE_IOCTL(FIONREAD), /* libevent's buffers */
	CONFINE_ALLOW(accept),          CONFINE_ALLOW(accept4),
	CONFINE_ALLOW(getsockname),
};

const struct confine_list confine_common = CONFINE_LIST(common), confine_loop = CONFINE_LIST(loop);
