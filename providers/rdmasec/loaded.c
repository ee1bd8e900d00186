// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "loaded.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/text.h"

_Static_assert(sizeof(struct dl_phdr_info *) != 8 || sizeof(ElfW(Phdr)) == sizeof(Elf64_Phdr), "64-bit headers");

static int image_of(const struct dl_phdr_info *info, struct elf_image *out)
{
	if (sizeof(*info->dlpi_phdr) != sizeof(Elf64_Phdr))
		return -ENOEXEC;
	return elf_from_memory(elf_machine_here(), (uintptr_t)info->dlpi_addr, (const Elf64_Phdr *)info->dlpi_phdr,
			       info->dlpi_phnum, out);
}

static void problem(struct loaded *loaded, const char *name, const char *what)
{
	if (!loaded->problem[0])
		text_format(loaded->problem, sizeof(loaded->problem), "%s %s", name, what);
}

static const char *slots_problem(int found)
{
	switch (found) {
	case 0:
		return "does not call ioctl() by a relocation";
	case -ENOTSUP:
		return "calls ioctl() by a relocation of unknown type";
	case -E2BIG:
		return "calls ioctl() by too many relocations";
	default:
		return "has invalid relocations";
	}
}

static size_t slots_of(const struct elf_image *image, const char *name, struct elf_slot slots[LOADED_SLOTS_MAX])
{
	int count = elf_slots_find(image, name, slots, LOADED_SLOTS_MAX);

	return count > 0 ? (size_t)count : 0;
}

/* It calls write() only for commands (cmd_fallback.c), so a slot that is missed would be unguarded. */
static bool find_write_slots(struct loaded_library *library)
{
	int count = elf_slots_find(&library->image, "write", library->writes, LOADED_SLOTS_MAX);

	library->write_count = count > 0 ? (size_t)count : 0;
	return count >= 0;
}

static void add_library(struct loaded *loaded, const struct elf_image *image, const char *name)
{
	struct loaded_library *library = &loaded->libraries[loaded->library_count];
	int found;

	if (loaded->library_count == LOADED_LIBRARIES_MAX) {
		problem(loaded, name, "is one libibverbs more than supported");
		return;
	}
	library->image = *image;
	text_copy(library->name, sizeof(library->name), name);
	found = elf_slots_find(image, "ioctl", library->ioctls, LOADED_SLOTS_MAX);
	if (found <= 0) {
		problem(loaded, name, slots_problem(found));
		return;
	}
	if (!find_write_slots(library)) {
		problem(loaded, name, "calls write() by relocations of unknown type");
		return;
	}
	library->ioctl_count = (size_t)found;
	library->open_count = slots_of(image, "open", library->opens);
	if (!library->open_count)
		library->open_count = slots_of(image, "open64", library->opens);
	loaded->library_count++;
}

static void add_definer(struct loaded *loaded, const struct elf_image *image, const char *name)
{
	const char *soname = elf_soname(image);
	struct loaded_definer *definer;
	struct elf_symbol symbol;

	if (elf_symbol_find(image, "ioctl", &symbol))
		return;
	if (loaded->definer_count == LOADED_DEFINERS_MAX) {
		problem(loaded, name, "is one library with ioctl() more than supported");
		return;
	}
	definer = &loaded->definers[loaded->definer_count];
	definer->symbol = symbol;
	definer->image = *image;
	definer->is_libc = soname && !strncmp(soname, "libc.so", 7);
	loaded->definer_count++;
}

/* An unreadable library is ignored, unless its name is that of libibverbs. */
static bool is_named_libibverbs(const char *name)
{
	const char *slash = strrchr(name, '/');

	return !strncmp(slash ? slash + 1 : name, "libibverbs", 10);
}

static int inspect_object(struct dl_phdr_info *info, size_t size, void *context)
{
	struct loaded *loaded = context;
	struct elf_image image;

	(void)size;
	if (image_of(info, &image) || image.symbol_count < 0) {
		if (is_named_libibverbs(info->dlpi_name))
			problem(loaded, info->dlpi_name, "cannot be read");
		return 0;
	}
	if (elf_is_libibverbs(&image))
		add_library(loaded, &image, info->dlpi_name);
	add_definer(loaded, &image, info->dlpi_name);
	return 0;
}

void loaded_find(struct loaded *out)
{
	if (elf_machine_here() == EM_NONE) {
		problem(out, "this machine's", "relocation types are unknown");
		return;
	}
	dl_iterate_phdr(inspect_object, out);
	if (!out->library_count)
		problem(out, "libibverbs", "is not loaded");
}

struct code_search {
	uintptr_t address;
	char *name;
};

static int code_in(struct dl_phdr_info *info, size_t size, void *context)
{
	const struct code_search *search = context;
	struct elf_image image;

	(void)size;
	if (image_of(info, &image) || !elf_executes(&image, search->address))
		return 0;
	text_copy(search->name, PATH_MAX, info->dlpi_name);
	return 1;
}

bool loaded_code(uintptr_t address, char name[PATH_MAX])
{
	struct code_search search = { .address = address, .name = name };

	return dl_iterate_phdr(code_in, &search) == 1;
}

uintptr_t *loaded_word(const struct elf_image *image, uint64_t address)
{
	return (uintptr_t *)(image->bias + (uintptr_t)address);
}

int loaded_pin(const char *name)
{
	/* the program itself, and objects without a name, are never unloaded */
	if (!*name)
		return 0;
	return dlopen(name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE) ? 0 : -ENOENT;
}

int loaded_write(const struct elf_image *image, uint64_t address, uintptr_t value)
{
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	_Atomic uintptr_t *word = (_Atomic uintptr_t *)loaded_word(image, address);
	void *page = (void *)((uintptr_t)word & ~(page_size - 1));
	int protection = elf_protection(image, address, page_size);

	if (protection < 0)
		return protection;
	if (!(protection & PROT_WRITE) && mprotect(page, page_size, protection | PROT_WRITE))
		return -errno;
	/* atomic: other threads may be calling through it */
	atomic_store(word, value);
	if (!(protection & PROT_WRITE) && mprotect(page, page_size, protection))
		return -errno;
	return 0;
}
