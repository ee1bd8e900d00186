/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What is loaded in this process, as far as it concerns the module: each libibverbs with the places from which it
 * calls, and who defines ioctl(). Looked at once, in the module's constructor, under the loader's lock.
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
	size_t ioctl_count, open_count, write_count; /* opens, writes: none is needed */
};

/* Somebody who defines ioctl(): libc, and others that stand before it. */
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
	char problem[LOADED_PROBLEM_MAX]; /* "": none; else why the module cannot stand here */
};

/* Fills in *out, which is zeros. */
void loaded_find(struct loaded *out);

/* Is there code of a loaded object at this address? Then `name` is that object's, "" for the program's. */
bool loaded_code(uintptr_t address, char name[PATH_MAX]);

/* The value in a loaded object, which the loader put there. */
uintptr_t *loaded_word(const struct elf_image *image, uint64_t address);

/* Keeps it loaded for as long as the process lives, whoever closes it. 0 or -ENOENT. */
RS_MUST_USE int loaded_keep(const char *name);

/*
 * Writes a word into memory that may be read-only, and gives its page back the protection that it had. 0; -errno, and
 * then nothing was written, or the page is still writable.
 */
RS_MUST_USE int loaded_write(const struct elf_image *image, uint64_t address, uintptr_t value);

#endif
