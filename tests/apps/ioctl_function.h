/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Functions with the type of ioctl(2), which is variadic: all of them read the third argument as a pointer. */
#ifndef RDMASEC_TESTS_APPS_IOCTL_FUNCTION_H
#define RDMASEC_TESTS_APPS_IOCTL_FUNCTION_H

#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef int ioctl_fn(int fd, unsigned long request, ...);

#define EXPORTED __attribute__((visibility("default")))

/* IOCTL_FUNCTION(static, NAME) { ... }: the body has fd, request and arg. */
#define IOCTL_FUNCTION(linkage, name)                                     \
	static int name##_body(int fd, unsigned long request, void *arg); \
	linkage int name(int fd, unsigned long request, ...);             \
	linkage int name(int fd, unsigned long request, ...)              \
	{                                                                 \
		va_list args;                                             \
		void *arg;                                                \
		va_start(args, request);                                  \
		arg = va_arg(args, void *);                               \
		va_end(args);                                             \
		return name##_body(fd, request, arg);                     \
	}                                                                 \
	static int name##_body(int fd, unsigned long request, void *arg)

/* Past every library, as the C library does it: -1 and errno. */
static inline int ioctl_enter(int fd, unsigned long request, void *arg)
{
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

#endif
