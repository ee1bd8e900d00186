/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * RDMA netlink's monitor (drivers/infiniband/core/nldev.c, rdma_nl_notify_event(); kernel 6.12 and later): devices that
 * are added, removed or renamed, and changed netdevs of their ports. Older kernels send nothing, and no kernel reports
 * GIDs.
 */
#ifndef RDMASEC_RDMA_DEVICE_MONITOR_H
#define RDMASEC_RDMA_DEVICE_MONITOR_H

#include <event2/event.h>

#include "netns/netns.h"

struct device_monitor;

/*
 * Calls `changed` once for the messages that arrived, and when some may be lost. `netns` NULL: the process's own.
 * Returns NULL when there is nothing to listen to (no RDMA, no memory, no permission); the device cache then relies on
 * its limit of a second. device_monitor_free() is due before `netns` is freed.
 */
struct device_monitor *device_monitor_new(struct event_base *base, struct netns *netns, void (*changed)(void *arg),
					  void *arg);
void device_monitor_free(struct device_monitor *monitor); /* `monitor` may be NULL. */

#endif
