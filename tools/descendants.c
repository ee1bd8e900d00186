// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "descendants.h"

#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "process/status.h"

enum { DEPTH_MAX = 4096 };

bool is_descendant(pid_t pid, pid_t top)
{
	uint64_t parent;

	for (int depth = 0; pid > 1 && depth < DEPTH_MAX; depth++) {
		if (pid == top)
			return true;
		if (process_status_numbers(pid, "PPid", 10, &parent, 1))
			return false;
		pid = (pid_t)parent;
	}
	return false;
}

/* The pidfd first: the process that is looked at is the one that gets the signal. */
static void kill_descendant(pid_t pid, pid_t top)
{
	int pidfd = pidfd_open(pid, 0);

	if (pidfd < 0)
		return;
	if (pid != top && is_descendant(pid, top) && pidfd_send_signal(pidfd, SIGKILL, NULL, 0)) {
		/* it has ended, or it is of another user */
	}
	close(pidfd);
}

void descendants_kill(void)
{
	const struct dirent *entry;
	DIR *proc = opendir("/proc");

	while (proc && (entry = readdir(proc))) {
		char *end;
		unsigned long pid = strtoul(entry->d_name, &end, 10);

		if (pid && !*end)
			kill_descendant((pid_t)pid, getpid());
	}
	if (proc)
		closedir(proc);
}
