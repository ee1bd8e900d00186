// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Shared objects, made by hand and broken by hand; and those of this process. */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "elf_fixture.h"

enum { ROOM = 4 };

static int slots_of(const struct object *o, uint16_t machine, struct elf_slot *slots)
{
	struct elf_image image;
	int err = object_read(o, machine, &image);

	return err ? err : elf_slots_find(&image, "ioctl", slots, ROOM);
}

/* ---- slots ---- */

static const struct {
	uint16_t machine;
	uint32_t type;
	int found;
} types[] = {
	{ EM_X86_64, R_X86_64_JUMP_SLOT, 1 },
	{ EM_X86_64, R_X86_64_GLOB_DAT, 1 },
	{ EM_X86_64, R_X86_64_64, 1 },
	{ EM_X86_64, R_X86_64_PC32, -ENOTSUP },
	{ EM_X86_64, R_X86_64_COPY, -ENOTSUP },
	{ EM_X86_64, R_AARCH64_JUMP_SLOT, -ENOTSUP },
	{ EM_AARCH64, R_AARCH64_JUMP_SLOT, 1 },
	{ EM_AARCH64, R_AARCH64_GLOB_DAT, 1 },
	{ EM_AARCH64, R_AARCH64_ABS64, 1 },
	{ EM_AARCH64, R_X86_64_JUMP_SLOT, -ENOTSUP },
	{ EM_AARCH64, R_AARCH64_CALL26, -ENOTSUP },
	{ EM_PPC64, R_PPC64_JMP_SLOT, -ENOTSUP },
	{ EM_NONE, R_X86_64_JUMP_SLOT, -ENOTSUP },
};

Test(elf_slots, finds_slots_by_type_and_machine)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		for (int table = 0; table < 3; table++) {
			struct elf_slot slots[ROOM];
			static struct object o;
			uint32_t symbol;

			object_init(&o);
			o.absolute = i % 2;
			object_symbol(&o, "read", 0);
			symbol = object_symbol(&o, "ioctl", 0);
			object_symbol(&o, "my_ioctl", 0);
			if (table == 0)
				object_jmprel(&o, SLOTS + 8, symbol, types[i].type);
			else if (table == 1)
				object_rela(&o, RELA, &o.relas, SLOTS + 8, symbol, types[i].type, 0);
			else
				object_rel(&o, SLOTS + 8, symbol, types[i].type);
			object_finish(&o);
			cr_expect_eq(slots_of(&o, types[i].machine, slots), types[i].found, "row %zu table %d", i,
				     table);
			if (types[i].found != 1)
				continue;
			cr_expect_eq(slots[0].address, SLOTS + 8);
			cr_expect_eq(slots[0].type, types[i].type);
		}
}

Test(elf_slots, ignores_slots_of_other_symbols)
{
	struct elf_slot slots[ROOM];
	static struct object o;

	object_init(&o);
	object_jmprel(&o, SLOTS, object_symbol(&o, "ioctl64", 0), R_X86_64_JUMP_SLOT);
	object_jmprel(&o, SLOTS + 8, object_symbol(&o, "octl", 0), R_X86_64_JUMP_SLOT);
	object_jmprel(&o, SLOTS + 16, object_symbol(&o, "", 0), R_X86_64_JUMP_SLOT);
	object_rela(&o, RELA, &o.relas, SLOTS + 24, 0, R_X86_64_RELATIVE, 0x1234);
	object_finish(&o);
	cr_expect_eq(slots_of(&o, EM_X86_64, slots), 0);
}

Test(elf_slots, finds_several_slots_up_to_limit)
{
	struct elf_slot slots[ROOM];
	static struct object o;
	uint32_t symbol;

	object_init(&o);
	symbol = object_symbol(&o, "ioctl", 0);
	object_jmprel(&o, SLOTS, symbol, R_X86_64_JUMP_SLOT);
	object_rela(&o, RELA, &o.relas, SLOTS + 8, symbol, R_X86_64_GLOB_DAT, 0);
	object_rela(&o, RELA, &o.relas, SLOTS, symbol, R_X86_64_GLOB_DAT, 0);
	object_finish(&o);
	cr_expect_eq(slots_of(&o, EM_X86_64, slots), 2, "one place counts once");
	for (int i = 2; i < ROOM + 1; i++)
		object_rela(&o, RELA, &o.relas, SLOTS + 8 * (uint64_t)i, symbol, R_X86_64_GLOB_DAT, 0);
	object_dynamic(&o, DT_RELASZ, o.relas * sizeof(Elf64_Rela));
	cr_expect_eq(slots_of(&o, EM_X86_64, slots), -E2BIG);
}

