/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What has to hold in a fuzzer, in every build type; a libFuzzer program's entry. */
#ifndef RDMASEC_TESTS_FUZZ_MUST_H
#define RDMASEC_TESTS_FUZZ_MUST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST(condition)                                                                         \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
