// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "netns/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netns/private.h"
#include "util/text.h"

/* Octets, for a burst such as the loading of a thousand SAs: each takes about a kilobyte in the queue. */
enum { LISTEN_BUFFER_SIZE = 8 * 1024 * 1024 };

struct netns {
	struct netns_opener *opener; /* NULL: the engine's own namespace */
	int fd;
	dev_t dev;
	ino_t ino;
	bool initial;
	struct netlink_transport transport;
};

static int netns_socket(struct netns *ns, int protocol, int *out_fd)
{
	struct netns_request request = { .what = NETNS_SOCKET, .protocol = protocol };
	struct netns_reply reply;

	if (!ns || !ns->opener)
		return netns_socket_here(protocol, out_fd);
	return netns_opener_ask(ns->opener, ns->fd, &request, &reply, out_fd);
}

static int transport_open(void *context, int protocol, int *out_handle, uint32_t *out_port)
{
	int fd, err = netns_socket(context, protocol, &fd);

	if (err)
		return err;
	err = netlink_kernel_bind(fd, out_port);
	if (err) {
		close(fd);
		return err;
	}
	*out_handle = fd;
	return 0;
}

const struct netlink_transport *netns_transport(struct netns *ns)
{
	return ns ? &ns->transport : &netlink_kernel;
}

/* ---- opening ---- */

static int look(struct netns *ns)
{
	struct netns_request request = { .what = NETNS_LOOK };
	struct netns_reply reply;
	int err;

	if (!ns->opener) {
		ns->initial = netns_here_is_initial();
		return 0;
	}
	err = netns_opener_ask(ns->opener, ns->fd, &request, &reply, NULL);
	if (!err)
		ns->initial = reply.initial;
	return err;
}

/* The engine's own namespace does not need the opener. */
static int identify(struct netns *ns, struct netns_opener *opener)
{
	int own, err = netns_check(ns->fd);
	struct stat st, own_st;

	if (err)
		return err;
	own = netns_here_fd();
	if (own < 0)
		return own;
	err = fstat(ns->fd, &st) || fstat(own, &own_st) ? -errno : 0;
	close(own);
	if (err)
		return err;
	ns->dev = st.st_dev;
	ns->ino = st.st_ino;
	if (!netns_same(ns, own_st.st_dev, own_st.st_ino)) {
		if (!opener)
			return -EXDEV;
		ns->opener = opener;
	}
	return look(ns);
}

int netns_open(struct netns_opener *opener, int ns_fd, struct netns **out)
{
	struct netns *ns = calloc(1, sizeof(*ns));
	int err;

	if (!ns)
		return -ENOMEM;
	ns->fd = ns_fd < 0 ? netns_here_fd() : fcntl(ns_fd, F_DUPFD_CLOEXEC, 0);
	err = ns->fd < 0 ? (ns_fd < 0 ? ns->fd : -errno) : identify(ns, opener);
	if (err) {
		netns_close(ns);
		return err;
	}
	ns->transport = netlink_kernel;
	ns->transport.open = transport_open;
	ns->transport.context = ns;
	*out = ns;
	return 0;
}

void netns_close(struct netns *ns)
{
	if (!ns)
		return;
	if (ns->fd >= 0)
		close(ns->fd);
	free(ns);
}

bool netns_same(const struct netns *ns, dev_t dev, ino_t ino)
{
	return ns->dev == dev && ns->ino == ino;
}

bool netns_is_own(const struct netns *ns)
{
	return !ns->opener;
}

bool netns_is_initial(const struct netns *ns)
{
	return ns ? ns->initial : netns_here_is_initial();
}

/* ---- settings ---- */

int netns_settings(struct netns *ns, const char *netdev, struct netns_settings *out)
{
	struct netns_request request = { .what = NETNS_SETTINGS };
	struct netns_reply reply;
	int err;

	if (!netns_netdev_is_valid(netdev))
		return -EINVAL;
	if (!ns || !ns->opener) {
		netns_settings_here(netdev, out);
		return 0;
	}
	text_copy(request.netdev, sizeof(request.netdev), netdev);
	err = netns_opener_ask(ns->opener, ns->fd, &request, &reply, NULL);
	if (!err)
		*out = (struct netns_settings){ reply.xfrm_off, reply.policy_off, reply.policy_off6 };
	return err;
}

enum netns_listening netns_key_manager(struct netns *ns)
{
	struct netns_request request = { .what = NETNS_MANAGER };
	struct netns_reply reply;

	if (!ns || !ns->opener)
		return netns_key_manager_here();
	if (netns_opener_ask(ns->opener, ns->fd, &request, &reply, NULL) || reply.listening > NETNS_LISTENS)
		return NETNS_LISTENING_UNKNOWN;
	return reply.listening;
}

/* ---- listening ---- */

static int listen_on(int fd, const unsigned int *groups, size_t count)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	const int size = LISTEN_BUFFER_SIZE, zero = 0;

	/* needs CAP_NET_ADMIN; without it net.core.rmem_max is the limit, and an overrun comes sooner */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* the default, without which lost events are not reported: netlink_overrun() */
	if (setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &zero, sizeof(zero)) ||
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return -errno;
	for (size_t i = 0; i < count; i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(groups[i])))
			return -errno;
	return 0;
}

int netns_listen(struct netns *ns, int protocol, const unsigned int *groups, size_t count, int *out_fd)
{
	int fd, err = netns_socket(ns, protocol, &fd);

	if (err)
		return err;
	err = listen_on(fd, groups, count);
	if (err) {
		close(fd);
		return err;
	}
	*out_fd = fd;
	return 0;
}
