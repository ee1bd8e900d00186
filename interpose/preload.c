// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The LD_PRELOAD door. Every way to make a QP or to give it an address ends in ioctl(RDMA_VERBS_IOCTL): libibverbs'
 * calls, librdmacm's, providers', and those of programs that load verbs by dlsym or dlvsym. So one symbol is enough.
 *
 * The symbol carries no version: libibverbs asks for ioctl@GLIBC_..., and the loader takes an unversioned definition
 * for it, but not one of another version (glibc elf/dl-lookup.c, check_match).
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "door.h"

#define EXPORT __attribute__((visibility("default")))
enum { PAGE_ROOM = 65536, EXIT_NOT_GUARDED = 126 };

typedef int ioctl_fn(int fd, unsigned long request, ...);

/* All that is known after the start, on pages of its own: read-only from then on. */
static union {
	struct {
		ioctl_fn *real_ioctl;
		struct engine_address engine;
	};
	char room[PAGE_ROOM];
} state __attribute__((aligned(PAGE_ROOM)));

static atomic_bool canary_seen;
static struct ib_uverbs_ioctl_hdr canary;
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

/* Bad addresses give -EFAULT here as they would in the kernel, and no signal. */
static int read_own_memory(void *context, uint64_t address, void *buffer, size_t len)
{
	struct iovec local = { .iov_base = buffer, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = len };
	ssize_t got;

	(void)context;
	if (!len)
		return 0;
	got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	if (got >= 0)
		return (size_t)got == len ? 0 : -EFAULT;
	if (errno == EFAULT)
		return -EFAULT;
	/* a sandbox without this system call: the kernel is about to read the same octets */
	memcpy(buffer, (void *)(uintptr_t)address, len);
	return 0;
}

static void locate(void)
{
	pthread_once(&resolve_once, resolve);
	engine_locate(&state.engine);
	mprotect(&state, sizeof(state), PROT_READ);
}

/* What is never refused costs no question. */
static bool needs_engine(const struct uverbs_command *command)
{
	switch (command->kind) {
	case UVERBS_NOTHING:
	case UVERBS_QP_DESTROY:
		return false;
	case UVERBS_CONTEXT_OPEN:
		return command->has & UVERBS_HAS_DEVX;
	default:
		return true;
	}
}

/*
 * libibverbs falls back to write() where a kernel, or a sandbox, does not take verbs by ioctl (cmd_ioctl.c,
 * has_ioctl_write()), and what goes by write() does not come through here. A kernel of these days takes INVOKE_WRITE on
 * every uverbs fd, so that answer is turned into a refusal.
 */
static int answer(const struct uverbs_command *command, int result)
{
	static atomic_bool said;
	bool invoke_write =
		command->object_id == UVERBS_OBJECT_DEVICE && command->method_id == UVERBS_METHOD_INVOKE_WRITE;

	if (result != -1 || !(errno == ENOTTY || (errno == EPROTONOSUPPORT && invoke_write)))
		return result;
	if (!atomic_exchange(&said, true))
		door_say("rdmasec: refused: verbs do not go by ioctl() here, and what goes by write() is not guarded");
	errno = EPERM;
	return -1;
}

static int verbs_ioctl(int fd, void *arg)
{
	const struct uverbs_memory memory = { .read = read_own_memory };
	struct engine_pass pass = { .socket = -1 };
	struct uverbs_command command, reply;
	int saved = errno, err;

	if (arg == &canary) {
		atomic_store(&canary_seen, true);
		return 0;
	}
	err = uverbs_decode(&memory, (uintptr_t)arg, UVERBS_REQUEST, &command);
	if (!err && needs_engine(&command)) {
		pthread_once(&locate_once, locate);
		err = engine_ask(&state.engine, fd, &command, &pass);
	}
	if (err) {
		errno = -err;
		return -1;
	}
	errno = saved;
	err = answer(&command, pass_on(fd, RDMA_VERBS_IOCTL, arg));
	if (pass.socket >= 0)
		engine_done(&pass,
			    !err && !uverbs_decode(&memory, (uintptr_t)arg, UVERBS_REPLY, &reply) ? &reply : NULL);
	return err;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == RDMA_VERBS_IOCTL)
		return verbs_ioctl(fd, arg);
	return pass_on(fd, request, arg);
}

/*
 * Do we stand in the way? An ioctl is made as libibverbs would make it, through the program's global scope, and has to
 * arrive here. If it does not, somebody in front of us keeps it to himself, and this program would run unguarded.
 */
__attribute__((constructor)) static void prove(void)
{
	ioctl_fn *as_others_see_it = (ioctl_fn *)dlsym(RTLD_DEFAULT, "ioctl");
	int saved = errno;

	if (as_others_see_it)
		as_others_see_it(-1, RDMA_VERBS_IOCTL, &canary);
	if (!atomic_load(&canary_seen)) {
		door_say("rdmasec: refused to start: another library or the program itself takes ioctl() before "
			 "rdmasec, "
			 "so its RDMA could not be guarded");
		_exit(EXIT_NOT_GUARDED);
	}
	errno = saved;
}
