/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Reads shared objects: such as are loaded in this process, through the loader's own copy of their program headers, and
 * such as lie in a file. Every address, offset and count is checked before it is followed: an object that is broken, or
 * made to mislead, is -ENOEXEC. 64-bit objects of this machine's byte order only. Thread-safe; allocates nothing.
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

/* An object. Addresses in it are the object's own (p_vaddr), before the loader has moved it. */
struct elf_image {
	uint16_t machine;    /* EM_* */
	uintptr_t bias;      /* loaded: what has to be added to an address */
	const uint8_t *file; /* not loaded: the file's octets; else NULL */
	size_t file_size;
	Elf64_Phdr segments[ELF_SEGMENTS_MAX];
	size_t segment_count;
	/* From its dynamic section; 0 where it has none. Sizes in octets. */
	uint64_t strtab, strtab_size, symtab, gnu_hash, hash;
	uint64_t jmprel, jmprel_size, jmprel_kind; /* DT_RELA or DT_REL */
	uint64_t rela, rela_size, rel, rel_size;
	uint64_t soname; /* in strtab */
	bool has_soname;
	int symbol_count; /* or -ENOEXEC */
};

struct elf_symbol {
	uint64_t entry; /* where its Elf64_Sym is */
	uint64_t value; /* 0: undefined */
	const char *name;
};

/* EM_* of the machine that this was built for. */
uint16_t elf_machine_here(void);

/*
 * An object that is loaded: the loader's words about it (struct dl_phdr_info). It must stay loaded while *out is used.
 * 0 or -ENOEXEC.
 */
RS_MUST_USE int elf_from_memory(uint16_t machine, uintptr_t bias, const Elf64_Phdr *segments, size_t count,
				struct elf_image *out);

/* A whole file in memory, which the caller keeps. 0 or -ENOEXEC. */
RS_MUST_USE int elf_from_file(const void *file, size_t size, struct elf_image *out);

/* `len` octets at an address, if all of them are in one readable segment; else NULL. Not aligned. */
const void *elf_at(const struct elf_image *image, uint64_t address, size_t len);

/* Copies them. 0 or -ENOEXEC. */
RS_MUST_USE int elf_read(const struct elf_image *image, uint64_t address, void *out, size_t len);

/* A text of the string table; NULL if it does not end there. */
const char *elf_text(const struct elf_image *image, uint64_t offset);

/* NULL: it has none. */
const char *elf_soname(const struct elf_image *image);

/*
 * Walks the dynamic symbols, those not defined as well: start with *cursor = 0. 1 and *out; 0: no more; -ENOEXEC.
 */
RS_MUST_USE int elf_symbol_next(const struct elf_image *image, size_t *cursor, struct elf_symbol *out);

/* The defined symbol of that name, of whatever version. 0; -ENOENT; -ENOEXEC. */
RS_MUST_USE int elf_symbol_find(const struct elf_image *image, const char *name, struct elf_symbol *out);

/* How many dynamic symbols there are, the first and empty one included; -ENOEXEC. For elf_image.c. */
RS_MUST_USE int elf_symbols_count(const struct elf_image *image);

/* Is the address in one of its segments? */
bool elf_has(const struct elf_image *image, uint64_t address);

/* Is the address of this process in the loaded object; and in a part of it that is executed? */
bool elf_holds(const struct elf_image *image, uintptr_t address);
bool elf_executes(const struct elf_image *image, uintptr_t address);

/*
 * PROT_* that the page of an address has had since the object was loaded: its segment's, or PROT_READ where the segment
 * became read-only after relocation (PT_GNU_RELRO). -ENOEXEC: it is in no segment.
 */
RS_MUST_USE int elf_protection(const struct elf_image *image, uint64_t address, size_t page_size);

/* ---- elf_slots.c ---- */

/* A place where the loader has put the address of a symbol. */
struct elf_slot {
	uint64_t address;
	uint32_t type; /* R_X86_64_JUMP_SLOT... */
};

/*
 * Finds every place that is relocated by the symbol `name`. Their number, 0 or more; -ENOEXEC: the object is broken;
 * -ENOTSUP: this machine's relocations are not known, or one of them is of a type that holds no plain address; -E2BIG:
 * there are more than `room`.
 */
RS_MUST_USE int elf_slots_find(const struct elf_image *image, const char *name, struct elf_slot *slots, size_t room);

/* ---- elf_verbs.c ---- */

/* Is this libibverbs, by its soname and by what it defines? A name alone says nothing, nor does a library that wraps
 * it. */
bool elf_is_libibverbs(const struct elf_image *image);

/* The number of its provider interface: NN of verbs_register_driver_NN. -ENOENT: it takes no providers; -ENOEXEC. */
RS_MUST_USE int elf_verbs_abi(const struct elf_image *image);

#endif
