/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Reads shared objects: those loaded in this process, by the loader's copy of their program headers, and files. Checks
 * every address, offset and count before use: a broken or malicious object is -ENOEXEC. Only 64-bit objects of this
 * machine's byte order. Thread-safe; allocates nothing.
 *
 * System V ABI, chapter 5 (program loading and dynamic linking); glibc elf/dl-load.c, elf/dl-reloc.c for RELRO.
 */
#ifndef RDMASEC_CORE_ELF_IMAGE_H
#define RDMASEC_CORE_ELF_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attributes.h"

enum { ELF_SEGMENTS_MAX = 64, ELF_SYMBOLS_MAX = 1 << 20 };

/* An object. Its addresses are link-time addresses (p_vaddr). */
struct elf_image {
	uint16_t machine;    /* EM_* */
	uintptr_t bias;      /* of a loaded object: to be added to an address */
	const uint8_t *file; /* its content, NULL for a loaded object */
	size_t file_size;
	Elf64_Phdr segments[ELF_SEGMENTS_MAX];
	size_t segment_count;
	/* From its dynamic section; 0 if absent. Sizes in octets. */
	uint64_t strtab, strtab_size, symtab, gnu_hash, hash;
	uint64_t jmprel, jmprel_size, jmprel_kind; /* DT_RELA or DT_REL */
	uint64_t rela, rela_size, rel, rel_size;
	uint64_t soname; /* in strtab */
	bool has_soname;
	int symbol_count; /* or -ENOEXEC */
};

struct elf_symbol {
	uint64_t entry; /* the address of its Elf64_Sym */
	uint64_t value; /* 0: undefined */
	const char *name;
};

/* EM_* of the machine that this code was built for. */
uint16_t elf_machine_here(void);

/* Reads a loaded object, by struct dl_phdr_info. It must stay loaded while *out is used. 0 or -ENOEXEC. */
RS_MUST_USE int elf_from_memory(uint16_t machine, uintptr_t bias, const Elf64_Phdr *segments, size_t count,
				struct elf_image *out);

/* Reads a whole file in memory, which must stay while *out is used. 0 or -ENOEXEC. */
RS_MUST_USE int elf_from_file(const void *file, size_t size, struct elf_image *out);

/* `len` octets at an address, unaligned; NULL unless all of them are in one readable segment. */
const void *elf_at(const struct elf_image *image, uint64_t address, size_t len);

/* Copies them. 0 or -ENOEXEC. */
RS_MUST_USE int elf_read(const struct elf_image *image, uint64_t address, void *out, size_t len);

/* A text of the string table; NULL if it does not end in the table. */
const char *elf_text(const struct elf_image *image, uint64_t offset);

/* NULL: none. */
const char *elf_soname(const struct elf_image *image);

/* Iterates over the dynamic symbols, including undefined ones. Start with *cursor = 0. 1 and *out; 0: end; -ENOEXEC. */
RS_MUST_USE int elf_symbol_next(const struct elf_image *image, size_t *cursor, struct elf_symbol *out);

/* Finds the defined symbol of that name, of any version. 0; -ENOENT; -ENOEXEC. */
RS_MUST_USE int elf_symbol_find(const struct elf_image *image, const char *name, struct elf_symbol *out);

/* The number of dynamic symbols, including the first, empty one; -ENOEXEC. For image.c. */
RS_MUST_USE int elf_symbols_count(const struct elf_image *image);

/* Is the address in one of its segments? */
bool elf_has(const struct elf_image *image, uint64_t address);

/* Is the address of this process in the loaded object? In its code? */
bool elf_holds(const struct elf_image *image, uintptr_t address);
bool elf_executes(const struct elf_image *image, uintptr_t address);

/*
 * PROT_* of the page of an address, as the loader left it: that of its segment, or PROT_READ where the segment became
 * read-only after relocation (PT_GNU_RELRO). -ENOEXEC: in no segment.
 */
RS_MUST_USE int elf_protection(const struct elf_image *image, uint64_t address, size_t page_size);

/* ---- slots.c ---- */

/* A word where the loader stores the address of a symbol. */
struct elf_slot {
	uint64_t address;
	uint32_t type; /* R_X86_64_JUMP_SLOT... */
};

/*
 * Finds every slot that is relocated by the symbol `name`. Returns their number; -ENOEXEC: a broken object; -ENOTSUP:
 * the relocations of this machine are unknown, or one holds no plain address; -E2BIG: more than `room`.
 */
RS_MUST_USE int elf_slots_find(const struct elf_image *image, const char *name, struct elf_slot *slots, size_t room);

/* ---- verbs.c ---- */

/* Is this libibverbs, by its soname and its symbols? A name alone proves nothing, nor do symbols: wrappers have them.
 */
bool elf_is_libibverbs(const struct elf_image *image);

/* Its provider ABI: NN of verbs_register_driver_NN. -ENOENT: it loads no providers; -ENOEXEC. */
RS_MUST_USE int elf_verbs_abi(const struct elf_image *image);

#endif
