/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* How a process gives up what it does not need, for good. Failure has to be fatal. */
#ifndef RDMASEC_CORE_CONFINE_H
#define RDMASEC_CORE_CONFINE_H

#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"

/* Keeps these capabilities and no other; no new ones, no core dump, no ptrace by others of the same user. */
RS_MUST_USE int confine_to_capabilities(const int *capabilities, size_t count);

enum { CONFINE_ARGUMENTS_MAX = 3 };

struct confine_rule {
	uint32_t action; /* SCMP_ACT_* */
	int syscall;     /* SCMP_SYS() */
	unsigned int argument_count;
	struct scmp_arg_cmp arguments[CONFINE_ARGUMENTS_MAX];
};

/* The calls of an ordinary rule, which need no look at their arguments. */
#define CONFINE_ALLOW(name)                                         \
	{                                                           \
		.action = SCMP_ACT_ALLOW, .syscall = SCMP_SYS(name) \
	}
#define CONFINE_KILL(name)                                                 \
	{                                                                  \
		.action = SCMP_ACT_KILL_PROCESS, .syscall = SCMP_SYS(name) \
	}
/* The kernel takes an int from the lower half of its register: what is in the other one does not count. */
#define CONFINE_INT(argument, value) CONFINE_BITS(argument, UINT32_MAX, value)
#define CONFINE_BITS(argument, mask, value)                                                                  \
	{                                                                                                    \
		.arg = (argument), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (uint32_t)(value) \
	}
#define CONFINE_ALLOW_IF(name, count, ...)                                                                     \
	{                                                                                                      \
		.action = SCMP_ACT_ALLOW, .syscall = SCMP_SYS(name), .argument_count = (count), .arguments = { \
			__VA_ARGS__                                                                            \
		}                                                                                              \
	}

/*
 * Filters the calling thread's system calls, and those of all that it starts. Calls of other architectures' ABIs kill.
 * After it returns, nothing is called any more but what the rules allow.
 */
RS_MUST_USE int confine_to_calls(uint32_t otherwise, const struct confine_rule *rules, size_t count);

#endif
