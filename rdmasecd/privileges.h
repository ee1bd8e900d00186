/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Drops privileges of root once the daemon has its socket and its opener (core/netns/netns.h). */
#ifndef RDMASEC_RDMASECD_PRIVILEGES_H
#define RDMASEC_RDMASECD_PRIVILEGES_H

#include "util/attributes.h"

/*
 * Permanently keeps only two capabilities and the system calls of privileges_calls.c, and raises the limit of open
 * files. 0 or -errno, after which the process must exit. A build with a sanitizer, which makes other calls, has no
 * filter.
 */
RS_MUST_USE int privileges_drop(void);

/* Installs the filter alone. */
RS_MUST_USE int privileges_filter_calls(void);

#endif
