// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * What the daemon can do after it has dropped its privileges, and what it cannot: each in a process that drops them,
 * for real. Needs root; without, the tests are skipped.
 */
#include <cap-ng.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/kcmp.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "evidence/facts.h"
#include "netns/netns.h"
#include "rdmasecd/privileges.h"
#include "skip.h"
#include "xfrm/table.h"

static void setup(void)
{
	NEED_ROOT();
}

TestSuite(privileges, .init = setup, .timeout = 60);

/* Another user's process, as clients are. */
static pid_t client_start(void)
{
	int ready[2];
	pid_t pid;
	char byte;

	cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		/* lowers its dumpability, as exec by that user does not */
		if (setgid(65534) || setuid(65534) || prctl(PR_SET_DUMPABLE, 1) || write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void client_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Waits for what was forked; its wait(2) status. */
static int status_of(pid_t child)
{
	int status;

	cr_assert_geq(child, 0);
	cr_assert_eq(waitpid(child, &status, 0), child);
	return status;
}

/* In the child: says which check failed by its line. Not _exit(): AddressSanitizer makes calls before that. */
#define MUST(condition)                                                                         \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			dprintf(2, "line %d: %s: %s\n", __LINE__, #condition, strerror(errno)); \
			syscall(SYS_exit_group, 1);                                             \
		}                                                                               \
	} while (0)

static _Noreturn void done(void)
{
	for (;;)
		syscall(SYS_exit_group, 0);
}

static void drop_all(void)
{
	MUST(!privileges_drop());
	MUST(!privileges_filter_calls());
}

/* ---- what is kept ---- */

static bool status_line_is(const char *name, unsigned long long value, int base)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[128];
	bool found = false;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			found = strtoull(line + strlen(name) + 1, NULL, base) == value;
	if (file)
		fclose(file);
	return found;
}

Test(privileges, keeps_two_capabilities)
{
	const unsigned long long kept = 1ULL << CAP_NET_ADMIN | 1ULL << CAP_SYS_PTRACE | 1ULL << CAP_KILL;
	struct rlimit limit = { 256, 4096 };
	/* the hard limit is raised only by who may */
	const rlim_t files = capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_RESOURCE) ? 65536 : 4096;
	pid_t child = fork();

	if (child == 0) {
		MUST(!setrlimit(RLIMIT_NOFILE, &limit));
		drop_all();
		MUST(status_line_is("CapEff", kept, 16) && status_line_is("CapPrm", kept, 16));
		MUST(status_line_is("CapInh", 0, 16) && status_line_is("CapAmb", 0, 16));
		MUST(status_line_is("NoNewPrivs", 1, 10) && status_line_is("Seccomp", 2, 10));
		MUST(!getrlimit(RLIMIT_CORE, &limit) && limit.rlim_max == 0);
		MUST(!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur == files);
		done();
	}
	cr_expect_eq(status_of(child), 0);
}