Test(elf_slots, refuses_address_beside_function)
{
	struct elf_slot slots[ROOM];
	static struct object o;

	object_init(&o);
	object_rela(&o, RELA, &o.relas, SLOTS, object_symbol(&o, "ioctl", 0), R_X86_64_64, 8);
	object_finish(&o);
	cr_expect_eq(slots_of(&o, EM_X86_64, slots), -ENOTSUP);
}

/* ld -z mark-plt: the addend is where in the PLT the jump is. A loader may have put another one there. */
Test(elf_slots, follows_addend_to_marked_jump)
{
	enum { AT = CODE + 0x10 };
	static const struct {
		uint16_t machine;
		uint32_t type;
		int64_t addend;
		uint8_t code[7];
		int64_t slot; /* from the end of the jump */
		int found;
	} rows[] = {
		{ EM_X86_64, R_X86_64_JUMP_SLOT, AT, { 0xff, 0x25 }, SLOTS - AT - 6, 1 },
		{ EM_X86_64, R_X86_64_JUMP_SLOT, AT, { 0xf2, 0xff, 0x25 }, SLOTS - AT - 7, 1 },
		{ EM_X86_64, R_X86_64_JUMP_SLOT, AT, { 0xff, 0x25 }, SLOTS + 8 - AT - 6, -ENOTSUP },
		{ EM_X86_64, R_X86_64_JUMP_SLOT, AT, { 0xff, 0x15 }, SLOTS - AT - 6, -ENOTSUP }, /* a call */
		{ EM_X86_64, R_X86_64_JUMP_SLOT, AT, { 0xe9 }, 0, -ENOTSUP },                    /* rewritten */
		{ EM_X86_64, R_X86_64_JUMP_SLOT, AT, { 0xd5, 0x00, 0xa1 }, 0, -ENOTSUP },        /* jmpabs */
		{ EM_X86_64, R_X86_64_JUMP_SLOT, 0x3000, { 0xff, 0x25 }, 0, -ENOTSUP },          /* no segment */
		{ EM_X86_64, R_X86_64_JUMP_SLOT, -1, { 0xff, 0x25 }, 0, -ENOTSUP },
		{ EM_X86_64, R_X86_64_GLOB_DAT, AT, { 0xff, 0x25 }, SLOTS - AT - 6, -ENOTSUP },
		{ EM_AARCH64, R_AARCH64_JUMP_SLOT, AT, { 0xff, 0x25 }, SLOTS - AT - 6, -ENOTSUP },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int32_t distance = (int32_t)rows[i].slot;
		struct elf_slot slots[ROOM];
		static struct object o;

		object_init(&o);
		memcpy(o.memory + AT, rows[i].code, sizeof(rows[i].code));
		if (distance)
			memcpy(o.memory + AT + (rows[i].code[0] == 0xf2) + 2, &distance, sizeof(distance));
		object_rela(&o, JMPREL, &o.jmprels, SLOTS, object_symbol(&o, "ioctl", 0), rows[i].type, rows[i].addend);
		object_finish(&o);
		cr_expect_eq(slots_of(&o, rows[i].machine, slots), rows[i].found, "row %zu", i);
	}
}

Test(elf_slots, refuses_slot_outside_writable_memory)
{
	static const uint64_t wheres[] = { 1, SLOTS + 4, OBJECT_SIZE, OBJECT_SIZE - 4, UINT64_MAX - 7, 0x3800 };

	for (size_t i = 0; i < sizeof(wheres) / sizeof(wheres[0]); i++) {
		struct elf_slot slots[ROOM];
		static struct object o;

		object_init(&o);
		object_jmprel(&o, wheres[i], object_symbol(&o, "ioctl", 0), R_X86_64_JUMP_SLOT);
		object_finish(&o);
		cr_expect_eq(slots_of(&o, EM_X86_64, slots), -ENOEXEC, "%#lx", wheres[i]);
	}
}

