/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Policies from their text. */
#ifndef RDMASEC_TESTS_POLICY_FIXTURE_H
#define RDMASEC_TESTS_POLICY_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "policy/policy.h"
#include "util/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define R   "[rule a]\n"
#define X10 "xxxxxxxxxx"
#define X40 X10 X10 X10 X10

/* A text with its length, since some hold a NUL. */
#define TEXT(literal) literal, sizeof(literal) - 1

static inline struct policy *parse_text(const char *text, size_t len)
{
	char error[POLICY_ERROR_MAX] = "";
	struct policy *policy = NULL;
	int err = policy_parse("p", text, len, &policy, error, sizeof(error));

	cr_assert_eq(err, 0, "%d: %s\n%s", err, error, text);
	return policy;
}

static inline struct policy *parse(const char *text)
{
	return parse_text(text, strlen(text));
}

#endif
