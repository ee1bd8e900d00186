// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The provider module: libibverbs itself loads it, through a .driver file, in every process that lists devices, with
 * nothing in the environment and in setuid programs too. It serves no device. It puts the door where libibverbs calls
 * ioctl(): into the relocation slots of every libibverbs that is there, and into the symbol by which one that is loaded
 * later would be bound. Data, never code; and it uses nothing of libibverbs by name, so one binary serves all releases.
 *
 * Verbs of a program are judged, or the program does not go on: what cannot be guarded is put to the engine as such.
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

/* On pages of its own, read-only after the constructor. */
static union {
	struct door_slots slots;
	char room[(sizeof(struct door_slots) / PAGE_ROOM + 1) * PAGE_ROOM];
} state __attribute__((aligned(PAGE_ROOM)));

/* The call of this thread's that is on its way through here, if there is one. */
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
 * It has been judged, passed on, and come back: somebody who stands behind us looks the next one up by name, and finds
 * the door in libc's place. Only of such is it believed: a thread that has left a call by longjmp(3) leaves its record.
 */
static bool has_come_back(uintptr_t caller, int fd, unsigned long request, const void *arg)
{
	return current.next && current.fd == fd && current.request == request && current.arg == arg &&
	       slots_defines(&state.slots, caller);
}

/* Whose slot has been written to since would make his next call past us. */
static int refuse_where_broken(void)
{
	char why[SLOTS_PROBLEM_MAX];

	if (slots_hold(&state.slots, why))
		return 0;
	return engine_ask_broken(door_engine(), why) ? -EPERM : 0;
}

static int verbs(int fd, void *arg)
{
	if (door_canary_answer(fd, arg))
		return 0;
	if (!refuse_where_broken())
		return door_verbs(fd, arg);
	errno = EPERM;
	return -1;
}

/* Its record is there for as long as it is on its way; see has_come_back(). */
static int guarded(uintptr_t caller, struct call call)
{
	struct call outer = current;
	int result;

	if (has_come_back(caller, call.fd, call.request, call.arg))
		return state.slots.last(call.fd, call.request, call.arg);
	current = call;
	if ((unsigned int)call.request == RDMA_VERBS_IOCTL)
		result = verbs(call.fd, call.arg);
	else
		result = door_qp_option(call.fd, call.arg);
	current = outer;
	return result;
}

/* What is not of verbs leaves no record: ioctl(2) may be called by a signal's handler, and a record takes memory. */
static int door_ioctl(int fd, unsigned long request, ...)
{
	uintptr_t caller = (uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0));
	ioctl_fn *next = slots_next(&state.slots, caller);
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	switch ((unsigned int)request) { /* of which the kernel takes no more */
	case RDMA_VERBS_IOCTL:
	case RDMASEC_IOCTL_QP_OPTION:
		return guarded(caller, (struct call){ .fd = fd, .request = request, .arg = arg, .next = next });
	default:
		return next(fd, request, arg);
	}
}

/*
 * Before each device is opened: is it still us who will see what is asked of it? Somebody who has taken ioctl() to
 * himself is noticed here, since he has no business with open().
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
	if (path && !strncmp(path, nodes, sizeof(nodes) - 1) && refuse_where_broken()) {
		errno = EPERM;
		return -1;
	}
	return slots_next_open(&state.slots, caller)(path, flags, mode);
}

/*
 * libibverbs writes nothing but commands: all of them, if it is older than verbs by ioctl or was built for write()
 * only. Nobody judges these. Doorbells are the providers', which have slots of their own.
 */
static ssize_t door_write_command(int fd, const void *buffer, size_t len)
{
	uintptr_t caller = (uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0));

	if (!engine_ask_broken(door_engine(), "libibverbs gives its commands by write()"))
		return slots_next_write(&state.slots, caller)(fd, buffer, len);
	errno = EPERM;
	return -1;
}

static void end_unless_allowed(const char *why)
{
	if (engine_ask_broken(door_engine(), why))
		_exit(EXIT_NOT_GUARDED);
}

__attribute__((constructor)) static void stand(void)
{
	int saved = errno;
	char why[SLOTS_PROBLEM_MAX] = "";

	state.slots.door = door_ioctl;
	state.slots.door_open = door_open;
	state.slots.door_write = door_write_command;
	state.slots.self = &ops;
	door_start(&ops);
	if (slots_take(&state.slots, why) || !slots_hold(&state.slots, why))
		end_unless_allowed(why);
	mprotect(&state, sizeof(state), PROT_READ);
	errno = saved;
}
