// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The LD_PRELOAD door. Every way to make a QP or to give it an address ends in ioctl(RDMA_VERBS_IOCTL): libibverbs'
 * calls, librdmacm's, providers', and those of programs that load verbs by dlsym or dlvsym. So one symbol is enough.
 * What librdmacm has the kernel's CM send of its own, before there is such an ioctl, is librdmacm-ext's; open_device.c
 * notices a libibverbs that makes none.
 *
 * The symbol carries no version: libibverbs asks for ioctl@GLIBC_..., and the loader takes an unversioned definition
 * for it, but not one of another version (glibc elf/dl-lookup.c, check_match).
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
#include "open_device.h"

#define EXPORT __attribute__((visibility("default")))
enum { PAGE_ROOM = 65536, EXIT_NOT_GUARDED = 126 };

typedef int ioctl_fn(int fd, unsigned long request, ...);

const char door_program_from_library[] = "../bin/rdmasec";

/* All that is known after the start, on pages of its own: read-only from then on. */
static union {
	struct {
		ioctl_fn *real_ioctl;
		struct engine_address engine;
	};
	char room[PAGE_ROOM];
} state __attribute__((aligned(PAGE_ROOM)));

static pthread_once_t resolve_once = PTHREAD_ONCE_INIT, locate_once = PTHREAD_ONCE_INIT;

/* The next ioctl in the chain (another preload's, or libc's), found before anything could be refused or passed on. */
static void resolve(void)
{
	state.real_ioctl = (ioctl_fn *)dlsym(RTLD_NEXT, "ioctl");
}

static int pass_on(int fd, unsigned long request, void *arg)
{
	pthread_once(&resolve_once, resolve);
	if (state.real_ioctl)
		return state.real_ioctl(fd, request, arg);
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

static void locate(void)
{
	pthread_once(&resolve_once, resolve);
	engine_locate(&state.engine);
	mprotect(&state, sizeof(state), PROT_READ);
}

const struct engine_address *door_engine(void)
{
	pthread_once(&locate_once, locate);
	return &state.engine;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	switch ((unsigned int)request) { /* of which the kernel takes no more */
	case RDMA_VERBS_IOCTL:
		if (door_canary_answer(fd, arg, &state))
			return 0;
		preload_verbs_seen++;
		return door_verbs(fd, arg, pass_on);
	case RDMASEC_IOCTL_QP_OPTION:
		return door_qp_option(fd, arg, pass_on);
	default:
		return pass_on(fd, request, arg);
	}
}

/*
 * Do we stand in the way? An ioctl is made as libibverbs would make it, through the program's global scope, and has to
 * arrive here. If it does not, somebody in front of us keeps it to himself, and this program would run unguarded.
 */
__attribute__((constructor)) static void prove(void)
{
	ioctl_fn *as_others_see_it = (ioctl_fn *)dlsym(RTLD_DEFAULT, "ioctl");

	/* before the provider module may take the place of what comes next */
	pthread_once(&resolve_once, resolve);
	if (!as_others_see_it || canary_send(as_others_see_it) != (uintptr_t)&state) {
		door_say("rdmasec: refused to start: another library or the program itself takes ioctl() before "
			 "rdmasec, "
			 "so its RDMA could not be guarded");
		_exit(EXIT_NOT_GUARDED);
	}
}
