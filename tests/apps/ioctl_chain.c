// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* A preload that counts calls of ioctl() and passes them on, as tracers and profilers do. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

static unsigned long seen;

__attribute__((visibility("default"))) int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int fd, unsigned long request, ...) = dlsym(RTLD_NEXT, "ioctl");
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	__atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED);
	return next(fd, request, arg);
}

/* Shows a scenario that it was loaded and called. */
__attribute__((destructor)) static void report(void)
{
	fprintf(stderr, "ioctl_chain: saw %lu calls\n", seen);
}
