// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Prints what a descendant of `rdmasec run` finds: the name of the engine or "none", and "marked" or "unmarked". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "door/engine_inherited.h"

int main(int argc, char **argv)
{
	char name[WIRE_NAME_MAX];

	if (argc == 2 && !strcmp(argv[1], "clearenv"))
		clearenv();
	if (argc == 2 && !strcmp(argv[1], "daemon")) {
		syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
		if (fork())
			return 0;
		setsid();
		/* until init, or a subreaper, has adopted it */
		for (pid_t parent = getppid(), first = parent; parent == first && parent != 1; parent = getppid())
			usleep(1000);
		clearenv();
	}
	printf("%s %s\n", engine_inherited(name) ? "none" : name, engine_is_marked() ? "marked" : "unmarked");
	return 0;
}
