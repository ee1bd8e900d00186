// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "rdma/device_monitor.h"

#include <rdma/rdma_netlink.h>
#include <stdlib.h>

#include "evidence/mirror.h"
#include "netns/events.h"

/* Newer than the headers of kernel 6.1: RDMA_NL_GROUP_NOTIFY, an enumerator. Joining it is allowed on any. */
enum { GROUP_NOTIFY = RDMA_NL_GROUP_LS + 1 };

struct device_monitor {
	struct event_socket socket;
	struct event *event;
	void (*changed)(void *arg);
	void *arg;
};

enum { DRAIN_MS = 20 };

/* The content does not matter: the owner reads all devices again. */
static int take_message(const struct nlmsghdr *message, void *arg)
{
	(void)message;
	*(bool *)arg = true;
	return 0;
}

static void on_message(evutil_socket_t fd, short what, void *arg)
{
	struct device_monitor *monitor = arg;
	bool has_message = false;

	(void)fd;
	(void)what;
	if (event_socket_drain(&monitor->socket, DRAIN_MS, take_message, &has_message) || has_message)
		monitor->changed(monitor->arg);
}

static int listen_for_events(struct device_monitor *monitor, struct event_base *base, struct netns *netns)
{
	static const unsigned group = GROUP_NOTIFY;
	int err = event_socket_open(&monitor->socket, netns, NETLINK_RDMA, &group, 1);

	if (err)
		return err;
	monitor->event = event_new(base, monitor->socket.fd, EV_READ | EV_PERSIST, on_message, monitor);
	if (!monitor->event)
		return -1;
	/* fails in a loop without priorities, as tests have */
	(void)event_priority_set(monitor->event, WATCH_PRIORITY);
	return event_add(monitor->event, NULL);
}

struct device_monitor *device_monitor_new(struct event_base *base, struct netns *netns, void (*changed)(void *arg),
					  void *arg)
{
	struct device_monitor *monitor = calloc(1, sizeof(*monitor));

	if (!monitor)
		return NULL;
	monitor->socket.fd = -1;
	monitor->changed = changed;
	monitor->arg = arg;
	if (listen_for_events(monitor, base, netns)) {
		device_monitor_free(monitor);
		return NULL;
	}
	return monitor;
}

void device_monitor_free(struct device_monitor *monitor)
{
	if (!monitor)
		return;
	if (monitor->event)
		event_free(monitor->event);
	event_socket_close(&monitor->socket);
	free(monitor);
}
