/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The end of a program's standard output. */
#ifndef RDMASEC_UTIL_OUTPUT_H
#define RDMASEC_UTIL_OUTPUT_H

#include "util/attributes.h"

/*
 * Flushes stdout at the end of `program`. Returns `status`; or, if a part of the output could not be written (a full
 * disk, a closed descriptor), `failed` after a message on stderr. A reader that has closed the pipe is no error.
 */
RS_MUST_USE int output_finish(const char *program, int status, int failed);

#endif