Test(privileges, refuses_to_start_as_ordinary_user)
{
	pid_t child = fork();

	if (child == 0) {
		MUST(!setgid(65534) && !setuid(65534));
		MUST(privileges_drop() == -EPERM);
		done();
	}
	cr_expect_eq(status_of(child), 0);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

Test(privileges, event_loop_runs)
{
	const struct timeval soon = { .tv_usec = 1000 };
	pid_t child = fork();

	if (child == 0) {
		struct event_base *base;
		struct event *timer, *hangup;

		drop_all();
		base = event_base_new();
		MUST(base);
		timer = evtimer_new(base, on_timer, base);
		hangup = evsignal_new(base, SIGHUP, on_timer, base);
		MUST(timer && hangup && !event_add(hangup, NULL) && !event_add(timer, &soon));
		MUST(event_base_dispatch(base) == 0);
		done();
	}
	cr_expect_eq(status_of(child), 0);
}

Test(privileges, reads_evidence)
{
	pid_t child = fork();

	if (child == 0) {
		struct netns_opener *opener;
		struct evidence before, after;
		const unsigned int group = 3;
		struct netns *ns;
		int fd;

		MUST(!netns_opener_start(&opener));
		evidence_read(&before);
		drop_all();
		evidence_read(&after);
		MUST(before.links_state == EVIDENCE_READ && after.links_state == EVIDENCE_READ);
		MUST(after.link_count == before.link_count);
		MUST(after.routes6_state == before.routes6_state && after.macsec_state == before.macsec_state);
		MUST(xfrm_table_state(after.xfrm) == xfrm_table_state(before.xfrm));
		MUST(!netns_open(opener, -1, &ns) && !netns_listen(ns, NETLINK_XFRM, &group, 1, &fd));
		netns_close(ns);
		netns_opener_stop(opener);
		done();
	}
	cr_expect_eq(status_of(child), 0);
}

/* All that is ever asked of a client's process, which is another user's. */
Test(privileges, identifies_clients)
{
	pid_t client = client_start(), child = fork();

	if (child == 0) {
		char path[64], executable[256];
		int pidfd, fd, own;
		struct stat st;

		drop_all();
		snprintf(path, sizeof(path), "/proc/%d/exe", (int)client);
		MUST(readlink(path, executable, sizeof(executable)) > 0);
		snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)client);
		own = open(path, O_RDONLY | O_CLOEXEC);
		MUST(!stat(path, &st) && own >= 0);
		pidfd = (int)syscall(SYS_pidfd_open, client, 0);
		MUST(pidfd >= 0);
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, 2, 0);
		MUST(fd >= 0);
		MUST(syscall(SYS_kcmp, getpid(), client, KCMP_FILE, fd, 2) == 0);
		MUST(syscall(SYS_kcmp, getpid(), client, KCMP_FILE, own, 2) > 0);
		/* allowed, but that is no device */
		MUST(ioctl(own, RDMA_VERBS_IOCTL, NULL) < 0 && errno == ENOTTY);
		done();
	}
	cr_expect_eq(status_of(child), 0);
	client_stop(client);
}

/* The gate's maps are open since before. The kernel answers, here that there is no such map. */
Test(privileges, changes_maps_of_the_gate)
{
	pid_t child = fork();

	if (child == 0) {
		union bpf_attr attr = { .map_fd = UINT32_MAX };

		drop_all();
		MUST(syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)) < 0 && errno == EBADF);
		MUST(syscall(SYS_bpf, BPF_MAP_GET_NEXT_KEY, &attr, sizeof(attr)) < 0 && errno == EBADF);
		done();
	}
	cr_expect_eq(status_of(child), 0);
}

/* As traffic_read() in core/hazards does: no such netdev, or a kernel without tcx. */
Test(privileges, counts_programs_of_tcx)
{
	pid_t child = fork();

	if (child == 0) {
		union bpf_attr attr = { .query = { .target_fd = INT32_MAX, .attach_type = 47 /* BPF_TCX_EGRESS */ } };

		drop_all();
		MUST(syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) < 0 && (errno == ENODEV || errno == EINVAL));
		done();
	}
	cr_expect_eq(status_of(child), 0);
}

Test(privileges, sends_signals_that_end_or_continue_only)
{
	pid_t client = client_start(), child = fork();

	if (child == 0) {
		int pidfd = (int)syscall(SYS_pidfd_open, client, 0);

		drop_all();
		MUST(!syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0));
		MUST(syscall(SYS_pidfd_send_signal, pidfd, SIGSTOP, NULL, 0) < 0 && errno == EPERM);
		MUST(syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0 && errno == EPERM);
		MUST(!syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0));
		done();
	}
	cr_expect_eq(status_of(child), 0);
	client_stop(client);
}

