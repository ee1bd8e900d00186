/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A real network namespace for one test, changed with ip(8). Needs root; otherwise the test is skipped. */
#ifndef RDMASEC_TESTS_NETNS_FIXTURE_H
#define RDMASEC_TESTS_NETNS_FIXTURE_H

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "skip.h"

static inline void netns_enter(void)
{
	NEED_ROOT();
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
}

static inline void shell(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

/* A batch of ip(8) commands, one for each line. */
struct ip_batch {
	FILE *pipe;
};

static inline struct ip_batch ip_begin(void)
{
	struct ip_batch batch = { popen("ip -batch - >/dev/null", "w") };

	cr_assert(batch.pipe);
	return batch;
}

__attribute__((format(printf, 2, 3))) static inline void ip_say(struct ip_batch *batch, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(batch->pipe, format, args);
	va_end(args);
	fputc('\n', batch->pipe);
}

static inline void ip_end(struct ip_batch *batch)
{
	cr_assert_eq(pclose(batch->pipe), 0, "ip -batch");
}

#define NETNS_AEAD "aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128"

/* Returns whether SAs can be installed. Debian's kernels have ESP as a module; those of containers often lack it. */
static inline bool netns_has_esp(void)
{
	return !system("ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 1 mode transport " NETNS_AEAD
		       " 2>/dev/null && ip xfrm state delete src 192.0.2.1 dst 192.0.2.2 proto esp spi 1");
}

#endif
