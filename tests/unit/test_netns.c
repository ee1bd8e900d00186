// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Access to another, real network namespace: each test creates one, with a process in it that executes commands for the
 * test. Needs root; otherwise the tests are skipped. The opener's source is included, so that its filter can be tested
 * and its process found.
 */
#include "netns/opener.c"
#include "netns/opener_process.c"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <poll.h>
#include <sanitizer/lsan_interface.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "evidence/facts.h"
#include "skip.h"
#include "util/fd_socket.h"
#include "xfrm/table_internal.h"

/* A process in another namespace. */
struct other {
	pid_t pid;
	int socket; /* receives shell commands, returns their exit statuses */
	int fd;     /* the namespace */
};

static struct netns_opener *opener;
static struct other other;

static _Noreturn void obey(int socket)
{
	char command[256];
	ssize_t n;

	if (unshare(CLONE_NEWNET))
		_exit(1);
	while ((n = recv(socket, command, sizeof(command) - 1, 0)) > 0) {
		unsigned char status;

		command[n] = '\0';
		status = system(command) != 0;
		if (send(socket, &status, 1, 0) != 1)
			break;
	}
	_exit(0);
}

static void tell(const char *command)
{
	unsigned char status = 1;

	cr_assert_eq(send(other.socket, command, strlen(command), 0), (ssize_t)strlen(command));
	cr_assert_eq(recv(other.socket, &status, 1, 0), 1);
	cr_assert_eq(status, 0, "%s", command);
}

static int open_of(pid_t pid, const char *ns)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0, "%s", path);
	return fd;
}

static void make_other(void)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	other.pid = fork();
	cr_assert_geq(other.pid, 0);
	if (other.pid == 0) {
		close(pair[0]);
		obey(pair[1]);
	}
	close(pair[1]);
	other.socket = pair[0];
	tell("true");
	other.fd = open_of(other.pid, "net");
}

static void setup(void)
{
	NEED_ROOT();
	make_other();
	cr_assert_eq(netns_opener_start(&opener), 0);
}

static void teardown(void)
{
	netns_opener_stop(opener);
	close(other.socket);
	close(other.fd);
	waitpid(other.pid, NULL, 0);
	if (__lsan_do_recoverable_leak_check())
		abort();
}

TestSuite(netns, .init = setup, .fini = teardown, .timeout = 60);

static struct netns *open_other(void)
{
	struct netns *ns;

	cr_assert_eq(netns_open(opener, other.fd, &ns), 0);
	return ns;
}

/* ---- identity of a namespace ---- */

Test(netns, opens_own_namespace)
{
	const int fds[] = { -1, open_of(getpid(), "net") };
	struct netns_opener *openers[] = { NULL, opener };
	struct stat st;

	cr_assert_eq(stat("/proc/self/ns/net", &st), 0);
	for (size_t i = 0; i < 4; i++) {
		struct netns *ns;

		cr_assert_eq(netns_open(openers[i / 2], fds[i % 2], &ns), 0);
		cr_expect(netns_same(ns, st.st_dev, st.st_ino));
		cr_expect(!netns_same(ns, st.st_dev, st.st_ino + 1) && !netns_same(ns, st.st_dev + 1, st.st_ino));
		cr_expect_eq(netns_is_initial(ns), netns_is_initial(NULL));
		netns_close(ns);
	}
	close(fds[1]);
}

Test(netns, opens_other_namespace_by_opener_only)
{
	struct netns *ns = open_other();
	struct stat st;

	cr_assert_eq(fstat(other.fd, &st), 0);
	cr_expect(netns_same(ns, st.st_dev, st.st_ino));
	cr_expect(!netns_is_initial(ns));
	netns_close(ns);
	cr_expect_eq(netns_open(NULL, other.fd, &ns), -EXDEV, "without an opener");
}

