/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_TOOLS_MONITOR_H
#define RDMASEC_TOOLS_MONITOR_H

#include <stdbool.h>
#include <stdio.h>

#include "util/attributes.h"

enum { MONITOR_ENDED = 1 };

/*
 * Prints the engine's events, one flushed line each. Blocks until `signals` is readable or the reader of `to` has
 * closed it, and returns 0; or until the engine ends: -errno and a text. The caller owns `socket`.
 */
RS_MUST_USE int monitor_stream(FILE *to, int socket, int signals, bool json, char *error, size_t error_size);

#endif
