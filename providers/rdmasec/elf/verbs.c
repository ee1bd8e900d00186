// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Recognizes libibverbs. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/image.h"

enum { ABI_MAX = 9999 };

/* "libibverbs.so.1", or as bundlers rename it: "libibverbs-1a2b3c.so.1.14.44". Preloads have other names. */
static bool soname_fits(const char *soname)
{
	static const char library[] = "libibverbs";

	return soname && !strncmp(soname, library, sizeof(library) - 1) && strstr(soname, ".so");
}

bool elf_is_libibverbs(const struct elf_image *image)
{
	struct elf_symbol symbol;

	return soname_fits(elf_soname(image)) && !elf_symbol_find(image, "ibv_get_device_list", &symbol) &&
	       !elf_symbol_find(image, "ibv_open_device", &symbol);
}

/* "verbs_register_driver_34" (libibverbs/driver.h: RDMA's PABI_VERSION) */
static int abi_from(const char *name)
{
	static const char prefix[] = "verbs_register_driver_";
	const char *digits = name + sizeof(prefix) - 1;
	unsigned long number;
	char *end;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 || !isdigit((unsigned char)*digits))
		return -ENOENT;
	number = strtoul(digits, &end, 10);
	return !*end && number <= ABI_MAX ? (int)number : -ENOENT;
}

int elf_verbs_abi(const struct elf_image *image)
{
	struct elf_symbol symbol;
	size_t cursor = 0;
	int more;

	while ((more = elf_symbol_next(image, &cursor, &symbol)) == 1) {
		int abi = symbol.value ? abi_from(symbol.name) : -ENOENT;

		if (abi >= 0)
			return abi;
	}
	return more ? more : -ENOENT;
}