Test(netns, refuses_fd_of_no_namespace)
{
	const int fds[] = { open("/dev/null", O_RDONLY | O_CLOEXEC), open_of(getpid(), "uts"),
			    (int)syscall(SYS_pidfd_open, other.pid, 0) };
	struct netns_request request = { .what = NETNS_LOOK };
	struct netns_reply reply;
	struct netns *ns;

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		cr_assert_geq(fds[i], 0);
		cr_expect_eq(netns_open(NULL, fds[i], &ns), -EINVAL, "%zu", i);
		cr_expect_eq(netns_open(opener, fds[i], &ns), -EINVAL, "%zu", i);
		/* the opener refuses it as well */
		cr_expect_eq(netns_opener_ask(opener, fds[i], &request, &reply, NULL), -EINVAL, "%zu", i);
		close(fds[i]);
	}
	cr_expect_eq(netns_opener_ask(opener, -1, &request, &reply, NULL), -EBADF);
	cr_expect_eq(netns_opener_ask(opener, other.fd, &request, &reply, NULL), 0, "the opener still answers");
	cr_expect_eq(netns_open(opener, 1000, &ns), -EBADF);
}

/* ---- contents of a namespace ---- */

Test(netns, reads_evidence_of_namespace)
{
	struct netns *ns = open_other();
	struct evidence ev, ours;

	tell("ip link add other0 type veth peer name other1");
	tell("ip xfrm policy add dir out src 192.0.2.1 dst 192.0.2.2 tmpl proto esp mode transport reqid 7");
	evidence_read(&ours);
	evidence_read_in(ns, &ev);
	cr_expect(ev.child_netns);
	cr_expect_eq(ev.links_state, EVIDENCE_READ, "%s", ev.links_error);
	cr_expect_eq(ev.link_count, 3, "%zu", ev.link_count);
	cr_expect_not_null(evidence_link_by_name(&ev, "other0"));
	cr_expect_eq(xfrm_table_state(ev.xfrm), EVIDENCE_READ, "%s", xfrm_table_error(ev.xfrm));
	cr_expect_eq(xfrm_table_policy_count(ev.xfrm), 1);
	cr_expect_eq(ev.xfrm->policies->policy.tmpl[0].reqid, 7);
	cr_expect_null(evidence_link_by_name(&ours, "other0"));
	cr_expect_eq(ours.child_netns, !netns_is_initial(NULL));
	evidence_free(&ev);
	evidence_free(&ours);
	netns_close(ns);
}

Test(netns, asks_routes_of_namespace)
{
	const union ip_address local = { .bytes = { 192, 0, 2, 1 } }, far = { .bytes = { 192, 0, 2, 2 } };
	struct netns *ns = open_other();
	struct evidence ev;
	int ifindex;

	tell("ip link add other0 type veth peer name other1 && ip addr add 192.0.2.1/24 dev other0 &&"
	     "ip link set other1 up && ip link set other0 up");
	evidence_read_in(ns, &ev);
	cr_assert_eq(evidence_route_get(ns, AF_INET, &local, &far, 0, &ifindex), 0);
	cr_expect_eq(ifindex, evidence_link_by_name(&ev, "other0")->ifindex);
	cr_expect_neq(evidence_route_get(NULL, AF_INET, &local, &far, 0, &ifindex), 0,
		      "this namespace has no such address");
	evidence_free(&ev);
	netns_close(ns);
}

static const struct settings_case {
	const char *file, *value;
	struct netns_settings all, lo;
} settings_cases[] = {
	{ "ipv4/conf/all/disable_xfrm", "0", { false, false, false }, { true, true, false } },
	{ "ipv4/conf/all/disable_xfrm", "1", { true, false, false }, { true, true, false } },
	{ "ipv4/conf/all/disable_policy", "1", { true, true, false }, { true, true, false } },
	{ "ipv6/conf/all/disable_policy", "1", { true, true, true }, { true, true, false } },
	{ "ipv4/conf/all/disable_xfrm", "-1", { true, true, true }, { true, true, false } },
	{ "ipv4/conf/all/disable_policy", "0", { true, false, true }, { true, true, false } },
	{ "ipv4/conf/lo/disable_xfrm", "0", { true, false, true }, { false, true, false } },
	{ "ipv4/conf/lo/disable_policy", "0", { true, false, true }, { false, false, false } },
	{ "ipv6/conf/lo/disable_policy", "100", { true, false, true }, { false, false, true } },
};

