/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Verbs that a program takes from a library that it loaded itself. */
#ifndef RDMASEC_TESTS_APPS_VERBS_TAKEN_H
#define RDMASEC_TESTS_APPS_VERBS_TAKEN_H

#include "rc.h"

/* From a handle of dlopen(3). 0 or -ELIBACC, and a line for each that is missing. */
int verbs_take(void *library, struct verbs_calls *out);

/* A client's one QP, from nothing to its end, through such verbs. 0 or -errno, and a line. */
int verbs_connect_one(const struct verbs_calls *verbs, const struct options *options);

#endif
