// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The LD_PRELOAD door. Every way to create a queue pair or to give it an address ends in ioctl(RDMA_VERBS_IOCTL): calls
 * of libibverbs, librdmacm and providers, and programs that load verbs by dlsym or dlvsym. One symbol is enough.
 * Messages that librdmacm has the kernel's CM send before such an ioctl are guarded in librdmacm-ext; open_device.c
 * detects a libibverbs that makes no such ioctl, and exec.c a new program that cannot load this library.
 *
 * The symbol has no version: libibverbs asks for ioctl@GLIBC_..., and the loader accepts an unversioned definition, but
 * not one of another version (glibc elf/dl-lookup.c, check_match).
 */
#include <dlfcn.h>
#include <pthread.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "door/door.h"
#include "exec.h"
#include "open_device.h"

#define EXPORT __attribute__((visibility("default")))
enum { PAGE_ROOM = 65536, EXIT_NOT_GUARDED = 126 };

typedef int ioctl_fn(int fd, unsigned long request, ...);

/* On separate pages, read-only after start(). */
static union {
	ioctl_fn *next_ioctl; /* another preload's, or libc's; NULL: there is none */
	char room[PAGE_ROOM];
} state __attribute__((aligned(PAGE_ROOM)));

static pthread_once_t start_once = PTHREAD_ONCE_INIT;

static int pass_on(int fd, unsigned long request, void *arg);

static const struct door_ops ops = { .next = pass_on, .program_from_library = "../bin/rdmasec" };

/* Constructors of other libraries may call ioctl() before that of this library. */
static void start(void)
{
	state.next_ioctl = (ioctl_fn *)dlsym(RTLD_NEXT, "ioctl");
	mprotect(&state, sizeof(state), PROT_READ);
	exec_start();
	door_start(&ops);
}

static int pass_on(int fd, unsigned long request, void *arg)
{
	if (state.next_ioctl)
		return state.next_ioctl(fd, request, arg);
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	pthread_once(&start_once, start);
	switch ((unsigned int)request) { /* the kernel ignores the upper half */
	case RDMA_VERBS_IOCTL:
		if (door_canary_answer(fd, arg))
			return 0;
		preload_verbs_seen++;
		return door_verbs(fd, arg);
	case RDMASEC_IOCTL_QP_OPTION:
		return door_qp_option(fd, arg);
	default:
		return pass_on(fd, request, arg);
	}
}

/*
 * Proves that calls reach this door: an ioctl made as libibverbs makes it, through the program's global scope, must
 * arrive here. If another definition comes first, the program would run unguarded.
 */
__attribute__((constructor)) static void prove(void)
{
	ioctl_fn *global = (ioctl_fn *)dlsym(RTLD_DEFAULT, "ioctl");

	/* before the provider module may take the place of the next ioctl */
	pthread_once(&start_once, start);
	if (!global || canary_send(global) != (uintptr_t)&ops) {
		door_say("rdmasec: refused to start (reason=door-intercepted): another library, or the program itself, "
			 "intercepts ioctl() before "
			 "rdmasec, so RDMA commands would not be checked");
		_exit(EXIT_NOT_GUARDED);
	}
}
