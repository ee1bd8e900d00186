/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Verbs that a program takes from a library that it has loaded. */
#ifndef RDMASEC_TESTS_APPS_VERBS_TAKEN_H
#define RDMASEC_TESTS_APPS_VERBS_TAKEN_H

#include "rc.h"

/* Returns 0, or -ELIBACC and prints a line for each symbol that is missing. library: a handle of dlopen(3). */
int verbs_take(void *library, struct verbs_calls *out);

/* Makes and destroys one QP of a client. Returns 0, or -errno and prints a line. */
int verbs_connect_one(const struct verbs_calls *verbs, const struct options *options);

#endif
