// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Proof, at each device that is opened, that its commands will come to the door: a libibverbs that gives commands by
 * ioctl() gives some while it opens one (verbs_init_context() asks the kernel whether it takes them). One that was
 * built for write(), is older than verbs by ioctl, or calls another ioctl() than ours (RTLD_DEEPBIND) gives none, and
 * is refused. What programs load by dlsym(3) does not come here; nothing else hangs on this.
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

/* As the caller would have found it: in the global scope behind us, or in what a plugin brought for itself. */
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