static void expect_settings(struct netns *ns, const char *netdev, const struct netns_settings *expected, size_t row)
{
	struct netns_settings found;

	cr_assert_eq(netns_settings(ns, netdev, &found), 0);
	cr_expect_eq(found.xfrm_off, expected->xfrm_off, "%s, row %zu", netdev, row);
	cr_expect_eq(found.policy_off, expected->policy_off, "%s, row %zu", netdev, row);
	cr_expect_eq(found.policy_off6, expected->policy_off6, "%s, row %zu", netdev, row);
}

/* The loopback device has both IPv4 settings on (inetdev_init() in net/ipv4/devinet.c). */
Test(netns, reads_settings_of_namespace)
{
	struct netns *ns = open_other();
	struct netns_settings ours;

	cr_assert_eq(netns_settings(NULL, "all", &ours), 0);
	for (size_t i = 0; i < sizeof(settings_cases) / sizeof(settings_cases[0]); i++) {
		const struct settings_case *c = &settings_cases[i];
		char command[128];

		snprintf(command, sizeof(command), "echo %s > /proc/sys/net/%s", c->value, c->file);
		tell(command);
		expect_settings(ns, "all", &c->all, i);
		expect_settings(ns, "lo", &c->lo, i);
		expect_settings(NULL, "all", &ours, i);
	}
	netns_close(ns);
}

Test(netns, settings_of_all_count_for_each_in_evidence)
{
	struct netns *ns = open_other();
	struct evidence ev;

	tell("ip link add other0 type veth peer name other1");
	evidence_read_in(ns, &ev);
	cr_expect(!evidence_link_by_name(&ev, "other0")->xfrm_off);
	evidence_free(&ev);
	tell("echo 1 > /proc/sys/net/ipv4/conf/all/disable_xfrm");
	evidence_read_in(ns, &ev);
	cr_expect(evidence_link_by_name(&ev, "other0")->xfrm_off);
	evidence_free(&ev);
	netns_close(ns);
}

Test(netns, refuses_settings_of_invalid_names)
{
	static const char *const bad[] = { "", ".", "..", "../lo", "lo/../all", "/", "sixteen-octets--" };
	const struct netns_settings on = { true, true, true }, off = { false, false, false };
	struct netns *ns = open_other(), *both[] = { NULL, ns };

	tell("ip link add 'o~.\\x-$' type veth peer name other1");
	expect_settings(ns, "o~.\\x-$", &off, 0);
	for (size_t i = 0; i < 2; i++) {
		struct netns_settings found;

		expect_settings(both[i], "no-such-netdev", &on, i);
		for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
			cr_expect_eq(netns_settings(both[i], bad[k], &found), -EINVAL, "'%s'", bad[k]);
	}
	netns_close(ns);
}

/* ---- listening ---- */

static bool hears(int fd, int type, int timeout_ms)
{
	struct pollfd waited = { .fd = fd, .events = POLLIN };
	struct nlmsghdr message;

	return poll(&waited, 1, timeout_ms) == 1 && recv(fd, &message, sizeof(message), 0) == sizeof(message) &&
	       message.nlmsg_type == type;
}

Test(netns, receives_events_of_namespace)
{
	const unsigned int links[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR };
	struct netns *ns = open_other();
	int fd, ours, value;
	socklen_t len = sizeof(value);

	cr_assert_eq(netns_listen(ns, NETLINK_ROUTE, links, 2, &fd), 0);
	cr_assert_eq(netns_listen(NULL, NETLINK_ROUTE, links, 1, &ours), 0);
	cr_expect(!hears(fd, RTM_NEWLINK, 100), "no event has been sent yet");
	tell("ip link set lo up");
	cr_expect(hears(fd, RTM_NEWLINK, 5000));
	tell("ip addr add 192.0.2.1/24 dev lo");
	cr_expect(hears(fd, RTM_NEWADDR, 5000) || hears(fd, RTM_NEWADDR, 5000), "the second group was not joined");
	cr_expect(!hears(ours, RTM_NEWLINK, 100));
	cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &len), 0);
	cr_expect_geq(value, 8 * 1024 * 1024);
	close(fd);
	close(ours);
	netns_close(ns);
}

Test(netns, reports_lost_events)
{
	const unsigned int links = RTNLGRP_LINK;
	struct netns *ns = open_other();
	int fd, small = 1;

	cr_assert_eq(netns_listen(ns, NETLINK_ROUTE, &links, 1, &fd), 0);
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	tell("for i in 1 2 3 4 5 6 7 8; do ip link set lo up && ip link set lo down; done");
	cr_expect(recv(fd, &small, sizeof(small), 0) < 0 && errno == ENOBUFS, "%s", strerror(errno));
	close(fd);
	netns_close(ns);
}

