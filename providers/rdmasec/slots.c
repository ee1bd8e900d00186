// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "slots.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "door/door.h"
#include "util/text.h"

static uintptr_t value_of(const struct door_slot *slot)
{
	return atomic_load((_Atomic uintptr_t *)loaded_word(&slot->library->image, slot->address));
}

static int fail(char why[SLOTS_PROBLEM_MAX], const char *what, const char *name)
{
	text_format(why, SLOTS_PROBLEM_MAX, "%s %s", name, what);
	return -EPERM;
}

/* ---- finding ---- */

/*
 * The present target of a slot becomes the next function in the chain. It may differ from what the symbol resolves to:
 * a tracer that was installed earlier stays in the chain, and its library is kept loaded. A target outside every loaded
 * library is an error: it has no name, and may be gone at the next call.
 */
static int find_next(struct door_slot *slot, uintptr_t resolved, char why[SLOTS_PROBLEM_MAX])
{
	char holder[PATH_MAX];
	uintptr_t value = value_of(slot);

	/* not bound yet: it leads into the library's procedure linkage table, which would overwrite the slot */
	if (elf_holds(&slot->library->image, value))
		value = resolved;
	if (!loaded_code(value, holder))
		return fail(why, "calls ioctl() at an address outside all libraries", slot->library->name);
	if (loaded_pin(holder))
		return fail(why, "is called by libibverbs, but cannot be kept loaded", holder);
	slot->before = value;
	return 0;
}

static uintptr_t resolved_for(const struct door_slots *slots, enum slot_use use)
{
	if (use == SLOT_IOCTL)
		return (uintptr_t)slots->front;
	return (uintptr_t)dlsym(RTLD_DEFAULT, use == SLOT_OPEN ? "open" : "write");
}

static int slots_add(struct door_slots *slots, const struct loaded_library *library, const struct elf_slot *found,
		     size_t count, enum slot_use use, char why[SLOTS_PROBLEM_MAX])
{
	uintptr_t resolved = resolved_for(slots, use);

	for (size_t i = 0; i < count; i++) {
		struct door_slot *slot = &slots->slots[slots->count];
		int err;

		*slot = (struct door_slot){ .library = library, .address = found[i].address, .use = use };
		err = find_next(slot, resolved, why);
		if (err)
			return err;
		/* not if the LD_PRELOAD door is in this chain: each command is checked once */
		if (use != SLOT_IOCTL || !canary_send((ioctl_fn *)slot->before))
			slots->count++;
	}
	return 0;
}

static int library_add(struct door_slots *slots, const struct loaded_library *library, char why[SLOTS_PROBLEM_MAX])
{
	size_t before = slots->count;
	int err = slots_add(slots, library, library->ioctls, library->ioctl_count, SLOT_IOCTL, why);

	if (err || slots->count == before)
		return err;
	for (size_t i = before + 1; i < slots->count; i++)
		if (slots->slots[i].before != slots->slots[before].before)
			return fail(why, "calls different functions for ioctl()", library->name);
	if (loaded_pin(library->name))
		return fail(why, "cannot be kept loaded", library->name);
	err = slots_add(slots, library, library->opens, library->open_count, SLOT_OPEN, why);
	return err ? err : slots_add(slots, library, library->writes, library->write_count, SLOT_WRITE, why);
}

static int find_definers(struct door_slots *slots, char why[SLOTS_PROBLEM_MAX])
{
	const struct loaded *loaded = &slots->loaded;

	slots->front = (ioctl_fn *)dlsym(RTLD_DEFAULT, "ioctl");
	for (size_t i = 0; i < loaded->definer_count; i++)
		if (loaded->definers[i].is_libc)
			slots->last = (ioctl_fn *)(loaded->definers[i].image.bias + loaded->definers[i].symbol.value);
	if (!slots->front || !slots->last)
		return fail(why, "has no known definition", "ioctl()");
	slots->guarded_already = canary_send(slots->front) != 0;
	return 0;
}

/* ---- installing ---- */

static uintptr_t door_for(const struct door_slots *slots, enum slot_use use)
{
	switch (use) {
	case SLOT_OPEN:
		return (uintptr_t)slots->door_open;
	case SLOT_WRITE:
		return (uintptr_t)slots->door_write;
	default:
		return (uintptr_t)slots->door;
	}
}