/* ---- broken ---- */

static void make_good(struct object *o)
{
	object_init(o);
	object_jmprel(o, SLOTS, object_symbol(o, "ioctl", 0), R_X86_64_JUMP_SLOT);
	object_symbol(o, "ibv_get_device_list", CODE);
	object_finish(o);
}

static const struct {
	int64_t tag;
	uint64_t value;
} lies[] = {
	{ DT_PLTRELSZ, 23 },
	{ DT_PLTRELSZ, UINT64_MAX / 24 * 24 },
	{ DT_PLTREL, 99 },
	{ DT_JMPREL, OBJECT_SIZE - 8 },
	{ DT_JMPREL, UINT64_MAX - 8 },
	{ DT_JMPREL, 0x3000 },
	{ DT_SYMTAB, OBJECT_SIZE - 16 },
	{ DT_SYMTAB, UINT64_MAX - 100 },
	{ DT_STRTAB, 0x3000 },
	{ DT_STRSZ, 0 },
	{ DT_STRSZ, 5 },
	{ DT_STRSZ, UINT64_MAX },
};

Test(elf_slots, rejects_invalid_tables)
{
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct elf_slot slots[ROOM];
		static struct object o;

		make_good(&o);
		cr_assert_eq(slots_of(&o, EM_X86_64, slots), 1);
		object_dynamic(&o, lies[i].tag, lies[i].value); /* the last one counts */
		cr_expect_eq(slots_of(&o, EM_X86_64, slots), -ENOEXEC, "lie %zu", i);
	}
}

Test(elf_slots, refuses_symbol_out_of_range)
{
	struct elf_slot slots[ROOM];
	static struct object o;

	object_init(&o);
	object_jmprel(&o, SLOTS, UINT32_MAX, R_X86_64_JUMP_SLOT);
	object_finish(&o);
	cr_expect_eq(slots_of(&o, EM_X86_64, slots), -ENOEXEC);
}

Test(elf_image, refuses_odd_segments)
{
	static Elf64_Phdr many[ELF_SEGMENTS_MAX + 1];
	struct elf_image image;
	static struct object o;

	make_good(&o);
	cr_expect_eq(elf_from_memory(EM_X86_64, (uintptr_t)o.memory, many, ELF_SEGMENTS_MAX + 1, &image), -ENOEXEC);
	o.segments[3].p_vaddr = OBJECT_SIZE - 8; /* the dynamic section leads out of it */
	cr_expect_eq(object_read(&o, EM_X86_64, &image), -ENOEXEC);
}

Test(elf_image, maps_addresses_to_segments)
{
	struct elf_image image;
	static struct object o;

	make_good(&o);
	cr_assert_eq(object_read(&o, EM_X86_64, &image), 0);
	cr_expect_eq(elf_at(&image, 0, CODE), o.memory);
	cr_expect_null(elf_at(&image, 0, CODE + 1), "not over the end of a segment");
	cr_expect_null(elf_at(&image, CODE + PAGE, 1), "nor where none is");
	cr_expect_null(elf_at(&image, UINT64_MAX, 2));
	cr_expect(elf_executes(&image, (uintptr_t)o.memory + CODE));
	cr_expect_not(elf_executes(&image, (uintptr_t)o.memory + DATA));
	cr_expect_not(elf_executes(&image, (uintptr_t)o.memory - 1));
	cr_expect(elf_holds(&image, (uintptr_t)o.memory));
	cr_expect_not(elf_holds(&image, (uintptr_t)o.memory + OBJECT_SIZE));
}

