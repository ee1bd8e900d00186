// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "elf/image.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

uint16_t elf_machine_here(void)
{
#if defined(__x86_64__) && defined(__LP64__)
	return EM_X86_64;
#elif defined(__aarch64__) && defined(__LP64__)
	return EM_AARCH64;
#else
	return EM_NONE;
#endif
}

/*
 * The loader changes some pointers of a dynamic section to addresses in the process, and leaves others
 * (elf_get_dynamic_info() in glibc's elf/get-dynamic-info.h).
 */
static uint64_t own_address(const struct elf_image *image, uint64_t pointer)
{
	return !image->file && elf_has(image, pointer - image->bias) ? pointer - image->bias : pointer;
}

/* Where the entries of a dynamic section go. */
static const struct {
	int64_t tag;
	bool is_address;
	size_t offset;
} entries[] = {
	{ DT_STRTAB, true, offsetof(struct elf_image, strtab) },
	{ DT_STRSZ, false, offsetof(struct elf_image, strtab_size) },
	{ DT_SYMTAB, true, offsetof(struct elf_image, symtab) },
	{ DT_GNU_HASH, true, offsetof(struct elf_image, gnu_hash) },
	{ DT_HASH, true, offsetof(struct elf_image, hash) },
	{ DT_JMPREL, true, offsetof(struct elf_image, jmprel) },
	{ DT_PLTRELSZ, false, offsetof(struct elf_image, jmprel_size) },
	{ DT_PLTREL, false, offsetof(struct elf_image, jmprel_kind) },
	{ DT_RELA, true, offsetof(struct elf_image, rela) },
	{ DT_RELASZ, false, offsetof(struct elf_image, rela_size) },
	{ DT_REL, true, offsetof(struct elf_image, rel) },
	{ DT_RELSZ, false, offsetof(struct elf_image, rel_size) },
	{ DT_SONAME, false, offsetof(struct elf_image, soname) },
};

static void dynamic_take(struct elf_image *image, const Elf64_Dyn *entry)
{
	uint64_t value = entry->d_un.d_val, address = own_address(image, value);

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (entry->d_tag == entries[i].tag)
			memcpy((char *)image + entries[i].offset, entries[i].is_address ? &address : &value,
			       sizeof(value));
	image->has_soname |= entry->d_tag == DT_SONAME;
}

static int dynamic_read(struct elf_image *image, const Elf64_Phdr *dynamic)
{
	for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= dynamic->p_memsz; at += sizeof(Elf64_Dyn)) {
		Elf64_Dyn entry;
		int err = elf_read(image, dynamic->p_vaddr + at, &entry, sizeof(entry));

		if (err)
			return err;
		if (entry.d_tag == DT_NULL)
			return 0;
		dynamic_take(image, &entry);
	}
	return 0;
}

static int image_make(struct elf_image *image)
{
	int err = 0;

	for (size_t i = 0; i < image->segment_count && !err; i++)
		if (image->segments[i].p_type == PT_DYNAMIC)
			err = dynamic_read(image, &image->segments[i]);
	image->symbol_count = elf_symbols_count(image);
	return err;
}

int elf_from_memory(uint16_t machine, uintptr_t bias, const Elf64_Phdr *segments, size_t count, struct elf_image *out)
{
	struct elf_image image = { .machine = machine, .bias = bias, .segment_count = count };
	int err;

	if (count > ELF_SEGMENTS_MAX)
		return -ENOEXEC;
	memcpy(image.segments, segments, count * sizeof(*segments));
	err = image_make(&image);
	if (!err)
		*out = image;
	return err;
}

static int header_check(const Elf64_Ehdr *header, size_t size)
{
	const unsigned char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	uint64_t headers = (uint64_t)header->e_phnum * sizeof(Elf64_Phdr);

	if (memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_ident[EI_CLASS] != ELFCLASS64 ||
	    header->e_ident[EI_DATA] != order || header->e_phentsize != sizeof(Elf64_Phdr) ||
	    header->e_phnum > ELF_SEGMENTS_MAX)
		return -ENOEXEC;
	return size >= headers && header->e_phoff <= size - headers ? 0 : -ENOEXEC;
}

int elf_from_file(const void *file, size_t size, struct elf_image *out)
{
	struct elf_image image = { .file = file, .file_size = size };
	Elf64_Ehdr header;
	int err;

	if (size < sizeof(header))
		return -ENOEXEC;
	memcpy(&header, file, sizeof(header));
	err = header_check(&header, size);
	if (err)
		return err;
	image.machine = header.e_machine;
	image.segment_count = header.e_phnum;
	memcpy(image.segments, image.file + header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr));
	err = image_make(&image);
	if (!err)
		*out = image;
	return err;
}
