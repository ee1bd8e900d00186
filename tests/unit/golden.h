/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The sentences that users read stand in tests/golden/FILE, one a line; tests assert reason codes, and that a sentence
 * is among them. RDMASEC_GOLDEN=write adds the sentences that are missing. Remove the old ones by hand.
 */
#ifndef RDMASEC_TESTS_UNIT_GOLDEN_H
#define RDMASEC_TESTS_UNIT_GOLDEN_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline bool golden_has(FILE *golden, const char *sentence)
{
	char line[1024];

	while (fgets(line, sizeof(line), golden)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strcmp(line, sentence))
			return true;
	}
	return false;
}

static inline void expect_golden(const char *file, const char *sentence)
{
	const char *mode = getenv("RDMASEC_GOLDEN");
	bool writes = mode && !strcmp(mode, "write");
	char path[256];
	FILE *golden;

	snprintf(path, sizeof(path), "../golden/%s", file);
	golden = fopen(path, writes ? "a+e" : "re");
	cr_assert_not_null(golden, "%s", path);
	rewind(golden);
	if (!golden_has(golden, sentence)) {
		cr_expect(writes, "not in tests/golden/%s: '%s'", file, sentence);
		if (writes)
			fprintf(golden, "%s\n", sentence);
	}
	fclose(golden);
}

#endif
