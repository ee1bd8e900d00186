/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The devices that are assigned to a container: linux.devices of its config.json. The supervisor opens only these
 * without the container's device cgroup: a container that can create device nodes could name any device of the host.
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

/* From a parsed config.json. 0; -EBADMSG: invalid; -E2BIG; -ENOMEM. The caller owns *out (container_devices_free()). */
RS_MUST_USE int container_devices_from(json_object *config, struct container_devices *out);

/* From the config.json of a bundle. As above, and -errno of open(2) and read(2). */
RS_MUST_USE int container_devices_read(const char *bundle, struct container_devices *out);
void container_devices_free(struct container_devices *devices);

/* NULL: not assigned. Valid as long as `devices`. */
const struct container_device *container_device_find(const struct container_devices *devices, dev_t rdev);

/*
 * Asks the kernel which of them are RDMA devices with doorbells by write(2), as software devices have. The kernel
 * accepts write() only with the opener's credentials, and runc notifies of no write(2), so programs must open these
 * themselves. `sysfs` is "/sys" except in tests.
 */
void container_devices_ask(const char *sysfs, struct container_devices *devices);

#endif
