// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The relocations of an object. x86-64 psABI, table 4.9 (R_X86_64_JUMP_SLOT, GLOB_DAT, 64: S, S, S + A); ELF for the
 * Arm 64-bit Architecture, 5.7.11 (R_AARCH64_JUMP_SLOT, GLOB_DAT, ABS64: S + A).
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "elf/image.h"

enum slot_kind { SLOT_UNKNOWN, SLOT_ADDRESS };

struct search {
	const struct elf_image *image;
	const char *name;
	struct elf_slot *slots;
	size_t count, room;
};

static enum slot_kind slot_kind(uint16_t machine, uint32_t type)
{
	switch (machine) {
	case EM_X86_64:
		return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT || type == R_X86_64_64 ? SLOT_ADDRESS
												      : SLOT_UNKNOWN;
	case EM_AARCH64:
		return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT || type == R_AARCH64_ABS64
			       ? SLOT_ADDRESS
			       : SLOT_UNKNOWN;
	default:
		return SLOT_UNKNOWN;
	}
}

/* "" for symbol 0: a relocation without a symbol. NULL: invalid. */
static const char *symbol_name(const struct elf_image *image, uint32_t index)
{
	Elf64_Sym symbol;

	if (!index)
		return "";
	if (elf_read(image, image->symtab + (uint64_t)index * sizeof(symbol), &symbol, sizeof(symbol)))
		return NULL;
	return elf_text(image, symbol.st_name);
}

static bool known_already(const struct search *search, uint64_t address)
{
	for (size_t i = 0; i < search->count; i++)
		if (search->slots[i].address == address)
			return true;
	return false;
}

/*
 * With ld -z mark-plt the addend of a jump slot is the place of its indirect jump in the PLT, which a loader may
 * replace by a direct jump (glibc's tunable glibc.cpu.plt_rewrite) that ignores the slot. "jmp *d(%rip)" is ff 25 and a
 * signed d of four octets, relative to its end; a prefix f2 does not change the target.
 */
static bool jumps_through(const struct elf_image *image, uint64_t jump, uint64_t slot)
{
	enum { LEN = 7 };
	const uint8_t *code = elf_at(image, jump, LEN);
	int32_t distance;
	size_t at;

	if (!code)
		return false;
	at = code[0] == 0xf2;
	memcpy(&distance, code + at + 2, sizeof(distance));
	return code[at] == 0xff && code[at + 1] == 0x25 && jump + at + 6 + (uint64_t)(int64_t)distance == slot;
}

/* Other addends lead beside the function, where no code calls it. */
static bool addend_fits(const struct elf_image *image, uint32_t type, uint64_t address, int64_t addend)
{
	if (!addend)
		return true;
	return image->machine == EM_X86_64 && type == R_X86_64_JUMP_SLOT &&
	       jumps_through(image, (uint64_t)addend, address);
}

static int take(struct search *search, uint64_t address, uint64_t info, int64_t addend)
{
	const char *name = symbol_name(search->image, ELF64_R_SYM(info));
	uint32_t type = (uint32_t)ELF64_R_TYPE(info);

	if (!name)
		return -ENOEXEC;
	if (strcmp(name, search->name) != 0)
		return 0;
	if (slot_kind(search->image->machine, type) == SLOT_UNKNOWN ||
	    !addend_fits(search->image, type, address, addend))
		return -ENOTSUP;
	if (address % sizeof(uint64_t) || !elf_at(search->image, address, sizeof(uint64_t)))
		return -ENOEXEC;
	if (known_already(search, address))
		return 0;
	if (search->count == search->room)
		return -E2BIG;
	search->slots[search->count++] = (struct elf_slot){ .address = address, .type = type };
	return 0;
}

/* `kind`: DT_RELA, or DT_REL, whose entries end before the addend. */
static int walk(struct search *search, uint64_t kind, uint64_t table, uint64_t size)
{
	size_t step = kind == DT_RELA ? sizeof(Elf64_Rela) : sizeof(Elf64_Rel);
	int err = (kind != DT_RELA && kind != DT_REL) || size % step ? -ENOEXEC : 0;

	for (uint64_t at = 0; !err && at < size; at += step) {
		Elf64_Rela rela = { .r_addend = 0 };

		err = elf_read(search->image, table + at, &rela, step);
		if (!err)
			err = take(search, rela.r_offset, rela.r_info, rela.r_addend);
	}
	return err;
}

_Static_assert(offsetof(Elf64_Rela, r_addend) == sizeof(Elf64_Rel), "Elf64_Rel is the begin of Elf64_Rela");

int elf_slots_find(const struct elf_image *image, const char *name, struct elf_slot *slots, size_t room)
{
	struct search search = { .image = image, .name = name, .slots = slots, .room = room };
	int err = 0;

	if (image->jmprel && image->jmprel_size)
		err = walk(&search, image->jmprel_kind, image->jmprel, image->jmprel_size);
	if (!err && image->rela)
		err = walk(&search, DT_RELA, image->rela, image->rela_size);
	if (!err && image->rel)
		err = walk(&search, DT_REL, image->rel, image->rel_size);
	return err ? err : (int)search.count;
}
