// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The dynamic symbols of an object. How many there are is told by its hash table alone. */
#include <errno.h>
#include <string.h>

#include "elf/image.h"

static int word_at(const struct elf_image *image, uint64_t address, uint32_t *out)
{
	const void *from = elf_at(image, address, sizeof(*out));

	if (!from)
		return -ENOEXEC;
	memcpy(out, from, sizeof(*out));
	return 0;
}

/* DT_HASH: nbucket, nchain; there is one chain element for each symbol. */
static int count_by_hash(const struct elf_image *image, uint32_t *out)
{
	return word_at(image, image->hash + sizeof(uint32_t), out);
}

/* From the first symbol of the last chain to its last, which has the lowest bit set. */
static int chain_end(const struct elf_image *image, uint64_t chains, uint32_t first, uint32_t symbol, uint32_t *out)
{
	uint32_t hash = 0;

	for (; !(hash & 1); symbol++) {
		int err = symbol < ELF_SYMBOLS_MAX
				  ? word_at(image, chains + (uint64_t)(symbol - first) * sizeof(uint32_t), &hash)
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
	uint32_t nbuckets, first, words, last = 0, bucket;
	uint64_t buckets;

	if (word_at(image, image->gnu_hash, &nbuckets) || word_at(image, image->gnu_hash + 4, &first) ||
	    word_at(image, image->gnu_hash + 8, &words) || nbuckets > ELF_SYMBOLS_MAX)
		return -ENOEXEC;
	buckets = image->gnu_hash + 16 + (uint64_t)words * sizeof(uint64_t);
	for (uint32_t i = 0; i < nbuckets; i++) {
		if (word_at(image, buckets + (uint64_t)i * sizeof(uint32_t), &bucket))
			return -ENOEXEC;
		last = bucket > last ? bucket : last;
	}
	/* without defined symbols there is no chain */
	if (!last) {
		*out = first;
		return 0;
	}
	if (last < first)
		return -ENOEXEC;
	return chain_end(image, buckets + (uint64_t)nbuckets * sizeof(uint32_t), first, last, out);
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
	const void *from = elf_at(image, entry, sizeof(Elf64_Sym));
	const char *name;
	Elf64_Sym symbol;

	if (!from)
		return -ENOEXEC;
	memcpy(&symbol, from, sizeof(symbol));
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
