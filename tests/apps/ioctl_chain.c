// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* A preload that counts calls of ioctl() and passes them on, as tracers and profilers do. */
#include <dlfcn.h>
#include <stdio.h>

#include "ioctl_function.h"

static unsigned long seen;

IOCTL_FUNCTION(EXPORTED, ioctl)
{
	ioctl_fn *next = (ioctl_fn *)dlsym(RTLD_NEXT, "ioctl");

	__atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED);
	return next(fd, request, arg);
}

/* Shows a scenario that it was loaded and called. */
__attribute__((destructor)) static void report(void)
{
	fprintf(stderr, "ioctl_chain: saw %lu calls\n", seen);
}
