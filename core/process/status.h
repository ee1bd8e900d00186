/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Fields of /proc/PID/status (proc(5)). */
#ifndef RDMASEC_PROCESS_STATUS_H
#define RDMASEC_PROCESS_STATUS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/attributes.h"

/*
 * Reads the first `count` numbers of a field, such as "Uid", of a process or thread. `base` as strtoull(3) takes it.
 * Returns 0; -ESRCH when there is no such process; -EPROTO when the field is absent or has fewer numbers; another
 * -errno of open(2). The answer may be that of a later process with this number: the caller holds a pidfd and asks it
 * afterwards whether the process still lives.
 */
RS_MUST_USE int process_status_numbers(pid_t pid, const char *field, int base, uint64_t *out, size_t count);

#endif
