// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Connects one QP with verbs that it takes from libibverbs by dlvsym, as NCCL does (src/misc/ibvsymbols.cc): it refers
 * to no symbol of libibverbs, so a library that replaces such a symbol has no effect.
 */
#include <dlfcn.h>
#include <stdio.h>

#include "verbs_taken.h"

int main(int argc, char **argv)
{
	struct verbs_calls verbs;
	struct options options;
	void *library;

	options_read(argc, argv, &options);
	if (!options.server) {
		fprintf(stderr, "verbs_dlvsym: verbs_threads is its server\n");
		return 2;
	}
	library = dlopen("libibverbs.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		fprintf(stderr, "verbs_dlvsym: %s\n", dlerror());
		return 1;
	}
	if (verbs_take(library, &verbs) || verbs_connect_one(&verbs, &options))
		return 1;
	printf("1 of 1 QPs connected\n");
	return 0;
}