Test(netns, receives_events_of_xfrm)
{
	const unsigned int groups[] = { XFRMNLGRP_SA, XFRMNLGRP_POLICY, XFRMNLGRP_EXPIRE };
	struct netns *ns = open_other();
	int fd;

	cr_assert_eq(netns_listen(ns, NETLINK_XFRM, groups, 3, &fd), 0);
	tell("ip xfrm policy add dir out src 192.0.2.1 dst 192.0.2.2 tmpl proto esp mode transport reqid 7");
	cr_expect(hears(fd, XFRM_MSG_NEWPOLICY, 5000));
	close(fd);
	netns_close(ns);
}

Test(netns, refuses_other_protocols)
{
	struct netns *ns = open_other();
	int fd;

	cr_expect_eq(netns_listen(ns, 12 /* NETLINK_NETFILTER */, NULL, 0, &fd), -EPROTONOSUPPORT);
	cr_expect_eq(netns_listen(ns, -1, NULL, 0, &fd), -EPROTONOSUPPORT);
	netns_close(ns);
}

/* ---- start and end of the opener ---- */

static bool ended(int pidfd, int timeout_ms)
{
	struct pollfd waited = { .fd = pidfd, .events = POLLIN };

	return poll(&waited, 1, timeout_ms) == 1;
}

/* pidfd_send_signal(2) has no wrapper in Debian 12's libc. */
static void kill_opener(void)
{
	cr_assert_eq(syscall(SYS_pidfd_send_signal, netns_opener_pidfd(opener), SIGKILL, NULL, 0), 0);
	cr_assert(ended(netns_opener_pidfd(opener), 5000));
}

Test(netns, knows_nothing_without_opener)
{
	struct netns *ns = open_other(), *own;
	struct netns_settings settings;
	struct evidence ev;
	int fd;

	cr_expect(!ended(netns_opener_pidfd(opener), 0));
	kill_opener();
	cr_expect_lt(netns_settings(ns, "all", &settings), 0);
	cr_expect_lt(netns_listen(ns, NETLINK_ROUTE, NULL, 0, &fd), 0);
	evidence_read_in(ns, &ev);
	cr_expect_eq(ev.links_state, EVIDENCE_BROKEN);
	cr_expect_eq(ev.macsec_state, EVIDENCE_BROKEN);
	cr_expect_eq(xfrm_table_state(ev.xfrm), EVIDENCE_BROKEN);
	cr_expect_eq(ev.link_count, 0);
	evidence_free(&ev);
	netns_close(ns);
	cr_expect_lt(netns_open(opener, other.fd, &ns), 0);
	/* the thread's own namespace is still readable */
	cr_assert_eq(netns_open(opener, -1, &own), 0);
	evidence_read_in(own, &ev);
	cr_expect_eq(ev.links_state, EVIDENCE_READ);
	evidence_free(&ev);
	netns_close(own);
}

/* A message that no engine sends ends the opener. */
Test(netns, ends_at_invalid_message)
{
	cr_assert_eq(wire_send(opener->socket, "nonsense", 8, -1), 8);
	cr_expect(ended(netns_opener_pidfd(opener), 5000));
}

/* The pipe passes the pid of the opener to the test. */
Test(netns, ends_with_its_parent)
{
	int tells[2], pidfd, opened;
	pid_t parent;

	cr_assert_eq(pipe2(tells, O_CLOEXEC), 0);
	parent = fork();
	if (parent == 0) {
		struct netns_opener *its;
		int pid = -1;

		if (!netns_opener_start(&its))
			pid = its->pid;
		if (write(tells[1], &pid, sizeof(pid)) == sizeof(pid))
			pause();
		_exit(1);
	}
	cr_assert_eq(read(tells[0], &opened, sizeof(opened)), (ssize_t)sizeof(opened));
	cr_assert_gt(opened, 0);
	pidfd = (int)syscall(SYS_pidfd_open, opened, 0);
	cr_assert_geq(pidfd, 0);
	cr_expect(!ended(pidfd, 100));
	kill(opened, SIGTERM);
	cr_expect(!ended(pidfd, 100), "a signal to the process group ended the opener");
	kill(parent, SIGKILL);
	cr_expect(ended(pidfd, 5000));
	waitpid(parent, NULL, 0);
	close(pidfd);
	close(tells[0]);
	close(tells[1]);
}

