/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The sentences that users read stand in tests/golden/FILE, one a line and sorted; tests assert reason codes, and that
 * a sentence is among them. RDMASEC_GOLDEN=write adds the sentences that are missing. To drop old ones, empty the file
 * before.
 */
#ifndef RDMASEC_TESTS_UNIT_GOLDEN_H
#define RDMASEC_TESTS_UNIT_GOLDEN_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <utarray.h>

static inline int golden_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline UT_array *golden_read(FILE *golden)
{
	size_t size = 0;
	UT_array *lines;
	char *line = NULL;

	utarray_new(lines, &ut_str_icd);
	while (getline(&line, &size, golden) > 0) {
		line[strcspn(line, "\n")] = '\0';
		utarray_push_back(lines, &line);
	}
	free(line);
	return lines;
}

static inline bool golden_has(UT_array *lines, const char *sentence)
{
	for (char **line = NULL; (line = utarray_next(lines, line));)
		if (!strcmp(*line, sentence))
			return true;
	return false;
}

static inline void golden_add(FILE *golden, UT_array *lines, const char *sentence)
{
	utarray_push_back(lines, &sentence);
	utarray_sort(lines, golden_order);
	cr_assert_eq(ftruncate(fileno(golden), 0), 0);
	rewind(golden);
	for (char **line = NULL; (line = utarray_next(lines, line));)
		fprintf(golden, "%s\n", *line);
}

static inline void expect_golden(const char *file, const char *sentence)
{
	const char *mode = getenv("RDMASEC_GOLDEN");
	bool writes = mode && !strcmp(mode, "write");
	char path[256];
	UT_array *lines;
	FILE *golden;

	snprintf(path, sizeof(path), "../golden/%s", file);
	golden = fopen(path, writes ? "r+e" : "re");
	cr_assert_not_null(golden, "%s", path);
	cr_assert_eq(flock(fileno(golden), writes ? LOCK_EX : LOCK_SH), 0); /* tests run side by side */
	lines = golden_read(golden);
	if (!golden_has(lines, sentence)) {
		cr_expect(writes, "not in tests/golden/%s: '%s'", file, sentence);
		if (writes)
			golden_add(golden, lines, sentence);
	}
	utarray_free(lines);
	fclose(golden);
}

#endif
