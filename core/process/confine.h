/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A process gives up privileges and system calls for good. The caller must treat every failure as fatal. */
#ifndef RDMASEC_PROCESS_CONFINE_H
#define RDMASEC_PROCESS_CONFINE_H

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attributes.h"

/*
 * Keeps these capabilities only. Also forbids new ones, core dumps, and ptrace by other processes of the same user.
 * Returns 0 or -errno.
 */
RS_MUST_USE int confine_to_capabilities(const int *capabilities, size_t count);
/* Returns whether the calling thread has it, and may keep it. */
bool confine_has_capability(int capability);

/* The sanitizers make system calls of their own: a process under one is not confined to calls. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONFINE_UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define CONFINE_UNDER_SANITIZER 1
#endif
#endif
#ifndef CONFINE_UNDER_SANITIZER
#define CONFINE_UNDER_SANITIZER 0
#endif

enum { CONFINE_ARGUMENTS_MAX = 3 };

struct confine_rule {
	uint32_t action; /* SCMP_ACT_* */
	int syscall;     /* SCMP_SYS() */
	unsigned int argument_count;
	struct scmp_arg_cmp arguments[CONFINE_ARGUMENTS_MAX];
};

struct confine_list {
	const struct confine_rule *rules;
	size_t count;
};

#define CONFINE_LIST(array)                                                   \
	{                                                                     \
		.rules = (array), .count = sizeof(array) / sizeof((array)[0]) \
	}

/*
 * System calls that every process of rdmasec needs after its start: it reads and writes open files, opens none, and
 * starts no program. confine_loop adds those of a libevent loop with listening sockets.
 */
extern const struct confine_list confine_common, confine_loop;

/* A call that is allowed, or kills, whatever its arguments. */
#define CONFINE_ALLOW(name)                                         \
	{                                                           \
		.action = SCMP_ACT_ALLOW, .syscall = SCMP_SYS(name) \
	}
#define CONFINE_KILL(name)                                                 \
	{                                                                  \
		.action = SCMP_ACT_KILL_PROCESS, .syscall = SCMP_SYS(name) \
	}
/* The kernel takes an int from the lower half of its register, and ignores the upper half. */
#define CONFINE_INT(argument, value) CONFINE_BITS(argument, UINT32_MAX, value)
#define CONFINE_BITS(argument, mask, value)                                                                  \
	{                                                                                                    \
		.arg = (argument), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (uint32_t)(value) \
	}
#define CONFINE_RULE(what, name, count, ...)                                                                         \
	{                                                                                                            \
		.action = (what), .syscall = SCMP_SYS(name), .argument_count = (count), .arguments = { __VA_ARGS__ } \
	}
#define CONFINE_ALLOW_IF(name, count, ...) CONFINE_RULE(SCMP_ACT_ALLOW, name, count, __VA_ARGS__)

#define CONFINE_IOCTL(request) CONFINE_ALLOW_IF(ioctl, 1, CONFINE_INT(1, request))

/*
 * Adds rules to a filter whose default is `otherwise`. Calls that this architecture does not have are left out; calls
 * of other architectures' ABIs will kill the process. 0 or -errno of libseccomp.
 */
RS_MUST_USE int confine_add_rules(scmp_filter_ctx filter, uint32_t otherwise, const struct confine_list *list);

/*
 * Installs a filter for the calling thread and the threads it starts. The lists say which system calls are allowed; any
 * other gets `otherwise` (SCMP_ACT_*); one of another architecture's ABI kills the process. Two lists must not name the
 * same call with the same arguments. Returns 0 or -errno, after which the process must end.
 */
RS_MUST_USE int confine_to_calls(uint32_t otherwise, const struct confine_list *lists, size_t count);

#endif
