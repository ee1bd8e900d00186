// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The system calls of the daemon. Other calls fail with EPERM: a newer libc may try one, and an engine without it still
 * refuses unknown state, while a dead engine revokes nothing. Calls that only an intruder would make kill the process:
 * systemd restarts it, and the kernel logs the call (audit type 1326).
 *
 * The filter cannot restrict files: with CAP_SYS_PTRACE, /proc/PID/mem can be opened, as pidfd_getfd(2) can be called.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <sys/socket.h>

#include "privileges.h"
#include "process/confine.h"

#define ALLOW_BPF(command) CONFINE_ALLOW_IF(bpf, 1, CONFINE_INT(0, command))
#define KILL_BPF(command)  CONFINE_RULE(SCMP_ACT_KILL_PROCESS, bpf, 1, CONFINE_INT(0, command))

/* In addition to confine_loop and confine_common (core/process/confine_lists.c). */
static const struct confine_rule own[] = {
	/* sockets of doors, opener, netlink and systemd; none that leaves the host */
	CONFINE_ALLOW_IF(socket, 1, CONFINE_INT(0, AF_NETLINK)),
	CONFINE_ALLOW(bind),
	CONFINE_ALLOW(listen),
	CONFINE_ALLOW(shutdown),
	CONFINE_ALLOW(getpeername),

	/* clients and helpers: their end; and what the kernel door has stopped: nothing else that a signal could do */
	CONFINE_ALLOW_IF(pidfd_send_signal, 1, CONFINE_INT(1, SIGKILL)),
	CONFINE_ALLOW_IF(pidfd_send_signal, 1, CONFINE_INT(1, SIGCONT)),

	/* clients: their network namespace */
	CONFINE_IOCTL(NS_GET_NSTYPE),
	CONFINE_IOCTL(NS_GET_USERNS),
	CONFINE_IOCTL(NS_GET_PARENT), /* the owner of a user namespace pays for its programs */
	CONFINE_IOCTL(NS_GET_OWNER_UID),

	/* files: reads /proc, /sys and the policy, and appends to the log; overwrites nothing */
	CONFINE_ALLOW_IF(openat, 1, CONFINE_BITS(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)),
	CONFINE_ALLOW_IF(openat, 1, CONFINE_BITS(2, O_ACCMODE | O_APPEND | O_TRUNC, O_WRONLY | O_APPEND)),
	CONFINE_ALLOW(readv),
	CONFINE_ALLOW(fsync),
	CONFINE_ALLOW(fdatasync),

	/* the maps of the gate, and the names of its programs, by fds from before; CAP_BPF has been dropped */
	ALLOW_BPF(BPF_MAP_LOOKUP_ELEM),
	ALLOW_BPF(BPF_MAP_UPDATE_ELEM),
	ALLOW_BPF(BPF_MAP_DELETE_ELEM),
	ALLOW_BPF(BPF_MAP_GET_NEXT_KEY),
	ALLOW_BPF(BPF_OBJ_GET_INFO_BY_FD),

	/* counts programs of tcx: core/hazards/traffic_read.c */
	ALLOW_BPF(BPF_PROG_QUERY),

	/* memory, time, own process */
	CONFINE_ALLOW(mlock),
	CONFINE_ALLOW(munlock),
	CONFINE_ALLOW(clock_getres),
	CONFINE_ALLOW(time),
	CONFINE_ALLOW(getppid),
	CONFINE_ALLOW(getrusage),
	CONFINE_ALLOW(wait4), /* the ends of opener and spawner */

	/* other programs, other processes' memory, other namespaces, other kernels: never */
	CONFINE_KILL(fork),
	CONFINE_KILL(vfork),
	CONFINE_KILL(clone),
	CONFINE_KILL(clone3),
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
	KILL_BPF(BPF_MAP_CREATE),
	KILL_BPF(BPF_PROG_LOAD),
	KILL_BPF(BPF_OBJ_GET),
	KILL_BPF(BPF_PROG_GET_FD_BY_ID),
	KILL_BPF(BPF_MAP_GET_FD_BY_ID),
	CONFINE_KILL(perf_event_open),
	CONFINE_KILL(userfaultfd),
	CONFINE_KILL(io_uring_setup),
};

int privileges_filter_calls(void)
{
	const struct confine_list lists[] = { CONFINE_LIST(own), confine_loop, confine_common };

	return confine_to_calls(SCMP_ACT_ERRNO(EPERM), lists, sizeof(lists) / sizeof(lists[0]));
}
