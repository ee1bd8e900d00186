/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_TESTS_THREADS_MUST_H
#define RDMASEC_TESTS_THREADS_MUST_H

#include <stdio.h>
#include <stdlib.h>

/* Ends the process with status 1 and a line on stderr, unless `condition` holds. Any thread. */
#define MUST(condition)                                                                               \
	do {                                                                                          \
		if (!(condition)) {                                                                   \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
			_Exit(1);                                                                     \
		}                                                                                     \
	} while (0)

#endif