/* What has become read-only after relocation, whole pages only; see _dl_protect_relro() in glibc. */
Test(elf_image, returns_protection_after_relocation)
{
	struct elf_image image;
	static struct object o __attribute__((aligned(PAGE)));

	make_good(&o);
	cr_assert_eq(object_read(&o, EM_X86_64, &image), 0);
	cr_expect_eq(elf_protection(&image, 0, PAGE), PROT_READ);
	cr_expect_eq(elf_protection(&image, CODE, PAGE), PROT_READ | PROT_EXEC);
	cr_expect_eq(elf_protection(&image, SLOTS, PAGE), PROT_READ);
	cr_expect_eq(elf_protection(&image, DATA + PAGE, PAGE), PROT_READ | PROT_WRITE);
	cr_expect_eq(elf_protection(&image, 0x3000, PAGE), -ENOEXEC);
	cr_expect_eq(elf_protection(&image, OBJECT_SIZE, PAGE), -ENOEXEC);
}

/* ---- symbols ---- */

Test(elf_symbols, finds_defined_symbols_only)
{
	struct elf_symbol symbol;
	struct elf_image image;
	static struct object o;

	make_good(&o);
	cr_assert_eq(object_read(&o, EM_X86_64, &image), 0);
	cr_assert_eq(elf_symbol_find(&image, "ibv_get_device_list", &symbol), 0);
	cr_expect_eq(symbol.value, CODE);
	cr_expect_eq(symbol.entry, SYMTAB + 2 * sizeof(Elf64_Sym));
	cr_expect_eq(elf_symbol_find(&image, "ioctl", &symbol), -ENOENT, "it is only used");
	cr_expect_eq(elf_symbol_find(&image, "ibv_get", &symbol), -ENOENT);
}

/* Words, buckets and chains, with `first` the first symbol that is in it. */
static int count_by_gnu_hash(const uint32_t *words, size_t count)
{
	struct elf_image image;
	static struct object o;

	object_init(&o);
	memcpy(o.memory + HASH, words, count * sizeof(*words));
	object_pointer(&o, DT_GNU_HASH, HASH);
	cr_assert_eq(object_read(&o, EM_X86_64, &image), 0);
	return image.symbol_count;
}

Test(elf_symbols, counts_symbols_by_gnu_hash_table)
{
	/* nbuckets, first, filter words, shift; filter (64 bits each); buckets; chains, odd at their end */
	static const uint32_t three[] = { 2, 3, 1, 0, 0, 0, 3, 5, 2, 1, 4, 7 };
	static const uint32_t none[] = { 1, 9, 1, 0, 0, 0, 0 };
	static const uint32_t before_the_first[] = { 1, 3, 1, 0, 0, 0, 2, 1 };
	static const uint32_t many_buckets[] = { UINT32_MAX, 3, 1, 0, 0, 0, 3, 1 };
	static const uint32_t wide_filter[] = { 1, 3, UINT32_MAX, 0, 0, 0, 3, 1 };
	static const uint32_t endless[] = { 1, 1, 1, 0, 0, 0, UINT32_MAX };

	cr_expect_eq(count_by_gnu_hash(three, 12), 7);
	cr_expect_eq(count_by_gnu_hash(none, 7), 9);
	cr_expect_eq(count_by_gnu_hash(before_the_first, 8), -ENOEXEC);
	cr_expect_eq(count_by_gnu_hash(many_buckets, 8), -ENOEXEC);
	cr_expect_eq(count_by_gnu_hash(wide_filter, 8), -ENOEXEC);
	cr_expect_eq(count_by_gnu_hash(endless, 7), -ENOEXEC);
}

/* ---- libibverbs ---- */

static void make_verbs(struct object *o, const char *soname, bool listing, const char *registering)
{
	object_init(o);
	if (soname)
		object_dynamic(o, DT_SONAME, object_text(o, soname));
	object_symbol(o, "ibv_get_device_list", listing ? CODE : 0);
	object_symbol(o, "ibv_open_device", CODE + 16);
	object_symbol(o, "ibv_register_driver", CODE + 32);
	if (registering)
		object_symbol(o, registering, CODE + 48);
	object_finish(o);
}

static const struct {
	const char *soname;
	bool listing, is_verbs;
} verbs[] = {
	{ "libibverbs.so.1", true, true },     { "libibverbs-1a2b3c.so.1.14.44", true, true },
	{ "libibverbs.so.1", false, false },   { "libibverbs", true, false },
	{ "librdmacm.so.1", true, false },     { NULL, true, false },
	{ "my-libibverbs.so.1", true, false },
};