static int write_slots(struct door_slots *slots, char why[SLOTS_PROBLEM_MAX])
{
	for (size_t i = 0; i < slots->count; i++) {
		const struct door_slot *slot = &slots->slots[i];

		if (loaded_write(&slot->library->image, slot->address, door_for(slots, slot->use)))
			return fail(why, "has a slot that cannot be written", slot->library->name);
	}
	return 0;
}

/*
 * A second libibverbs, loaded later, would be bound to ioctl() by name; its drivers are loaded already, so this
 * module's constructor would not run again. It finds the door in the symbol of the first definer in the global scope,
 * and in libc's for a library that searches its own dependencies first (RTLD_DEEPBIND). Not behind another door: that
 * door would find this one as its next, and check each command twice.
 */
static int write_symbols(struct door_slots *slots, char why[SLOTS_PROBLEM_MAX])
{
	for (size_t i = 0; i < slots->loaded.definer_count && !slots->guarded_already; i++) {
		const struct loaded_definer *definer = &slots->loaded.definers[i];
		const struct elf_image *image = &definer->image;
		bool is_front = (uintptr_t)slots->front == image->bias + definer->symbol.value;

		if ((is_front || definer->is_libc) &&
		    loaded_write(image, definer->symbol.entry + offsetof(Elf64_Sym, st_value),
				 (uintptr_t)slots->door - image->bias))
			return fail(why, "cannot be changed for libraries that are loaded later", "ioctl()");
	}
	return 0;
}

int slots_install(struct door_slots *slots, char why[SLOTS_PROBLEM_MAX])
{
	int err;

	loaded_find(&slots->loaded);
	if (slots->loaded.problem[0]) {
		text_copy(why, SLOTS_PROBLEM_MAX, slots->loaded.problem);
		return -ENOEXEC;
	}
	err = find_definers(slots, why);
	for (size_t i = 0; !err && i < slots->loaded.library_count; i++)
		err = library_add(slots, &slots->loaded.libraries[i], why);
	if (!err)
		err = write_slots(slots, why);
	if (!err && slots->count)
		err = write_symbols(slots, why);
	return err;
}

/* ---- using ---- */

/* A library in front of the door that passes calls on is harmless. */
static bool reaches_door(const struct door_slots *slots, const struct door_slot *slot)
{
	uintptr_t value = value_of(slot);

	if (slot->use != SLOT_IOCTL)
		return true;
	return value == (uintptr_t)slots->door || canary_send((ioctl_fn *)value) == (uintptr_t)slots->self;
}

bool slots_are_intact(const struct door_slots *slots, char why[SLOTS_PROBLEM_MAX])
{
	for (size_t i = 0; i < slots->count; i++)
		if (!reaches_door(slots, &slots->slots[i])) {
			text_format(why, SLOTS_PROBLEM_MAX,
				    "another library has intercepted ioctl() of %s after rdmasec",
				    slots->slots[i].library->name);
			return false;
		}
	return true;
}

static const struct door_slot *slot_of(const struct door_slots *slots, uintptr_t caller, enum slot_use use)
{
	for (size_t i = 0; i < slots->count; i++)
		if (slots->slots[i].use == use && elf_holds(&slots->slots[i].library->image, caller))
			return &slots->slots[i];
	return NULL;
}

bool slots_has_definer(const struct door_slots *slots, uintptr_t caller)
{
	for (size_t i = 0; i < slots->loaded.definer_count; i++)
		if (elf_holds(&slots->loaded.definers[i].image, caller))
			return true;
	return false;
}

ioctl_fn *slots_next(const struct door_slots *slots, uintptr_t caller)
{
	const struct door_slot *slot = slot_of(slots, caller, SLOT_IOCTL);

	if (slot)
		return (ioctl_fn *)slot->before;
	/* a definer of ioctl() that looks up the next one must not be called again */
	return slots_has_definer(slots, caller) ? slots->last : slots->front;
}

open_fn *slots_next_open(const struct door_slots *slots, uintptr_t caller)
{
	const struct door_slot *slot = slot_of(slots, caller, SLOT_OPEN);

	return slot ? (open_fn *)slot->before : (open_fn *)open;
}

write_fn *slots_next_write(const struct door_slots *slots, uintptr_t caller)
{
	const struct door_slot *slot = slot_of(slots, caller, SLOT_WRITE);

	return slot ? (write_fn *)slot->before : write;
}
