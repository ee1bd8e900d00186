/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What the daemon keeps of root's power once it has its socket and its opener (core/netns/netns.h). */
#ifndef RDMASEC_RDMASECD_PRIVILEGES_H
#define RDMASEC_RDMASECD_PRIVILEGES_H

#include "util/attributes.h"

/*
 * For good, and for all that follows: two capabilities, the system calls of privileges_calls.c, as many open files as
 * the host allows. 0 or -errno, after which the process is not to go on. In a build under a sanitizer, which makes
 * calls of its own, without the filter.
 */
RS_MUST_USE int privileges_drop(void);

/* The filter alone. */
RS_MUST_USE int privileges_filter_calls(void);

#endif
