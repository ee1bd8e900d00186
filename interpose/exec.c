// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Keeps a program from starting another one without its door. The loader drops a library of LD_PRELOAD that it cannot
 * open, and the new program runs unguarded: after setuid(2) with a library in a closed folder, or after chroot(2). So
 * each exec*(3) first looks for the library, with the credentials and the root that the new program will have.
 *
 * Functions of libc call each other without the symbols that a preload replaces, so each is replaced. They run in
 * children of vfork(2) and of threads: no allocation, no lock.
 */
#include "exec.h"

#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "door/door.h"

#define EXPORT  __attribute__((visibility("default")))
#define LIBRARY "librdmasec-preload.so"
enum { PAGE_ROOM = 65536 };

typedef int spawn_fn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		     const posix_spawnattr_t *attr, char *const argv[], char *const envp[]);

/* On separate pages, read-only after exec_start(). */
static union {
	struct {
		int (*execve)(const char *path, char *const argv[], char *const envp[]);
		int (*execvpe)(const char *file, char *const argv[], char *const envp[]);
		int (*fexecve)(int fd, char *const argv[], char *const envp[]);
		spawn_fn *posix_spawn, *posix_spawnp;
	};
	char room[PAGE_ROOM];
} next __attribute__((aligned(PAGE_ROOM)));

void exec_start(void)
{
	*(void **)&next.execve = dlsym(RTLD_NEXT, "execve");
	*(void **)&next.execvpe = dlsym(RTLD_NEXT, "execvpe");
	*(void **)&next.fexecve = dlsym(RTLD_NEXT, "fexecve");
	*(void **)&next.posix_spawn = dlsym(RTLD_NEXT, "posix_spawn");
	*(void **)&next.posix_spawnp = dlsym(RTLD_NEXT, "posix_spawnp");
	mprotect(&next, sizeof(next), PROT_READ);
}

/* ---- the library ---- */

/* Copies the element of LD_PRELOAD that names this library by its path. False: there is none, or none by a path. */
static bool find_library(char *const envp[], char path[PATH_MAX])
{
	static const char name[] = "LD_PRELOAD=";
	const char *at = NULL;

	for (size_t i = 0; envp && envp[i] && !at; i++)
		if (!strncmp(envp[i], name, strlen(name)))
			at = envp[i] + strlen(name);
	while (at && *at) {
		size_t len = strcspn(at, " :"), own = strlen(LIBRARY);

		if (len > own && len < PATH_MAX && at[len - own - 1] == '/' && !memcmp(at + len - own, LIBRARY, own) &&
		    !memchr(at, '$', len)) {
			memcpy(path, at, len);
			path[len] = '\0';
			return true;
		}
		at += len + (at[len] != '\0');
	}
	return false;
}

/* By the effective ids, as the loader opens it. */
static bool is_readable(const char *path)
{
	if (!syscall(SYS_faccessat2, AT_FDCWD, path, R_OK, AT_EACCESS))
		return true;
	return errno == ENOSYS && !access(path, R_OK);
}

static const int file_capabilities[] = { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH };

/*
 * As above with the capabilities that are left after execve(2): a user other than root keeps ambient ones only
 * (capabilities(7)). setpriv(1) still has those of root here. Changes this thread alone, for the time of the call.
 */
static bool is_readable_after_exec(const char *path)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct now[2], later[2];
	bool readable;
	int err;

	if (geteuid() == 0 || syscall(SYS_capget, &header, now))
		return is_readable(path);
	memcpy(later, now, sizeof(later));
	for (size_t i = 0; i < sizeof(file_capabilities) / sizeof(file_capabilities[0]); i++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, file_capabilities[i], 0, 0) != 1)
			later[0].effective &= ~(1U << file_capabilities[i]);
	if (later[0].effective == now[0].effective)
		return is_readable(path);
	readable = !syscall(SYS_capset, &header, later) && is_readable(path);
	err = errno;
	if (syscall(SYS_capset, &header, now))
		readable = false;
	errno = err;
	return readable;
}

