/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * RDMA netlink's monitor (drivers/infiniband/core/nldev.c, rdma_nl_notify_event(); kernel 6.12 and later): devices that
 * come, go and get other names, and the netdevs of their ports. An older kernel tells nothing here, and no GIDs are
 * told of by any.
 */
#ifndef RDMASEC_RDMA_DEVICE_MONITOR_H
#define RDMASEC_RDMA_DEVICE_MONITOR_H

#include <event2/event.h>

#include "netns/netns.h"

struct device_monitor;

/*
 * `changed` is called once for whatever has come, or may have got lost. `netns` NULL: the process's own. NULL: nothing
 * is told here (no RDMA, no memory, not allowed): what is known of devices is asked for anew with each question after a
 * second in any case. Free with device_monitor_free(), before `netns`.
 */
struct device_monitor *device_monitor_new(struct event_base *base, struct netns *netns, void (*changed)(void *arg),
					  void *arg);
void device_monitor_free(struct device_monitor *monitor); /* NULL is fine */

#endif
