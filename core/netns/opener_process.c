// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The opener. After its start it allocates nothing and keeps no state between requests. It ends with its socket, with
 * its parent, and if it cannot return to its own namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netns/private.h"
#include "process/confine.h"
#include "util/fd_socket.h"

enum { SOCKET_FD = 3, FILES_MAX = 16 };

static const int protocols[] = { NETLINK_ROUTE, NETLINK_XFRM, NETLINK_GENERIC, NETLINK_RDMA };

#define A_SOCKET(protocol) CONFINE_ALLOW_IF(socket, 2, CONFINE_INT(0, AF_NETLINK), CONFINE_INT(2, protocol))

/* The system calls that the opener needs. Any other ends it. */
static const struct confine_rule calls[] = {
	CONFINE_ALLOW(recvmsg),
	CONFINE_ALLOW(sendmsg),
	CONFINE_ALLOW(fstatfs),
	CONFINE_ALLOW_IF(ioctl, 1, CONFINE_INT(1, NS_GET_NSTYPE)),
	CONFINE_ALLOW_IF(setns, 1, CONFINE_INT(1, CLONE_NEWNET)),
	A_SOCKET(NETLINK_ROUTE),
	A_SOCKET(NETLINK_XFRM),
	A_SOCKET(NETLINK_GENERIC),
	A_SOCKET(NETLINK_RDMA),
	CONFINE_ALLOW_IF(
		openat, 1,
		CONFINE_BITS(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)), /* /proc/sys/net, /proc/thread-self/net */
	CONFINE_ALLOW(read),
	CONFINE_ALLOW(close),
	CONFINE_ALLOW(restart_syscall), /* after SIGSTOP and SIGCONT */
	CONFINE_ALLOW(exit_group),
};

/*
 * CAP_SYS_ADMIN is needed for setns(2) to a network namespace. The kernel requires CAP_NET_ADMIN of the process that
 * opened a netlink socket as well as of the one that sends on it (netlink_ns_capable() in net/netlink/af_netlink.c).
 */
static int confine(void)
{
	static const int kept[] = { CAP_SYS_ADMIN, CAP_NET_ADMIN };
	const struct rlimit files = { FILES_MAX, FILES_MAX };

	if (setrlimit(RLIMIT_NOFILE, &files))
		return -errno;
	return confine_to_capabilities(kept, sizeof(kept) / sizeof(kept[0]));
}

/*
 * The parent handles signals to the whole group (from a terminal or systemd). The opener works until the parent ends.
 */
static int detach(int socket, pid_t parent)
{
	static const int not_ours[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE };

	for (size_t i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++)
		signal(not_ours[i], SIG_IGN);
	prctl(PR_SET_NAME, "rdmasec-netns");
	if (dup2(socket, SOCKET_FD) < 0 || syscall(SYS_close_range, SOCKET_FD + 1, ~0U, 0))
		return -errno;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	/* the parent may have ended before */
	return getppid() == parent ? 0 : -ESRCH;
}

static bool protocol_is_known(int protocol)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (protocols[i] == protocol)
			return true;
	return false;
}

/* Runs in the requested namespace. */
static int serve_here(const struct netns_request *request, struct netns_reply *reply, int *out_fd)
{
	struct netns_settings settings;

	switch (request->what) {
	case NETNS_LOOK:
		reply->initial = netns_here_is_initial();
		return 0;
	case NETNS_SOCKET:
		return protocol_is_known(request->protocol) ? netns_socket_here(request->protocol, out_fd)
							    : -EPROTONOSUPPORT;
	case NETNS_SETTINGS:
		if (!netns_netdev_is_valid(request->netdev))
			return -EINVAL;
		netns_settings_here(request->netdev, &settings);
		reply->xfrm_off = settings.xfrm_off;
		reply->policy_off = settings.policy_off;
		reply->policy_off6 = settings.policy_off6;
		return 0;
	case NETNS_MANAGER:
		reply->listening = netns_key_manager_here();
		return 0;
	default:
		return -EBADMSG;
	}
}

static int serve(int home, int ns_fd, const struct netns_request *request, struct netns_reply *reply, int *out_fd)
{
	int err = netns_check(ns_fd);

	if (err)
		return err;
	if (setns(ns_fd, CLONE_NEWNET))
		return -errno;
	err = serve_here(request, reply, out_fd);
	if (setns(home, CLONE_NEWNET))
		_exit(1);
	return err;
}

static void serve_next(int home)
{
	struct netns_request request;
	struct netns_reply reply = { 0 };
	int ns_fd = -1, fd = -1, n = wire_receive(SOCKET_FD, &request, sizeof(request), &ns_fd);

	if (n == -EINTR)
		return;
	if (n != sizeof(request))
		_exit(n != 0);
	reply.sequence = request.sequence;
	reply.err = serve(home, ns_fd, &request, &reply, &fd);
	if (wire_send(SOCKET_FD, &reply, sizeof(reply), fd) < 0)
		_exit(0);
	if (fd >= 0)
		close(fd);
	if (ns_fd >= 0)
		close(ns_fd);
}

_Noreturn void netns_opener_main(int socket, pid_t parent)
{
	const struct confine_list list = CONFINE_LIST(calls);
	struct netns_reply greeting = { .err = 0 };
	int home;

	if (detach(socket, parent))
		_exit(1);
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	greeting.err = home < 0 ? -errno : confine();
	if (!greeting.err)
		greeting.err = confine_to_calls(SCMP_ACT_KILL_PROCESS, &list, 1);
	if (wire_send(SOCKET_FD, &greeting, sizeof(greeting), -1) < 0 || greeting.err)
		_exit(1);
	for (;;)
		serve_next(home);
}
