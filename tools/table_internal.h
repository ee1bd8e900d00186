/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_TOOLS_TABLE_INTERNAL_H
#define RDMASEC_TOOLS_TABLE_INTERNAL_H

#include <stdio.h>

/* Prints a text below its row, wrapped at blanks to the width of the terminal. */
void print_wrapped(FILE *to, const char *label, const char *text, int width);

const char *or_dash(const char *text);

#endif
