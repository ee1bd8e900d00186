/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Tests that cannot run here. Criterion does not report them, so this header prints a line, which buildlib/check
 * counts.
 */
#ifndef RDMASEC_TESTS_SKIP_H
#define RDMASEC_TESTS_SKIP_H

#include <cap-ng.h>
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define skip_test(reason)                                                                  \
	do {                                                                               \
		fprintf(stderr, "skipped: %s: %s: %s\n", criterion_current_test->category, \
			criterion_current_test->name, reason);                             \
		cr_skip_test(reason);                                                      \
	} while (0)

/* Root in a container often has fewer capabilities. */
static inline bool is_root(void)
{
	static const unsigned int needed[] = { CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH };
	bool has = !geteuid() && !capng_get_caps_process();

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		has = has && capng_have_capability(CAPNG_EFFECTIVE, needed[i]);
	return has;
}

#define NEED_ROOT()                                                            \
	do {                                                                   \
		if (!is_root())                                                \
			skip_test("needs root, with all of its capabilities"); \
	} while (0)

#endif
