// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "process/same_file.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

int same_open_file(pid_t pid_a, int fd_a, pid_t pid_b, int fd_b, bool *out)
{
	long order;

	/* the kernel takes unsigned longs, and would look up -1 as a number */
	if (fd_a < 0 || fd_b < 0)
		return -EBADF;
	order = syscall(SYS_kcmp, pid_a, pid_b, KCMP_FILE, (unsigned long)fd_a, (unsigned long)fd_b);
	if (order < 0)
		return -errno;
	/* 1, 2 and 3: they differ */
	*out = order == 0;
	return 0;
}
