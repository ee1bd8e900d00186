// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Checks, for each device that is opened, that its commands reach the door. A libibverbs that sends commands by ioctl()
 * sends some while it opens a device (verbs_init_context() asks the kernel whether it accepts them). A libibverbs that
 * was built for write(), is older than verbs by ioctl, or calls another ioctl() (RTLD_DEEPBIND) sends none, and is
 * refused. Calls of ibv_open_device() that a program finds by dlsym(3) are not checked here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <infiniband/verbs.h>

#include "door/door.h"
#include "open_device.h"

#define EXPORT __attribute__((visibility("default")))

typedef struct ibv_context *open_device_fn(struct ibv_device *device);
typedef int close_device_fn(struct ibv_context *context);

_Thread_local unsigned long preload_verbs_seen;

/* Finds the caller's function: in the global scope behind this library, or in a library that a plugin loaded. */
static void *find(const char *name, const void *caller)
{
	void *function = dlsym(RTLD_NEXT, name), *library;
	Dl_info info;

	if (function || !dladdr(caller, &info) || !info.dli_fname)
		return function;
	library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	return library ? dlsym(library, name) : NULL;
}

EXPORT struct ibv_context *ibv_open_device(struct ibv_device *device)
{
	const void *caller = __builtin_extract_return_addr(__builtin_return_address(0));
	open_device_fn *next = (open_device_fn *)find("ibv_open_device", caller);
	close_device_fn *close_device = (close_device_fn *)find("ibv_close_device", caller);
	unsigned long before = preload_verbs_seen;
	struct ibv_context *context;

	if (!next || !close_device) {
		errno = ENOSYS;
		return NULL;
	}
	context = next(device);
	if (!context || preload_verbs_seen != before ||
	    !engine_ask_broken(door_engine(), "libibverbs opens a device, and none of its commands comes by ioctl()"))
		return context;
	close_device(context);
	errno = EPERM;
	return NULL;
}
