// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The provider module: libibverbs loads it, through a .driver file, into every process that lists devices, also into
 * setuid programs, without any environment variable. It serves no device. It installs the door where libibverbs calls
 * ioctl(): in the relocation slots of every loaded libibverbs, and in the symbol that a libibverbs loaded later would
 * be bound to. It changes data, never code, and uses no symbol of libibverbs, so one binary works with all releases.
 *
 * If the door cannot be installed, the engine decides whether the program may continue.
 */
#include <dlfcn.h>
#include <errno.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "door/door.h"
#include "slots.h"
#include "util/text.h"

enum { PAGE_ROOM = 65536, EXIT_NOT_GUARDED = 126 };

/* On separate pages, read-only after the constructor. */
static union {
	struct door_slots slots;
	char room[(sizeof(struct door_slots) / PAGE_ROOM + 1) * PAGE_ROOM];
} state __attribute__((aligned(PAGE_ROOM)));

/* The call that this thread is passing through the door, if any. */
struct call {
	int fd;
	unsigned long request;
	void *arg;
	ioctl_fn *next; /* NULL: there is none */
};
static _Thread_local struct call current;

static int pass_on(int fd, unsigned long request, void *arg)
{
	return current.next(fd, request, arg);
}

static const struct door_ops ops = { .next = pass_on, .program_from_library = "../../bin/rdmasec" };

/*
 * Has this call already passed the door? A library behind it may look up the next ioctl() by name, and finds the door
 * in libc's place. Only such a library counts: a thread that left a call by longjmp(3) leaves a stale record.
 */
static bool is_reentry(uintptr_t caller, int fd, unsigned long request, const void *arg)
{
	return current.next && current.fd == fd && current.request == request && current.arg == arg &&
	       slots_has_definer(&state.slots, caller);
}

/* A slot that was overwritten after install_door() would bypass the door. */
static int refuse_if_broken(void)
{
	char why[SLOTS_PROBLEM_MAX];

	if (slots_are_intact(&state.slots, why))
		return 0;
	return engine_ask_broken(door_engine(), why) ? -EPERM : 0;
}

static int verbs(int fd, void *arg)
{
	if (door_canary_answer(fd, arg))
		return 0;
	if (!refuse_if_broken())
		return door_verbs(fd, arg);
	errno = EPERM;
	return -1;
}

/* Records the call while it is in progress, for is_reentry(). */
static int guarded(uintptr_t caller, struct call call)
{
	struct call outer = current;
	int result;

	if (is_reentry(caller, call.fd, call.request, call.arg))
		return state.slots.last(call.fd, call.request, call.arg);
	current = call;
	if ((unsigned int)call.request == RDMA_VERBS_IOCTL)
		result = verbs(call.fd, call.arg);
	else
		result = door_qp_option(call.fd, call.arg);
	current = outer;
	return result;
}

/* Other ioctls leave no record: a signal handler may make them, and thread-local memory may need allocation. */
static int door_ioctl(int fd, unsigned long request, ...)
{
	uintptr_t caller = (uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0));
	ioctl_fn *next = slots_next(&state.slots, caller);
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	switch ((unsigned int)request) { /* the kernel ignores the upper half */
	case RDMA_VERBS_IOCTL:
	case RDMASEC_IOCTL_QP_OPTION:
		return guarded(caller, (struct call){ .fd = fd, .request = request, .arg = arg, .next = next });
	default:
		return next(fd, request, arg);
	}
}

/*
 * Before a device is opened, checks that its commands will still reach the door. A library that intercepts ioctl()
 * after install_door() usually leaves open() alone, so it is noticed here.
 */
static int door_open(const char *path, int flags, ...)
{
	static const char nodes[] = "/dev/infiniband/uverbs";
	uintptr_t caller = (uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0));
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	if (path && !strncmp(path, nodes, sizeof(nodes) - 1) && refuse_if_broken()) {
		errno = EPERM;
		return -1;
	}
	return slots_next_open(&state.slots, caller)(path, flags, mode);
}

/*
 * libibverbs itself calls write() only for commands: for all of them if it is older than verbs by ioctl, or was built
 * for write(). These cannot be checked. Providers write doorbells through slots of their own libraries.
 */
static ssize_t door_write_command(int fd, const void *buffer, size_t len)
{
	uintptr_t caller = (uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0));

	if (!engine_ask_broken(door_engine(), "libibverbs sends its commands by write()"))
		return slots_next_write(&state.slots, caller)(fd, buffer, len);
	errno = EPERM;
	return -1;
}

static void end_unless_allowed(const char *why)
{
	if (engine_ask_broken(door_engine(), why))
		_exit(EXIT_NOT_GUARDED);
}

__attribute__((constructor)) static void install_door(void)
{
	int saved = errno;
	char why[SLOTS_PROBLEM_MAX] = "";

	state.slots.door = door_ioctl;
	state.slots.door_open = door_open;
	state.slots.door_write = door_write_command;
	state.slots.self = &ops;
	door_start(&ops);
	if (slots_install(&state.slots, why) || !slots_are_intact(&state.slots, why))
		end_unless_allowed(why);
	mprotect(&state, sizeof(state), PROT_READ);
	errno = saved;
}
