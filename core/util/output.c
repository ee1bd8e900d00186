// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "util/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int output_finish(const char *program, int status, int failed)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (errno == EPIPE)
		return status;
	fprintf(stderr, "%s: cannot write the output: %s\n", program, errno ? strerror(errno) : "a write failed");
	return failed;
}