Test(netns, keeps_two_capabilities)
{
	char path[64], line[128], name[64], value[64];
	unsigned int seen = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)opener->pid);
	file = fopen(path, "re");
	cr_assert_not_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63[^:]: %63s", name, value) != 2)
			continue;
		if (!strcmp(name, "CapEff") || !strcmp(name, "CapPrm"))
			cr_expect_eq(strtoull(value, NULL, 16), 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_NET_ADMIN, "%s",
				     line);
		else if (!strcmp(name, "CapInh") || !strcmp(name, "CapAmb"))
			cr_expect_eq(strtoull(value, NULL, 16), 0, "%s", line);
		else if (!strcmp(name, "NoNewPrivs"))
			cr_expect_str_eq(value, "1");
		else if (!strcmp(name, "Seccomp"))
			cr_expect_str_eq(value, "2");
		else
			continue;
		seen++;
	}
	fclose(file);
	cr_expect_eq(seen, 6);
}

Test(netns, is_not_started_without_its_capabilities)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct netns_opener *its;

		_exit(setgid(65534) || setuid(65534) ? 1 : netns_opener_start(&its) == -EPERM ? 0 : 2);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(status, 0, "%d", status);
}

/* ---- the filter of the opener ---- */

static void call_execve(void)
{
	execl("/bin/true", "true", NULL);
}

static void call_fork(void)
{
	syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
}

static void call_mount(void)
{
	mount("none", "/mnt", "tmpfs", 0, NULL);
}

static void call_setns_uts(void)
{
	setns(open("/proc/self/ns/uts", O_RDONLY), CLONE_NEWUTS);
}

static void call_setns_any(void)
{
	setns(open("/proc/self/ns/uts", O_RDONLY), 0);
}

static void call_unshare(void)
{
	unshare(CLONE_NEWNET);
}

static void call_socket(void)
{
	socket(AF_INET, SOCK_DGRAM, 0);
}

static void call_netfilter(void)
{
	socket(AF_NETLINK, SOCK_RAW, 12);
}

static void call_open_to_write(void)
{
	open("/dev/null", O_WRONLY);
}

static void call_create(void)
{
	open("/tmp/no-such-file", O_CREAT | O_EXCL | O_RDONLY, 0600);
}

static void call_ioctl(void)
{
	ioctl(0, 0x5401 /* TCGETS */);
}

static void call_ptrace(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void call_write(void)
{
	if (write(1, "", 0))
		_exit(3);
}

static void call_nothing(void)
{
}

static void call_setns_net(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY);

	if (netns_check(fd) || setns(fd, CLONE_NEWNET) || close(fd))
		_exit(1);
}

static const struct {
	void (*call)(void);
	bool allowed;
} filter_cases[] = {
	{ call_nothing, true }, { call_setns_net, true },  { call_execve, false },        { call_fork, false },
	{ call_mount, false },  { call_setns_uts, false }, { call_setns_any, false },     { call_unshare, false },
	{ call_socket, false }, { call_netfilter, false }, { call_open_to_write, false }, { call_create, false },
	{ call_ioctl, false },  { call_ptrace, false },    { call_write, false },
};

Test(netns, filter_kills)
{
	const struct confine_list list = CONFINE_LIST(calls);

	for (size_t i = 0; i < sizeof(filter_cases) / sizeof(filter_cases[0]); i++) {
		int status;
		pid_t child = fork();

		if (child == 0) {
			if (confine() || confine_to_calls(SCMP_ACT_KILL_PROCESS, &list, 1))
				_exit(2);
			filter_cases[i].call();
			/* not _exit(): AddressSanitizer makes system calls before a function that does not return */
			syscall(SYS_exit_group, 0);
		}
		cr_assert_eq(waitpid(child, &status, 0), child);
		if (filter_cases[i].allowed)
			cr_expect_eq(status, 0, "row %zu: %x", i, status);
		else
			cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "row %zu: %x", i, status);
	}
}
