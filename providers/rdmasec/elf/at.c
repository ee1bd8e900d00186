// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Checked access to the content of an object. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "elf/image.h"

static bool in_segment(const Elf64_Phdr *segment, uint64_t size, uint64_t address, size_t len)
{
	return address >= segment->p_vaddr && size >= len && address - segment->p_vaddr <= size - len;
}

const void *elf_at(const struct elf_image *image, uint64_t address, size_t len)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const Elf64_Phdr *segment = &image->segments[i];
		uint64_t offset = address - segment->p_vaddr;

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_R))
			continue;
		if (!image->file) {
			if (in_segment(segment, segment->p_memsz, address, len))
				return (const void *)(image->bias + (uintptr_t)address);
		} else if (in_segment(segment, segment->p_filesz, address, len) && image->file_size >= len &&
			   segment->p_offset <= image->file_size - len &&
			   offset <= image->file_size - len - segment->p_offset) {
			return image->file + segment->p_offset + offset;
		}
	}
	return NULL;
}

int elf_read(const struct elf_image *image, uint64_t address, void *out, size_t len)
{
	const void *from = elf_at(image, address, len);

	if (!from)
		return -ENOEXEC;
	memcpy(out, from, len);
	return 0;
}

const char *elf_text(const struct elf_image *image, uint64_t offset)
{
	const char *text;
	uint64_t room;

	if (offset >= image->strtab_size)
		return NULL;
	room = image->strtab_size - offset;
	text = elf_at(image, image->strtab + offset, (size_t)room);
	return text && memchr(text, '\0', (size_t)room) ? text : NULL;
}

const char *elf_soname(const struct elf_image *image)
{
	return image->has_soname ? elf_text(image, image->soname) : NULL;
}

static const Elf64_Phdr *segment_of(const struct elf_image *image, uint64_t address)
{
	for (size_t i = 0; i < image->segment_count; i++)
		if (image->segments[i].p_type == PT_LOAD &&
		    in_segment(&image->segments[i], image->segments[i].p_memsz, address, 1))
			return &image->segments[i];
	return NULL;
}

bool elf_has(const struct elf_image *image, uint64_t address)
{
	return segment_of(image, address);
}

bool elf_holds(const struct elf_image *image, uintptr_t address)
{
	return segment_of(image, address - image->bias);
}

bool elf_executes(const struct elf_image *image, uintptr_t address)
{
	const Elf64_Phdr *segment = segment_of(image, address - image->bias);

	return segment && segment->p_flags & PF_X;
}

int elf_protection(const struct elf_image *image, uint64_t address, size_t page_size)
{
	const Elf64_Phdr *segment = segment_of(image, address);
	uint64_t mask = ~(uint64_t)(page_size - 1), page = (image->bias + address) & mask;
	int protection;

	if (!segment)
		return -ENOEXEC;
	protection = (segment->p_flags & PF_R ? PROT_READ : 0) | (segment->p_flags & PF_W ? PROT_WRITE : 0) |
		     (segment->p_flags & PF_X ? PROT_EXEC : 0);
	for (size_t i = 0; i < image->segment_count; i++) {
		uint64_t start = image->bias + image->segments[i].p_vaddr;

		/* both ends rounded down, as _dl_protect_relro() in glibc's elf/dl-reloc.c does */
		if (image->segments[i].p_type == PT_GNU_RELRO && page >= (start & mask) &&
		    page < ((start + image->segments[i].p_memsz) & mask))
			protection = PROT_READ;
	}
	return protection;
}
