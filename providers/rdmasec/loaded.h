/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The loaded libraries that concern the module: each libibverbs with the slots that it calls through, and the definers
 * of ioctl(). Read once, in the module's constructor, under the loader's lock.
 */
#ifndef RDMASEC_PROVIDERS_LOADED_H
#define RDMASEC_PROVIDERS_LOADED_H

#include <limits.h>

#include "elf/image.h"

enum { LOADED_LIBRARIES_MAX = 8, LOADED_SLOTS_MAX = 8, LOADED_DEFINERS_MAX = 8, LOADED_PROBLEM_MAX = 320 };

struct loaded_library {
	struct elf_image image;
	char name[PATH_MAX]; /* by which dlopen(3) finds it */
	struct elf_slot ioctls[LOADED_SLOTS_MAX], opens[LOADED_SLOTS_MAX], writes[LOADED_SLOTS_MAX];
	size_t ioctl_count, open_count, write_count; /* open_count and write_count may be 0 */
};

/* A library that defines ioctl(): libc, or one in front of it. */
struct loaded_definer {
	struct elf_image image;
	struct elf_symbol symbol;
	bool is_libc;
};

struct loaded {
	struct loaded_library libraries[LOADED_LIBRARIES_MAX];
	size_t library_count;
	struct loaded_definer definers[LOADED_DEFINERS_MAX];
	size_t definer_count;
	char problem[LOADED_PROBLEM_MAX]; /* "": none; else why the door cannot be installed */
};

/* Fills in *out, which is zero. */
void loaded_find(struct loaded *out);

/* Is the address in code of a loaded object? Writes the object's name, "" for the program itself. */
bool loaded_code(uintptr_t address, char name[PATH_MAX]);

/* The word at an address of a loaded object. */
uintptr_t *loaded_word(const struct elf_image *image, uint64_t address);

/* Keeps a library loaded for the life of the process. 0 or -ENOENT. */
RS_MUST_USE int loaded_pin(const char *name);

/*
 * Writes a word into memory that may be read-only, and restores the protection of its page. 0; -errno: nothing was
 * written, or the page is still writable.
 */
RS_MUST_USE int loaded_write(const struct elf_image *image, uint64_t address, uintptr_t value);

#endif
