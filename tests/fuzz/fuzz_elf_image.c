// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Arbitrary octets as a shared object in a file: the reader stays within them, and its results lie inside. Then the
 * same octets as a loaded object at some address, as the provider module finds it in a process. The segments come from
 * the octets, truncated to the available size as the loader would map them.
 */
#include <errno.h>
#include <string.h>

#include "elf/image.h"
#include "must.h"

enum { ROOM = 8, PAGE = 4096 };

static void check_slots(const struct elf_image *image)
{
	struct elf_slot slots[ROOM];
	int count = elf_slots_find(image, "ioctl", slots, ROOM);

	MUST((count >= 0 && count <= ROOM) || count == -ENOEXEC || count == -ENOTSUP || count == -E2BIG);
	for (int i = 0; i < count; i++) {
		MUST(slots[i].address % 8 == 0 && elf_at(image, slots[i].address, 8));
		for (int other = 0; other < i; other++)
			MUST(slots[i].address != slots[other].address);
	}
}

static void check_symbols(const struct elf_image *image)
{
	struct elf_symbol symbol;
	size_t cursor = 0;
	int more, err;

	while ((more = elf_symbol_next(image, &cursor, &symbol)) == 1)
		MUST(symbol.name && elf_at(image, symbol.entry, sizeof(Elf64_Sym)) && strlen(symbol.name) < SIZE_MAX);
	MUST(more == 0 || more == -ENOEXEC);
	MUST(cursor <= ELF_SYMBOLS_MAX);
	err = elf_symbol_find(image, "ioctl", &symbol);
	MUST(err == 0 || err == -ENOENT || err == -ENOEXEC);
	MUST(err || (symbol.value && !strcmp(symbol.name, "ioctl")));
}

static void check_image(const struct elf_image *image)
{
	int abi = elf_verbs_abi(image), protection = elf_protection(image, 0, PAGE);

	MUST(abi >= 0 || abi == -ENOENT || abi == -ENOEXEC);
	MUST(protection == -ENOEXEC || (protection >= 0 && protection <= 7));
	if (elf_is_libibverbs(image))
		MUST(elf_soname(image));
	check_slots(image);
	check_symbols(image);
}

static void check_loaded(const struct elf_image *file, const uint8_t *data, size_t size)
{
	Elf64_Phdr segments[ELF_SEGMENTS_MAX];
	struct elf_image image;

	for (size_t i = 0; i < file->segment_count; i++) {
		uint64_t at = segments[i].p_vaddr = file->segments[i].p_vaddr;

		segments[i] = file->segments[i];
		if (at >= size)
			segments[i].p_memsz = 0;
		else if (segments[i].p_memsz > size - at)
			segments[i].p_memsz = size - at;
	}
	if (!elf_from_memory(file->machine, (uintptr_t)data, segments, file->segment_count, &image))
		check_image(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_image image;
	int err = elf_from_file(data, size, &image);

	MUST(err == 0 || err == -ENOEXEC);
	if (err)
		return 0;
	check_image(&image);
	check_loaded(&image, data, size);
	return 0;
}
