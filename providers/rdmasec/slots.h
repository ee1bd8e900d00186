/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The slots that lead to the door: their former values, and whether the door is still in place. */
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
	uintptr_t before; /* its former value: the next function in the chain */
	enum slot_use use;
};

struct door_slots {
	ioctl_fn *door; /* functions of the caller, for the slots */
	open_fn *door_open;
	write_fn *door_write;
	const void *self; /* the caller's answer to canaries */

	struct loaded loaded;
	struct door_slot slots[SLOTS_MAX];
	size_t count;
	ioctl_fn *front, *last; /* the first ioctl() of the program's global scope, and libc's */
	bool guarded_already;   /* another door is in front */
};

/*
 * Writes the caller's functions into every slot of every libibverbs that does not lead to another door already, and
 * into the symbols that later libraries are bound to. 0; -errno and a text: incomplete. In the module's constructor.
 */
RS_MUST_USE int slots_install(struct door_slots *slots, char why[SLOTS_PROBLEM_MAX]);

/* Do calls through all slots still reach the door? If not, writes a text. Any thread. */
RS_MUST_USE bool slots_are_intact(const struct door_slots *slots, char why[SLOTS_PROBLEM_MAX]);

/* Does the object at this address define ioctl(), so that it is part of the chain? */
bool slots_has_definer(const struct door_slots *slots, uintptr_t caller);

/* The function that a caller at this address would have called without the door. Never NULL. */
ioctl_fn *slots_next(const struct door_slots *slots, uintptr_t caller);
open_fn *slots_next_open(const struct door_slots *slots, uintptr_t caller);
write_fn *slots_next_write(const struct door_slots *slots, uintptr_t caller);

#endif
