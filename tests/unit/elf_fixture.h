/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Shared objects made by hand, as the loader leaves them in memory: a read-only part, and one that holds slots. */
#ifndef RDMASEC_TESTS_ELF_FIXTURE_H
#define RDMASEC_TESTS_ELF_FIXTURE_H

#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "elf/image.h"

enum {
	STRTAB = 0x100,
	STRTAB_SIZE = 0x200,
	SYMTAB = 0x300,
	HASH = 0x600,
	JMPREL = 0x800,
	RELA = 0xa00,
	REL = 0xc00,
	CODE = 0x2000, /* its own segment */
	DATA = 0x4000, /* and this one; its first page read-only after relocation */
	SLOTS = 0x4100,
	DYNAMIC = 0x5800,
	OBJECT_SIZE = 0x6000,
	PAGE = 0x1000,
	SEGMENTS = 5,
};

struct object {
	unsigned char memory[OBJECT_SIZE];
	Elf64_Phdr segments[SEGMENTS];
	size_t text_end, symbols, dynamics, jmprels, relas, rels;
	bool absolute; /* the loader has written addresses of the process into the dynamic section */
};

static inline size_t object_text(struct object *o, const char *text)
{
	size_t at = o->text_end;

	memcpy(o->memory + STRTAB + at, text, strlen(text) + 1);
	o->text_end += strlen(text) + 1;
	return at;
}

/* Its index. `value` 0: undefined. */
static inline uint32_t object_symbol(struct object *o, const char *name, uint64_t value)
{
	const Elf64_Sym symbol = { .st_name = (Elf64_Word)object_text(o, name),
				   .st_shndx = value ? 1 : SHN_UNDEF,
				   .st_value = value };

	memcpy(o->memory + SYMTAB + o->symbols * sizeof(symbol), &symbol, sizeof(symbol));
	return (uint32_t)o->symbols++;
}

static inline void object_dynamic(struct object *o, int64_t tag, uint64_t value)
{
	const Elf64_Dyn entry = { .d_tag = tag, .d_un.d_val = value };

	memcpy(o->memory + DYNAMIC + o->dynamics++ * sizeof(entry), &entry, sizeof(entry));
}

static inline void object_pointer(struct object *o, int64_t tag, uint64_t address)
{
	object_dynamic(o, tag, o->absolute ? (uintptr_t)o->memory + address : address);
}

static inline void object_rela(struct object *o, uint64_t table, size_t *count, uint64_t where, uint32_t symbol,
			       uint32_t type, int64_t addend)
{
	const Elf64_Rela rela = { .r_offset = where,
				  .r_info = ELF64_R_INFO((uint64_t)symbol, type),
				  .r_addend = addend };

	memcpy(o->memory + table + (*count)++ * sizeof(rela), &rela, sizeof(rela));
}

static inline void object_jmprel(struct object *o, uint64_t where, uint32_t symbol, uint32_t type)
{
	object_rela(o, JMPREL, &o->jmprels, where, symbol, type, 0);
}

static inline void object_rel(struct object *o, uint64_t where, uint32_t symbol, uint32_t type)
{
	const Elf64_Rel rel = { .r_offset = where, .r_info = ELF64_R_INFO((uint64_t)symbol, type) };

	memcpy(o->memory + REL + o->rels++ * sizeof(rel), &rel, sizeof(rel));
}

static inline void object_init(struct object *o)
{
	memset(o, 0, sizeof(*o));
	o->segments[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R, .p_memsz = CODE, .p_filesz = CODE };
	o->segments[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
				       .p_flags = PF_R | PF_X,
				       .p_vaddr = CODE,
				       .p_offset = CODE,
				       .p_memsz = PAGE,
				       .p_filesz = PAGE };
	o->segments[2] = (Elf64_Phdr){ .p_type = PT_LOAD,
				       .p_flags = PF_R | PF_W,
				       .p_vaddr = DATA,
				       .p_offset = DATA,
				       .p_memsz = OBJECT_SIZE - DATA,
				       .p_filesz = OBJECT_SIZE - DATA };
	o->segments[3] = (Elf64_Phdr){ .p_type = PT_DYNAMIC, .p_vaddr = DYNAMIC, .p_memsz = 0x400, .p_filesz = 0x400 };
	/* to the middle of the next page, which it does not reach */
	o->segments[4] = (Elf64_Phdr){ .p_type = PT_GNU_RELRO, .p_vaddr = DATA, .p_memsz = PAGE + PAGE / 2 };
	object_text(o, "");
	object_symbol(o, "", 0);
}

/* DT_HASH of one bucket: how many symbols there are is all that is read of it. */
static inline void object_hash(struct object *o)
{
	const uint32_t words[2] = { 1, (uint32_t)o->symbols };

	memcpy(o->memory + HASH, words, sizeof(words));
	object_pointer(o, DT_HASH, HASH);
}

/* The dynamic section of what was put in. */
static inline void object_finish(struct object *o)
{
	object_pointer(o, DT_STRTAB, STRTAB);
	object_dynamic(o, DT_STRSZ, STRTAB_SIZE);
	object_pointer(o, DT_SYMTAB, SYMTAB);
	object_hash(o);
	if (o->jmprels) {
		object_pointer(o, DT_JMPREL, JMPREL);
		object_dynamic(o, DT_PLTRELSZ, o->jmprels * sizeof(Elf64_Rela));
		object_dynamic(o, DT_PLTREL, DT_RELA);
	}
	if (o->relas) {
		object_pointer(o, DT_RELA, RELA);
		object_dynamic(o, DT_RELASZ, o->relas * sizeof(Elf64_Rela));
	}
	if (o->rels) {
		object_pointer(o, DT_REL, REL);
		object_dynamic(o, DT_RELSZ, o->rels * sizeof(Elf64_Rel));
	}
}

static inline int object_read(const struct object *o, uint16_t machine, struct elf_image *out)
{
	return elf_from_memory(machine, (uintptr_t)o->memory, o->segments, SEGMENTS, out);
}

#endif