Test(elf_verbs, recognizes_libibverbs_by_soname_and_symbols)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		struct elf_image image;
		static struct object o;

		make_verbs(&o, verbs[i].soname, verbs[i].listing, NULL);
		cr_assert_eq(object_read(&o, EM_X86_64, &image), 0);
		cr_expect_eq(elf_is_libibverbs(&image), verbs[i].is_verbs, "row %zu", i);
	}
}

Test(elf_verbs, returns_abi_of_providers)
{
	static const struct {
		const char *name;
		int abi;
	} rows[] = {
		{ "verbs_register_driver_34", 34 },
		{ "verbs_register_driver_57", 57 },
		{ "verbs_register_driver_", -ENOENT },
		{ "verbs_register_driver_3x", -ENOENT },
		{ "verbs_register_driver_99999999999999999999", -ENOENT },
		{ "xverbs_register_driver_34", -ENOENT },
		{ NULL, -ENOENT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct elf_image image;
		static struct object o;

		make_verbs(&o, "libibverbs.so.1", true, rows[i].name);
		cr_assert_eq(object_read(&o, EM_X86_64, &image), 0);
		cr_expect_eq(elf_verbs_abi(&image), rows[i].abi, "row %zu", i);
	}
}

/* ---- the real ones ---- */

static int read_loaded(struct dl_phdr_info *info, size_t size, void *found)
{
	struct elf_symbol symbol;
	struct elf_image image;

	(void)size;
	cr_assert_eq(elf_from_memory(elf_machine_here(), info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, &image), 0,
		     "%s", info->dlpi_name);
	cr_expect_geq(image.symbol_count, 0, "%s", info->dlpi_name);
	if (elf_soname(&image) && !strncmp(elf_soname(&image), "libc.so", 7)) {
		cr_assert_eq(elf_symbol_find(&image, "ioctl", &symbol), 0);
		*(uintptr_t *)found = image.bias + symbol.value;
	}
	return 0;
}

Test(elf_image, reads_every_loaded_object)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY);
	uintptr_t found = 0;

	dl_iterate_phdr(read_loaded, &found);
	cr_assert_not_null(libc);
	cr_expect_eq(found, (uintptr_t)dlsym(libc, "ioctl"));
}

static unsigned char *read_file(size_t *size)
{
	void *library = dlopen("libibverbs.so.1", RTLD_LAZY);
	unsigned char *octets;
	struct link_map *map;
	FILE *file;

	cr_assert_not_null(library);
	cr_assert_eq(dlinfo(library, RTLD_DI_LINKMAP, &map), 0);
	file = fopen(map->l_name, "r");
	cr_assert_not_null(file);
	octets = malloc(1 << 24);
	*size = fread(octets, 1, 1 << 24, file);
	fclose(file);
	return octets;
}

Test(elf_image, reads_installed_libibverbs)
{
	struct elf_slot slots[ROOM];
	struct elf_image image;
	size_t size;
	unsigned char *octets = read_file(&size);

	cr_assert_eq(elf_from_file(octets, size, &image), 0);
	cr_expect(elf_is_libibverbs(&image));
	cr_expect_gt(elf_verbs_abi(&image), 0);
	if (elf_machine_here() != EM_NONE)
		cr_expect_gt(elf_slots_find(&image, "ioctl", slots, ROOM), 0);
	free(octets);
}

/* Cut off anywhere: no octet beyond the end is read (AddressSanitizer), and it is no good object any more. */
Test(elf_image, refuses_truncated_file)
{
	size_t size;
	unsigned char *octets = read_file(&size);

	for (size_t left = 0; left < size; left += left < 256 ? 1 : 997) {
		unsigned char *part = malloc(left ? left : 1);
		struct elf_slot slots[ROOM];
		struct elf_image image;
		int found;

		memcpy(part, octets, left);
		if (!elf_from_file(part, left, &image)) {
			found = elf_slots_find(&image, "ioctl", slots, ROOM);
			cr_expect(found == -ENOEXEC || found > 0, "%zu octets: %d", left, found);
		}
		free(part);
	}
	free(octets);
}
