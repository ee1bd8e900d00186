/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What users read is in tests/golden, so that a better sentence costs one edit there. RDMASEC_GOLDEN=write adds what is
 * missing. To drop old parts, empty the file before.
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

static inline bool golden_writes(void)
{
	const char *mode = getenv("RDMASEC_GOLDEN");

	return mode && !strcmp(mode, "write");
}

static inline FILE *golden_open(const char *file)
{
	char path[256];
	FILE *golden;

	snprintf(path, sizeof(path), "../golden/%s", file);
	golden = fopen(path, golden_writes() ? "r+e" : "re");
	cr_assert_not_null(golden, "%s", path);
	cr_assert_eq(flock(fileno(golden), golden_writes() ? LOCK_EX : LOCK_SH), 0); /* tests run side by side */
	return golden;
}

/* The sentence is one of those in the file: one a line, sorted. */
static inline void expect_golden(const char *file, const char *sentence)
{
	FILE *golden = golden_open(file);
	UT_array *lines = golden_read(golden);

	if (!golden_has(lines, sentence)) {
		cr_expect(golden_writes(), "not in tests/golden/%s: '%s'", file, sentence);
		if (golden_writes())
			golden_add(golden, lines, sentence);
	}
	utarray_free(lines);
	fclose(golden);
}

/* Reads the part of the file below the line "== NAME =="; "" if there is none. The caller frees it. */
static inline char *golden_part(FILE *golden, const char *name)
{
	char *part = NULL, *line = NULL, head[128];
	size_t part_size = 0, size = 0;
	FILE *to = open_memstream(&part, &part_size);
	bool inside = false;

	cr_assert_not_null(to);
	snprintf(head, sizeof(head), "== %s ==\n", name);
	while (getline(&line, &size, golden) > 0) {
		if (!strncmp(line, "== ", 3))
			inside = !strcmp(line, head);
		else if (inside)
			fputs(line, to);
	}
	fclose(to);
	free(line);
	return part;
}

/* The output is the part of the file below the line "== NAME ==". */
static inline void expect_golden_output(const char *file, const char *name, const char *output)
{
	FILE *golden = golden_open(file);
	char *part = golden_part(golden, name);

	if (golden_writes() && !*part)
		fprintf(golden, "== %s ==\n%s", name, output);
	else
		cr_expect_str_eq(output, part, "tests/golden/%s, %s:\n%s", file, name, output);
	free(part);
	fclose(golden);
}

#endif
