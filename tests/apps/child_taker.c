// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * A preload whose functions work only in the process that has loaded it, as librspreload's do with their tables. In a
 * copy of that process made by clone(2) they end it.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static pid_t mine;

__attribute__((constructor)) static void remember(void)
{
	mine = getpid();
}

static void *next(const char *name)
{
	if (getpid() != mine)
		syscall(SYS_exit_group, 99);
	return dlsym(RTLD_NEXT, name);
}

EXPORT int dup2(int from, int to)
{
	return ((int (*)(int, int))next("dup2"))(from, to);
}

EXPORT int close(int fd)
{
	return ((int (*)(int))next("close"))(fd);
}

EXPORT int fcntl(int fd, int command, ...)
{
	va_list args;
	long value;

	va_start(args, command);
	value = va_arg(args, long);
	va_end(args);
	return ((int (*)(int, int, long))next("fcntl"))(fd, command, value);
}

EXPORT pid_t setsid(void)
{
	return ((pid_t(*)(void))next("setsid"))();
}

EXPORT int execve(const char *path, char *const *argv, char *const *environment)
{
	return ((int (*)(const char *, char *const *, char *const *))next("execve"))(path, argv, environment);
}

EXPORT int open(const char *path, int flags, ...)
{
	va_list args;
	unsigned mode;

	va_start(args, flags);
	mode = va_arg(args, unsigned);
	va_end(args);
	return ((int (*)(const char *, int, unsigned))next("open"))(path, flags, mode);
}
