/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The devices that a container was given: linux.devices of its config.json. To open a node for a process of the
 * container goes past the container's device cgroup, and a process that may make device nodes could otherwise have any
 * of the host's opened for it.
 */
#ifndef RDMASEC_AGENT_CONTAINER_DEVICES_H
#define RDMASEC_AGENT_CONTAINER_DEVICES_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/attributes.h"

enum { CONTAINER_DEVICES_MAX = 1024, CONTAINER_CONFIG_MAX = 4 << 20 };

struct container_device {
	dev_t rdev;
	bool rings_by_write; /* container_devices_ask() */
};

struct container_devices {
	struct container_device *list; /* character devices */
	size_t count;
};

/* Of a parsed config.json. 0; -EBADMSG: it is none; -E2BIG; -ENOMEM. container_devices_free() is due. */
RS_MUST_USE int container_devices_from(json_object *config, struct container_devices *out);

/* Of the one in the bundle. As above, and -errno of open(2) and read(2). */
RS_MUST_USE int container_devices_read(const char *bundle, struct container_devices *out);
void container_devices_free(struct container_devices *devices);

/* NULL: it was not given this one. Lives as long as `devices`. */
const struct container_device *container_device_find(const struct container_devices *devices, dev_t rdev);

/*
 * Asks the kernel which of them are RDMA devices whose provider library has their queues looked at by write(2), as
 * those of software devices do. The kernel takes write() only from who opened the device, and runc hands nothing over
 * of write(2): a container has to open these by itself. `sysfs` is "/sys" but in tests.
 */
void container_devices_ask(const char *sysfs, struct container_devices *devices);

#endif