/*
 * 0, or -errno after a line on stderr. With mode = audit or off the engine lets the program start. Below a supervisor
 * every program is guarded, also without this library.
 */
static int check(char *const envp[])
{
	char path[PATH_MAX], why[PATH_MAX + 128];
	int saved = errno, err = 0;

	if (getenv("RDMASEC_SUPERVISED"))
		return 0;
	if (find_library(envp, path) && !is_readable_after_exec(path)) {
		snprintf(why, sizeof(why),
			 "a program that is being started cannot read %.200s (%s): install rdmasec where all users and "
			 "root folders of the command have it, or use 'rdmasec run --supervise'",
			 path, strerrordesc_np(errno));
		err = engine_ask_broken(door_engine(), why) ? -EACCES : 0;
	}
	errno = saved;
	return err;
}

static int refuse(int err)
{
	errno = -err;
	return -1;
}

/* ---- the functions ---- */

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	int err = check(envp);

	if (err)
		return refuse(err);
	return next.execve ? next.execve(path, argv, envp) : (int)syscall(SYS_execve, path, argv, envp);
}

EXPORT int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	int err = check(envp);

	if (err)
		return refuse(err);
	return next.execvpe ? next.execvpe(file, argv, envp) : refuse(-ENOSYS);
}

EXPORT int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	int err = check(envp);

	if (err)
		return refuse(err);
	return next.fexecve ? next.fexecve(fd, argv, envp) : refuse(-ENOSYS);
}

EXPORT int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	int err = check(envp);

	if (err)
		return refuse(err);
	return (int)syscall(SYS_execveat, fd, path, argv, envp, flags);
}

/* In the child the ids can only become those of the process (POSIX_SPAWN_RESETIDS). */
EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *file_actions,
		       const posix_spawnattr_t *attrp, char *const argv[], char *const envp[])
{
	int err = check(envp);

	if (err)
		return -err;
	return next.posix_spawn ? next.posix_spawn(pid, path, file_actions, attrp, argv, envp) : ENOSYS;
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *file_actions,
			const posix_spawnattr_t *attrp, char *const argv[], char *const envp[])
{
	int err = check(envp);

	if (err)
		return -err;
	return next.posix_spawnp ? next.posix_spawnp(pid, file, file_actions, attrp, argv, envp) : ENOSYS;
}

/* ---- lists of arguments ---- */

static size_t count_arguments(const char *first, va_list args)
{
	size_t count = 0;

	for (const char *arg = first; arg; arg = va_arg(args, const char *))
		count++;
	return count;
}

static void take_arguments(char **argv, const char *first, size_t count, va_list *args)
{
	argv[0] = (char *)first;
	for (size_t i = 1; i <= count; i++)
		argv[i] = va_arg(*args, char *);
}

/* Puts the list that follows `first`, and its NULL, into `argv`, and leaves `args` behind it. */
#define LIST_TO_ARGV(argv, first, args)                              \
	do {                                                         \
		va_list counted;                                     \
		size_t count;                                        \
                                                                     \
		va_start(counted, first);                            \
		count = count_arguments(first, counted);             \
		va_end(counted);                                     \
		va_start(args, first);                               \
		(argv) = alloca((count + 1) * sizeof(*(argv)));      \
		if (count)                                           \
			take_arguments(argv, first, count, &(args)); \
		else                                                 \
			(argv)[0] = NULL;                            \
	} while (0)

EXPORT int execl(const char *path, const char *arg, ...)
{
	char **argv;
	va_list args;

	LIST_TO_ARGV(argv, arg, args);
	va_end(args);
	return execve(path, argv, environ);
}

EXPORT int execlp(const char *file, const char *arg, ...)
{
	char **argv;
	va_list args;

	LIST_TO_ARGV(argv, arg, args);
	va_end(args);
	return execvpe(file, argv, environ);
}

EXPORT int execle(const char *path, const char *arg, ...)
{
	char **argv, *const *envp;
	va_list args;

	LIST_TO_ARGV(argv, arg, args);
	envp = va_arg(args, char *const *);
	va_end(args);
	return execve(path, argv, envp);
}
