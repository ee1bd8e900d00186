/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Where the door is put: what was there, and whether it is still there. */
#ifndef RDMASEC_PROVIDERS_SLOTS_H
#define RDMASEC_PROVIDERS_SLOTS_H

#include <sys/types.h>

#include "loaded.h"

enum { SLOTS_MAX = 3 * LOADED_LIBRARIES_MAX * LOADED_SLOTS_MAX, SLOTS_PROBLEM_MAX = LOADED_PROBLEM_MAX };

typedef int ioctl_fn(int fd, unsigned long request, ...);
typedef int open_fn(const char *path, int flags, ...);
typedef ssize_t write_fn(int fd, const void *buffer, size_t len);

enum slot_use { SLOT_IOCTL, SLOT_OPEN, SLOT_WRITE };

struct door_slot {
	const struct loaded_library *library;
	uint64_t address; /* in the library */
	uintptr_t before; /* what was there: the next in the chain */
	enum slot_use use;
};

struct door_slots {
	ioctl_fn *door; /* what is put there: the caller's */
	open_fn *door_open;
	write_fn *door_write;
	const void *self; /* by which the caller answers canaries */

	struct loaded loaded;
	struct door_slot slots[SLOTS_MAX];
	size_t count;
	ioctl_fn *front, *last; /* the first ioctl() of the program's global scope, and libc's */
	bool guarded_already;   /* another door stands in front */
};

/*
 * Takes every ioctl slot of every libibverbs that another door does not stand behind already, and the symbols by which
 * libraries that come later are bound. 0; -errno and why in words: not all of it could be done.
 */
RS_MUST_USE int slots_take(struct door_slots *slots, char why[SLOTS_PROBLEM_MAX]);

/* Do calls through all of the slots still come to a door? Else why not. Any thread. */
RS_MUST_USE bool slots_hold(const struct door_slots *slots, char why[SLOTS_PROBLEM_MAX]);

/* Does the object that calls from this address define ioctl() itself, and so stand in the chain? */
bool slots_defines(const struct door_slots *slots, uintptr_t caller);

/* What would have been called without us, by whoever calls from this address. */
ioctl_fn *slots_next(const struct door_slots *slots, uintptr_t caller);
open_fn *slots_next_open(const struct door_slots *slots, uintptr_t caller);
write_fn *slots_next_write(const struct door_slots *slots, uintptr_t caller);

#endif