Test(privileges, writes_audit_log)
{
	char path[] = "/tmp/test-privileges-XXXXXX", text[16] = "";
	int fd = mkstemp(path);
	pid_t child;

	cr_assert_geq(fd, 0);
	child = fork();
	if (child == 0) {
		FILE *log;

		drop_all();
		log = fopen(path, "ae");
		MUST(log && fputs("a line\n", log) >= 0 && !fflush(log) && !fsync(fileno(log)) && !fclose(log));
		MUST(!fopen(path, "we") && errno == EPERM);
		MUST(!fopen(path, "r+e") && errno == EPERM);
		done();
	}
	cr_expect_eq(status_of(child), 0);
	cr_expect_eq(read(fd, text, sizeof(text)), 7, "%s", text);
	close(fd);
	unlink(path);
}

/* ---- what is refused ---- */

static long inet_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static long packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static long push_to_terminal(void)
{
	return ioctl(0, TIOCSTI, "");
}

static long executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static long change_mode(void)
{
	return chmod("/tmp/no-such-file", 0);
}

static long delete_file(void)
{
	return unlink("/tmp/no-such-file");
}

static long signal_parent(void)
{
	return kill(getppid(), 0);
}

static long change_user(void)
{
	return syscall(SYS_setuid, 0);
}

static long make_device(void)
{
	return mknod("/tmp/no-such-device", S_IFCHR, 0);
}

static long compare_memory(void)
{
	return syscall(SYS_kcmp, getpid(), getpid(), KCMP_VM, 0, 0);
}

static long attach_bpf(void)
{
	return syscall(SYS_bpf, BPF_PROG_ATTACH, NULL, 0);
}

static long set_limit(void)
{
	const struct rlimit none = { 0, 0 };

	return setrlimit(RLIMIT_NOFILE, &none);
}

Test(privileges, refuses_other_calls)
{
	static long (*const calls[])(void) = {
		inet_socket,   packet_socket, push_to_terminal, executable_memory, change_mode, delete_file,
		signal_parent, change_user,   make_device,      compare_memory,    set_limit,   attach_bpf,
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		pid_t child = fork();

		if (child == 0) {
			drop_all();
			errno = 0;
			MUST(calls[i]() < 0 && errno == EPERM);
			done();
		}
		cr_expect_eq(status_of(child), 0, "row %zu", i);
	}
}

static void execute(void)
{
	execl("/bin/true", "true", NULL);
}

static void forks(void)
{
	if (syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0) == 0)
		done();
}

static void traces(void)
{
	ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static void reads_memory(void)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { &byte, 1 };

	process_vm_readv(getppid(), &here, 1, &there, 1, 0);
}

static void writes_memory(void)
{
	char byte = 0;
	struct iovec here = { &byte, 1 }, there = { &byte, 1 };

	process_vm_writev(getppid(), &here, 1, &there, 1, 0);
}

static void enters_namespace(void)
{
	setns(open("/proc/self/ns/net", O_RDONLY), CLONE_NEWNET);
}

static void makes_namespace(void)
{
	unshare(CLONE_NEWUSER);
}

static void mounts(void)
{
	mount("none", "/mnt", "tmpfs", 0, NULL);
}

static void loads_module(void)
{
	syscall(SYS_init_module, NULL, 0, "");
}

static void loads_bpf(void)
{
	syscall(SYS_bpf, BPF_PROG_LOAD, NULL, 0);
}

static void makes_map(void)
{
	syscall(SYS_bpf, BPF_MAP_CREATE, NULL, 0);
}

static void makes_ring(void)
{
	syscall(SYS_io_uring_setup, 1, NULL);
}

Test(privileges, ends_process_at_forbidden_calls)
{
	static void (*const calls[])(void) = {
		execute,         forks,  traces,       reads_memory, writes_memory, enters_namespace,
		makes_namespace, mounts, loads_module, loads_bpf,    makes_map,     makes_ring,
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			drop_all();
			calls[i]();
			done();
		}
		status = status_of(child);
		cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "row %zu: %x", i, status);
	}
}
