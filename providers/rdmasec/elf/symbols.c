// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The dynamic symbols of an object. Only its hash table has their number. */
#include <errno.h>
#include <string.h>

#include "elf/image.h"

/* DT_HASH: nbucket, nchain; there is one chain element for each symbol. */
static int count_by_hash(const struct elf_image *image, uint32_t *out)
{
	return elf_read(image, image->hash + sizeof(uint32_t), out, sizeof(uint32_t));
}

/* From the first symbol of the last chain to its last, which has the lowest bit set. */
static int chain_end(const struct elf_image *image, uint64_t chains, uint32_t first, uint32_t symbol, uint32_t *out)
{
	uint32_t hash = 0;

	for (; !(hash & 1); symbol++) {
		int err = symbol < ELF_SYMBOLS_MAX
				  ? elf_read(image, chains + (uint64_t)(symbol - first) * sizeof(uint32_t), &hash,
					     sizeof(uint32_t))
				  : -ENOEXEC;

		if (err)
			return err;
	}
	*out = symbol;
	return 0;
}

/* DT_GNU_HASH: four words (nbuckets, the first symbol, words of the filter, its shift), filter, buckets, chains. */
static int count_by_gnu_hash(const struct elf_image *image, uint32_t *out)
{
	uint32_t header[3], last = 0, bucket;
	uint64_t buckets;

	if (elf_read(image, image->gnu_hash, header, sizeof(header)) || header[0] > ELF_SYMBOLS_MAX)
		return -ENOEXEC;
	buckets = image->gnu_hash + 16 + (uint64_t)header[2] * sizeof(uint64_t);
	for (uint32_t i = 0; i < header[0]; i++) {
		if (elf_read(image, buckets + (uint64_t)i * sizeof(uint32_t), &bucket, sizeof(uint32_t)))
			return -ENOEXEC;
		last = bucket > last ? bucket : last;
	}
	/* without defined symbols there is no chain */
	if (!last) {
		*out = header[1];
		return 0;
	}
	if (last < header[1])
		return -ENOEXEC;
	return chain_end(image, buckets + (uint64_t)header[0] * sizeof(uint32_t), header[1], last, out);
}

int elf_symbols_count(const struct elf_image *image)
{
	uint32_t count = 0;
	int err = 0;

	if (image->gnu_hash)
		err = count_by_gnu_hash(image, &count);
	else if (image->hash)
		err = count_by_hash(image, &count);
	if (!err && count > ELF_SYMBOLS_MAX)
		err = -ENOEXEC;
	return err ? err : (int)count;
}

static int symbol_at(const struct elf_image *image, size_t index, struct elf_symbol *out)
{
	uint64_t entry = image->symtab + index * sizeof(Elf64_Sym);
	const char *name;
	Elf64_Sym symbol;
	int err = elf_read(image, entry, &symbol, sizeof(symbol));

	if (err)
		return err;
	name = elf_text(image, symbol.st_name);
	if (!name)
		return -ENOEXEC;
	*out = (struct elf_symbol){ .entry = entry,
				    .value = symbol.st_shndx == SHN_UNDEF ? 0 : symbol.st_value,
				    .name = name };
	return 0;
}

int elf_symbol_next(const struct elf_image *image, size_t *cursor, struct elf_symbol *out)
{
	int err;

	if (image->symbol_count < 0)
		return image->symbol_count;
	if (*cursor >= (size_t)image->symbol_count)
		return 0;
	err = symbol_at(image, *cursor, out);
	if (err)
		return err;
	(*cursor)++;
	return 1;
}

int elf_symbol_find(const struct elf_image *image, const char *name, struct elf_symbol *out)
{
	struct elf_symbol symbol;
	size_t cursor = 0;
	int more;

	while ((more = elf_symbol_next(image, &cursor, &symbol)) == 1) {
		if (!symbol.value || strcmp(symbol.name, name) != 0)
			continue;
		*out = symbol;
		return 0;
	}
	return more ? more : -ENOENT;
}
