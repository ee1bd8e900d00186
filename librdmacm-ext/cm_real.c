// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>

#include "cm.h"

#define NAME(call) [CM_##call] = #call
static const char *const names[CM_CALL_COUNT] = {
	NAME(rdma_connect),           NAME(rdma_accept),     NAME(rdma_reject),       NAME(rdma_reject_ece),
	NAME(rdma_establish),         NAME(rdma_create_qp),  NAME(rdma_create_qp_ex), NAME(rdma_join_multicast),
	NAME(rdma_join_multicast_ex), NAME(rdma_set_option), NAME(rdma_get_cm_event), NAME(rdma_get_request),
	NAME(rdma_destroy_id),        NAME(rdma_destroy_ep),
};

static _Atomic(void *) functions[CM_CALL_COUNT];

/* Keeps librdmacm loaded when the program closes its handle: the pointer found here is used again after a reopen. */
static void keep_loaded(void *function)
{
	Dl_info info;

	if (dladdr(function, &info) && info.dli_fname)
		dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

static void *look_up(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name), *library;

	if (function) {
		keep_loaded(function);
		return function;
	}
	/* loaded by a plugin that was opened RTLD_LOCAL: RTLD_NEXT does not search it, but its calls arrive here */
	library = dlopen("librdmacm.so.1", RTLD_LAZY | RTLD_NOLOAD);
	return library ? dlsym(library, name) : NULL;
}

void *cm_find(enum cm_call call)
{
	void *function = atomic_load(&functions[call]);
	int saved = errno;

	if (function)
		return function;
	function = look_up(names[call]);
	if (!function) {
		errno = ENOSYS;
		return NULL;
	}
	atomic_store(&functions[call], function);
	errno = saved;
	return function;
}
